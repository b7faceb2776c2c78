#include "runtime/stages/parent.h"

#include <linux/sched.h>
#include <sys/wait.h>

#include <algorithm>

#include "runtime/concerns/limits.h"
#include "runtime/stages/bridge.h"
#include "runtime/stages/sources.h"
#include "runtime/stages/spawn.h"
#include "spec/base/proc.h"
#include "spec/base/undo.h"

namespace stages {

namespace {

constexpr int kGraceMs = 1000;

// What the stages say until one of them is ready.
struct Conversation {
  Watch& watch;
  Channel& channel;
  Sequence sequence;
  Child first;  // the bridge, until it has cloned init
  Launched& launched;
  bool in_hooks = false;  // init runs its createContainer hooks

  [[nodiscard]] pid_t pid() const { return first.pid ? first.pid : launched.pid; }
  [[nodiscard]] Fd process() const { return first.pid ? first.pidfd.get() : launched.pidfd.get(); }
  [[nodiscard]] Watch::Wait wait() const {
    if (in_hooks) return {"the createContainer hooks", kNoLimit};
    return {sequence.waiting_for()};
  }
};

// Says goodbye by closing the channel, and waits for it a while.
void end_politely(Channel& channel, Fd process) {
  if (!channel.open()) return;
  channel.close();
  pollfd end{process.raw(), POLLIN, 0};
  (void)sys::poll({&end, 1}, kGraceMs);  // what does not go is killed
}

Result<> take_init(Conversation& talk, Packet& packet) {
  const auto pid = str::number<pid_t>(packet.payload);
  if (!pid || packet.fds.empty()) return Error(Kind::protocol, "the bridge announced no process");
  talk.launched.pid = *pid;
  talk.launched.pidfd = std::move(packet.fds[0]);
  TRY(talk.watch.ended(talk.first.pidfd, {"the end of the bridge"}));  // it exits right after this message
  (void)sys::waitpid(talk.first.pid, 0);
  talk.first.pid = 0;
  return talk.channel.send(Tag::known);
}

Result<> take_terminal(Conversation& talk, Packet& packet) {
  if (packet.fds.empty()) return Error(Kind::protocol, "the container announced a terminal and sent none");
  talk.launched.terminal = std::move(packet.fds[0]);
  talk.launched.terminal_name = packet.payload;
  return {};
}

// Receives until `ready`; `answer` does what the container's own creation needs.
template <class Answer>
Result<> converse(Conversation& talk, Answer answer) {
  while (!talk.sequence.done()) {
    std::optional<Packet> packet = TRY(talk.watch.receive(talk.channel, {talk.process()}, talk.wait()));
    if (!packet) return died(talk.pid(), talk.process(), talk.wait().what);
    if (packet->tag == Tag::log) {
      forward_log(packet->payload);
      continue;
    }
    if (packet->tag == Tag::failed) return decode_error(packet->payload);
    TRY(talk.sequence.accept(packet->tag));
    talk.in_hooks = false;
    if (packet->tag == Tag::init_pid)
      TRY(take_init(talk, *packet));
    else if (packet->tag == Tag::terminal)
      TRY(take_terminal(talk, *packet));
    else
      TRY(answer(packet->tag, talk));
  }
  return {};
}

template <class Body, class Answer>
Result<Launched> launch_with(Watch& watch, const char* name, uint64_t flags, Fd cgroup,
                             const Sequence::Expectations& expect, bool bridged, Body body, Answer answer) {
  Channel::Pair ends = TRY(Channel::pair());
  Child first = TRY(spawn(name, flags, cgroup, SIGCHLD, ends, [&](Channel&) { return body(ends); }));
  ends.child.close();
  Launched launched;
  launched.channel = std::move(ends.parent);
  if (!bridged) {
    launched.pid = std::exchange(first.pid, 0);
    launched.pidfd = std::move(first.pidfd);
  }
  Conversation talk{watch, launched.channel, Sequence(expect), std::move(first), launched};
  Undo end([&] {
    if (talk.first.pid) {
      end_politely(launched.channel, talk.first.pidfd);
      kill_and_reap(talk.first.pid, talk.first.pidfd);
    }
    if (launched.pid) abandon(launched);
  });
  TRY(converse(talk, answer));
  end.keep();
  return launched;
}

// Before init, whose end of its channel the other process must not hold.
Result<Child> spawn_sources(const plan::Plan& plan, Handles& handles) {
  if (!needs_sources(plan)) return Child();
  Channel::Pair ends = TRY(Channel::pair());
  Child child = TRY(spawn("rt:sources", 0, Fd(), SIGCHLD, ends,
                          [&](Channel& channel) { return serve_sources(channel, plan, handles); }));
  handles.sources = std::move(ends.parent);
  return child;
}

Result<UniqueFd> in_file(std::string_view text) {
  UniqueFd file = TRY(sys::memfd_create("state", 0));
  TRY(sys::pwrite_all(file, text, 0));
  return file;
}

// In files, since annotations make them longer than a message may be.
Result<> send_states(Channel& channel, const HookStates& states) {
  const UniqueFd creating = TRY(in_file(states.creating));
  const UniqueFd created = TRY(in_file(states.created));
  return channel.send(Tag::hooks_done, {}, {creating, created});
}

// Of one that ends; the end of its channel is some way before its own.
std::optional<int> await_status(pid_t pid, Fd process) {
  pollfd end{process.raw(), POLLIN, 0};
  (void)sys::poll({&end, 1}, kGraceMs);
  return proc::exit_status(pid, process);
}

int signal_of(std::optional<int> status) { return status && WIFSIGNALED(*status) ? WTERMSIG(*status) : 0; }

Error explain_clone(Error error, const plan::Namespaces& namespaces) {
  if (error.errnum == EPERM && !namespaces.user())
    return Error(Kind::denied, EPERM,
                 "not enough rights to make namespaces: run as root (sudo), or add a user namespace to "
                 "linux.namespaces");
  if (error.errnum == EPERM)
    return Error(Kind::denied, EPERM,
                 "linux.namespaces: the kernel makes no user namespace here: inside a chroot it never does; "
                 "elsewhere see "
                 "/proc/sys/user/max_user_namespaces, and for ordinary users /proc/sys/kernel/*userns*");
  if (error.errnum == ENOSPC) error.message += "; the limits in /proc/sys/user/max_*_namespaces are reached";
  return std::move(error).within("making the container's namespaces");
}

}  // namespace

void forward_log(std::string_view payload) {
  if (payload.empty()) return;
  logs::write(static_cast<logs::Level>(payload[0] - '0'), payload.substr(1));
}

Error died(pid_t pid, Fd process, std::string_view what) {
  const std::optional<int> status = await_status(pid, process);
  const std::string_view hint =
      signal_of(status) == SIGSYS ? "; linux.seccomp kills it for a system call that it needs" : "";
  return Error(Kind::protocol, str::cat("the container's init process ", how_it_ended(status),
                                        " while the runtime waited for ", what, hint));
}

void abandon(Launched& launched) {
  end_politely(launched.channel, launched.pidfd);
  kill_and_reap(launched.pid, launched.pidfd);
}

void kill_and_reap(pid_t pid, Fd pidfd) {
  (void)sys::pidfd_send_signal(pidfd, SIGKILL);
  (void)sys::waitpid(pid, 0);
}

Result<Launched> launch(Watch& watch, const plan::Plan& plan, Handles handles, bool privileged,
                        const HookRunner& run_hooks) {
  const plan::Namespaces& namespaces = plan.namespaces;
  const Sequence::Expectations expect{
      .setup = namespaces.is_new(oci::NamespaceType::user),
      .init_pid = namespaces.bridged,
      .hooks = pauses(plan),
      .terminal = plan.process && plan.process->terminal,
  };
  const auto body = [&](Channel::Pair& ends) {
    return namespaces.bridged ? bridge(ends, plan, handles) : init(ends.child, plan, handles, Entry::direct);
  };
  const auto answer = [&](Tag tag, Conversation& talk) -> Result<> {
    if (tag == Tag::want_setup) {
      TRY(namespaces::write_id_maps(talk.pid(), namespaces, privileged));
      return talk.channel.send(Tag::setup_done);
    }
    if (tag == Tag::want_hooks) {
      const HookStates states = TRY(run_hooks(talk.launched));
      talk.in_hooks = !plan.hooks.create_container.empty();
      return send_states(talk.channel, states);
    }
    return {};
  };
  const Child sources = TRY(spawn_sources(plan, handles));
  const Undo end_sources([&] {
    handles.sources.close();
    if (sources.pid) kill_and_reap(sources.pid, sources.pidfd);
  });
  const uint64_t flags = namespaces.bridged ? 0 : namespaces.clone_flags;
  Result<Launched> launched = launch_with(watch, namespaces.bridged ? "rt:bridge" : "rt:init", flags,
                                          handles.cgroup, expect, namespaces.bridged, body, answer);
  if (!launched.ok() && launched.error().message.starts_with("clone3"))
    return explain_clone(launched.take_error(), namespaces);
  return launched;
}

Result<Launched> launch_tenant(Watch& watch, const Tenant& tenant_plan, Handles handles) {
  // Before anything of it is in the container's cgroup (config.md, "execCPUAffinity"): with cgroup v2 it is cloned into it.
  TRY(limits::apply_affinity(tenant_plan.process.cpus_initial, "process.execCPUAffinity.initial"));
  const Sequence::Expectations expect{.init_pid = true, .terminal = tenant_plan.process.terminal};
  return launch_with(
      watch, "rt:bridge", 0, handles.cgroup, expect, true,
      [&](Channel::Pair& ends) { return bridge_to(ends, tenant_plan, handles); },
      [](Tag, Conversation&) { return Result<>(); });
}

namespace {

// The channel is at its end, by exec or by death.  Exec clears the flag before it closes the channel.
Result<> check_executed(const Waiting& waiting, std::string_view what) {
  if (const std::optional<proc::Stat> now = proc::stat(waiting.pid))
    return now->never_executed() ? Result<>(died(waiting.pid, waiting.process, what)) : Result<>();
  // It has ended and its parent has waited for it (it need not be our child): then nobody knows whether it got as far.
  // A filter that kills this early is an error in either case.
  const bool filtered = signal_of(sys::exit_status(waiting.process)) == SIGSYS;
  return filtered ? Result<>(died(waiting.pid, waiting.process, what)) : Result<>();
}

Result<UniqueFd> only_descriptor(Packet& packet) {
  if (packet.fds.empty()) return Error(Kind::protocol, "the container announced a listener and sent none");
  return std::move(packet.fds[0]);
}

Result<> pass_listener(const Waiting& waiting, Packet& packet) {
  const UniqueFd listener = TRY(only_descriptor(packet));
  TRY(waiting.take_listener(listener));
  return waiting.channel.send(Tag::listener_taken);
}

// The helper has ended, with the process or alone.  Then that looks at a page, and can be told nothing: it is under a filter
// whose listener nobody has.  Unless that page had the good news already.
Result<> without_helper(const Waiting& waiting, std::string_view what) {
  if (has_ended(waiting.process)) return check_executed(waiting, what);
  const std::optional<proc::Stat> now = proc::stat(waiting.pid);
  if (now && !now->never_executed()) return {};
  (void)sys::pidfd_send_signal(waiting.process, SIGKILL);
  const std::optional<int> status = await_status(waiting.pid, waiting.process);
  if (status && signal_of(status) != SIGKILL) return check_executed(waiting, what);
  return Error(
      Kind::os,
      "linux.seccomp.listenerPath: the helper process that hands the filter's listener over was killed "
      "before it had done so; try again");
}

}  // namespace

Result<> start(Watch& watch, const Waiting& waiting) {
  const Watch::Wait wait{
      waiting.runs_hooks ? "the startContainer hooks" : "the container to execute its program",
      waiting.runs_hooks ? kNoLimit : kStageLimitMs};
  TRY(waiting.channel.send(Tag::start));
  UniqueFd helper;  // who passes a listener on, until it has
  for (;;) {
    std::optional<Packet> packet = TRY(watch.receive(waiting.channel, {waiting.process, helper}, wait));
    if (!packet && helper.valid()) return without_helper(waiting, wait.what);
    if (!packet) return check_executed(waiting, wait.what);
    if (packet->tag == Tag::listener_helper) helper = TRY(only_descriptor(*packet));
    if (packet->tag == Tag::listener) TRY(pass_listener(waiting, *packet));
    if (packet->tag == Tag::listener_settled) helper.reset();
    if (packet->tag == Tag::log) forward_log(packet->payload);
    if (packet->tag == Tag::failed) return decode_error(packet->payload);
  }
}

}  // namespace stages
