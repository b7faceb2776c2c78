#include "runtime/stages/parent.h"

#include <linux/sched.h>
#include <sys/wait.h>

#include <cstring>

#include "runtime/concerns/limits.h"
#include "runtime/stages/bridge.h"
#include "runtime/stages/sources.h"
#include "runtime/stages/spawn.h"
#include "spec/base/undo.h"

namespace stages {

namespace {

// What the stages say until one of them is ready.
struct Conversation {
  Channel& channel;
  Sequence sequence;
  Child first;  // the process we cloned: init itself, or the bridge
  bool bridged;
  Launched& launched;
};

// Why the channel ended before `ready`: the process died without a word.
Error died(const Conversation& talk) {
  const std::string_view waiting = talk.sequence.waiting_for();
  const pid_t pid = talk.launched.pid ? talk.launched.pid : talk.first.pid;
  siginfo_t info{};
  // WNOWAIT: the clean-up still reaps it.
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0 && info.si_code != CLD_EXITED)
    return Error(Kind::os,
                 str::cat("the container's init process was killed by signal ", info.si_status, " (",
                          ::sigabbrev_np(info.si_status) ? ::sigabbrev_np(info.si_status) : "?",
                          ") while waiting for ", waiting,
                          info.si_status == SIGKILL ? "; was its memory limit too small?" : ""));
  return Error(Kind::protocol, str::cat("the container's init process ended while waiting for ", waiting));
}

Result<> take_init(Conversation& talk, Packet& packet) {
  const auto pid = str::number<pid_t>(packet.payload);
  if (!pid || packet.fds.empty()) return Error(Kind::protocol, "the bridge announced no process");
  talk.launched.pid = *pid;
  talk.launched.pidfd = std::move(packet.fds[0]);
  (void)sys::waitpid(talk.first.pid, 0);  // the bridge exits right after this message
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
    std::optional<Packet> packet = TRY(talk.channel.receive());
    if (!packet) return died(talk);
    if (packet->tag == Tag::log) {
      forward_log(packet->payload);
      continue;
    }
    if (packet->tag == Tag::failed) return decode_error(packet->payload);
    TRY(talk.sequence.accept(packet->tag));
    if (packet->tag == Tag::init_pid)
      TRY(take_init(talk, *packet));
    else if (packet->tag == Tag::terminal)
      TRY(take_terminal(talk, *packet));
    else
      TRY(answer(packet->tag));
  }
  return {};
}

template <class Body, class Answer>
Result<Launched> launch_with(const char* name, uint64_t flags, Fd cgroup,
                             const Sequence::Expectations& expect, bool bridged, Body body, Answer answer) {
  Channel::Pair ends = TRY(Channel::pair());
  Child first = TRY(spawn(name, flags, cgroup, SIGCHLD, ends, [&](Channel&) { return body(ends); }));
  ends.child.close();
  Launched launched;
  if (!bridged) {
    launched.pid = first.pid;
    launched.pidfd = std::move(first.pidfd);
    first.pid = 0;
  }
  Conversation talk{ends.parent, Sequence(expect), std::move(first), bridged, launched};
  Undo kill([&] {
    if (talk.first.pid) kill_and_reap(talk.first.pid, talk.first.pidfd);
    if (launched.pid) kill_and_reap(launched.pid, launched.pidfd);
  });
  TRY(converse(talk, [&](Tag tag) -> Result<> {
    return answer(tag, ends.parent, launched.pid ? launched.pid : talk.first.pid);
  }));
  kill.keep();
  launched.channel = std::move(ends.parent);
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

void kill_and_reap(pid_t pid, Fd pidfd) {
  (void)sys::pidfd_send_signal(pidfd, SIGKILL);
  (void)sys::waitpid(pid, 0);
}

Result<Launched> launch(const plan::Plan& plan, Handles handles, bool privileged,
                        const HookRunner& run_hooks) {
  const plan::Namespaces& namespaces = plan.namespaces;
  const Sequence::Expectations expect{
      .setup = namespaces.is_new(oci::NamespaceType::user),
      .init_pid = namespaces.bridged,
      .hooks = pauses_for_hooks(plan.hooks),
      .terminal = plan.process && plan.process->terminal,
  };
  const auto body = [&](Channel::Pair& ends) {
    return namespaces.bridged ? bridge(ends, plan, handles) : init(ends.child, plan, handles, Entry::direct);
  };
  const auto answer = [&](Tag tag, Channel& channel, pid_t pid) -> Result<> {
    if (tag == Tag::want_setup) {
      TRY(namespaces::write_id_maps(pid, namespaces, privileged));
      return channel.send(Tag::setup_done);
    }
    if (tag == Tag::want_hooks) {
      const std::string state = TRY(run_hooks(pid));
      return channel.send(Tag::hooks_done, state);
    }
    return {};
  };
  const Child sources = TRY(spawn_sources(plan, handles));
  const Undo end_sources([&] {
    handles.sources.close();
    if (sources.pid) kill_and_reap(sources.pid, sources.pidfd);
  });
  const uint64_t flags = namespaces.bridged ? 0 : namespaces.clone_flags;
  Result<Launched> launched = launch_with(namespaces.bridged ? "rt:bridge" : "rt:init", flags, handles.cgroup,
                                          expect, namespaces.bridged, body, answer);
  if (!launched.ok() && launched.error().message.starts_with("clone3"))
    return explain_clone(launched.take_error(), namespaces);
  return launched;
}

Result<Launched> launch_tenant(const Tenant& tenant_plan, Handles handles) {
  // Before anything of it is in the container's cgroup (config.md, "execCPUAffinity"): with cgroup v2 it is cloned into it.
  TRY(limits::apply_affinity(tenant_plan.process.cpus_initial, "process.execCPUAffinity.initial"));
  const Sequence::Expectations expect{.init_pid = true, .terminal = tenant_plan.process.terminal};
  return launch_with(
      "rt:bridge", 0, handles.cgroup, expect, true,
      [&](Channel::Pair& ends) { return bridge_to(ends, tenant_plan, handles); },
      [](Tag, Channel&, pid_t) { return Result<>(); });
}

Result<> start(Channel& channel, const ListenerTaker& take_listener) {
  TRY(channel.send(Tag::start));
  for (;;) {
    const std::optional<Packet> packet = TRY(channel.receive());
    if (!packet) return {};
    if (packet->tag == Tag::listener) {
      if (packet->fds.empty())
        return Error(Kind::protocol, "the container announced a listener and sent none");
      TRY(take_listener(packet->fds[0]));
      TRY(channel.send(Tag::listener_taken));
    }
    if (packet->tag == Tag::log) forward_log(packet->payload);
    if (packet->tag == Tag::failed) return decode_error(packet->payload);
  }
}

}  // namespace stages
