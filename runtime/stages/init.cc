#include "runtime/stages/init.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/concerns/capabilities.h"
#include "runtime/concerns/command.h"
#include "runtime/concerns/credentials.h"
#include "runtime/concerns/descriptors.h"
#include "runtime/concerns/devices.h"
#include "runtime/concerns/hooks.h"
#include "runtime/concerns/host_root.h"
#include "runtime/concerns/limits.h"
#include "runtime/concerns/lsm.h"
#include "runtime/concerns/masks.h"
#include "runtime/concerns/mounts.h"
#include "runtime/concerns/rootfs.h"
#include "runtime/concerns/sysctls.h"
#include "runtime/concerns/terminal.h"
#include "runtime/concerns/workdir.h"
#include "runtime/stages/listener.h"
#include "runtime/stages/sources.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace stages {

namespace {

using oci::NamespaceType;

constexpr size_t kMostState = 64 << 20;  // bytes: each of a configuration's may become six, as "\u0000"

// Signals as a program expects to find them: nothing blocked, nothing ignored or handled by us.
Result<> reset_signals() {
  // What our caller ignores, too.
  for (int number = 1; number < _NSIG; ++number)
    if (number != SIGKILL && number != SIGSTOP) TRY(sys::reset_signal(number));
  sigset_t none;
  ::sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) < 0) return Error::os("sigprocmask()");
  return {};
}

Result<> enter_namespaces(Channel& channel, const plan::Plan& plan, const Handles& handles, Entry entry) {
  if (entry == Entry::direct) {
    TRY(namespaces::join(handles.joins));
    if (plan.namespaces.is_new(NamespaceType::user)) {
      TRY(channel.send(Tag::want_setup));
      TRY(channel.expect(Tag::setup_done));
    }
  }
  if (plan.namespaces.user()) TRY(credentials::become_root_inside());
  if (plan.namespaces.new_cgroup) TRY(sys::unshare(CLONE_NEWCGROUP).within("making the cgroup namespace"));
  return {};
}

Result<> name_host(const plan::Plan& plan) {
  if (!plan.hostname.empty())
    TRY(sys::sethostname(plan.hostname).within("hostname: setting '", plan.hostname, "'"));
  if (!plan.domainname.empty())
    TRY(sys::setdomainname(plan.domainname).within("domainname: setting '", plan.domainname, "'"));
  return {};
}

Result<> prepare_process(const plan::Plan& plan) {
  TRY(sys::setsid());
  if (plan.new_keyring) TRY(credentials::new_session_keyring(plan.id));
  TRY(name_host(plan));
  if (plan.namespaces.is_new(NamespaceType::network)) TRY(namespaces::loopback_up());
  return {};
}

// The runtime's hooks run between the mounts and pivot_root, with the network devices in place; then the container's own.
// Yields the state for those that come later: only the parent knows the pid as the host sees it.  The parent says nothing
// while they run: what can be read from the channel then is its end, and with it goes the hook.
Result<std::string> pause_for_hooks(Channel& channel, const plan::Plan& plan, const rootfs::Root& root) {
  if (!pauses(plan)) return std::string();
  TRY(channel.send(Tag::want_hooks));
  const std::optional<Packet> answer = TRY(channel.receive());
  if (!answer) return Error(Kind::protocol, "the runtime went away");
  if (answer->tag != Tag::hooks_done || answer->fds.size() != 2)
    return Error(Kind::protocol, "the runtime sent an unexpected message");
  const std::string creating = TRY(files::read(answer->fds[0], kMostState));
  TRY(sys::fchdir(root.fd));  // where runc and crun have them, too
  TRY(hooks::run("createContainer", plan.hooks.create_container, creating, {channel.fd()}));
  return files::read(answer->fds[1], kMostState);
}

Result<> set_up_terminal(Channel& channel, const rootfs::Root& root, const plan::Process& process,
                         bool console) {
  terminal::Pty pty =
      TRY(terminal::open(root, process.console_size, process.uid).within("making the terminal"));
  if (console) TRY(terminal::bind_console(root, pty).within("making the terminal"));
  TRY(channel.send(Tag::terminal, pty.name, {pty.master.get()}));
  return terminal::adopt(std::move(pty.slave)).within("taking the terminal");
}

// Everything up to pivot_root, while the runtime's own /proc and paths are still in sight.
Result<rootfs::Root> set_up_filesystem(const plan::Plan& plan, Handles& handles) {
  UniqueFd directory =
      TRY(handles.sources.open() ? rootfs_from_outside(handles.sources) : rootfs::open(plan.rootfs));
  rootfs::Root root = TRY(handles.root.valid() ? rootfs::on_host(handles.root)
                                               : rootfs::prepare(plan.rootfs, std::move(directory)));
  TRY(mounts::apply(plan.mounts, handles.mount_sources, sources_from_outside(handles.sources), root));
  handles.sources.close();
  TRY(devices::apply(plan.devices, root));
  return root;
}

Result<> enter_filesystem(const plan::Plan& plan, rootfs::Root& root) {
  TRY(sysctls::apply(plan.sysctls));
  TRY(masks::apply(plan.masks, root));
  TRY(rootfs::seal(plan.rootfs, root));
  return rootfs::enter(plan.rootfs, root).within("entering the root file system");
}

// All of the file system, and the hooks in between.  Yields the state for the hooks that are still to come.
Result<std::string> become_container(Channel& channel, const plan::Plan& plan, Handles& handles) {
  rootfs::Root root = TRY(set_up_filesystem(plan, handles));
  std::string hook_state = TRY(pause_for_hooks(channel, plan, root));
  if (plan.process && plan.process->terminal) TRY(set_up_terminal(channel, root, *plan.process, true));
  TRY(enter_filesystem(plan, root));
  return hook_state;
}

// They are programs of the container: without an environment of their own they have that of its process.
std::vector<oci::Hook> in_environment(std::vector<oci::Hook> hooks, const std::vector<std::string>& env) {
  for (oci::Hook& hook : hooks)
    if (hook.env.empty()) hook.env = env;
  return hooks;
}

void end_by_signal(int number) { ::_exit(128 + number); }

// The first process of a pid namespace gets no signal that it has no handler for (pid_namespaces(7)), and who wants a
// created container to end is to be heard.  execve(2) takes the handlers away.
Result<> heed_signals() {
  struct sigaction action {};
  action.sa_handler = end_by_signal;
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM})
    if (::sigaction(number, &action, nullptr) < 0) return Error::os("sigaction()");
  return {};
}

// Where `start` finds us: over the channel for `run`, else through the socket in the state directory; but only once the
// container is on record, or nobody would ever find us when our creator is killed.
Result<Channel> wait_for_start(Channel& channel, Fd listener) {
  if (!listener.valid()) {
    TRY(channel.expect(Tag::start));
    return std::move(channel);
  }
  TRY(channel.expect(Tag::saved));
  channel.close();
  for (;;) {
    Channel starter(TRY(sys::accept(listener)));
    // A `start` that was killed before it spoke is no start: wait for the next.
    if (starter.expect(Tag::start).ok()) return starter;
  }
}

Result<> take_on_limits(const plan::Process& process) {
  TRY(limits::apply_rlimits(process));
  return limits::apply_scheduling(process);
}

// The order is what matters here: see capabilities.h for the sets around the ids, and config-linux.md for seccomp,
// which without no-new-privileges can only be loaded while CAP_SYS_ADMIN is there.
Result<> take_on_identity(const plan::Process& process, const plan::SeccompProgram* filter,
                          Channel& starter) {
  const plan::CapabilitySets sets = process.capabilities.value_or(plan::CapabilitySets{});
  if (filter && !process.no_new_privileges) TRY(load_filter(*filter, starter));
  credentials::give_streams(process.uid);
  TRY(capabilities::before_credentials(sets));
  TRY(credentials::apply(process));
  TRY(workdir::enter_again(process.cwd));
  TRY(capabilities::after_credentials(sets));
  if (process.no_new_privileges) TRY(sys::prctl(PR_SET_NO_NEW_PRIVS, 1));
  if (filter && process.no_new_privileges) TRY(load_filter(*filter, starter));
  return {};
}

// Hooks have to be waited for, and load_filter may have left the reaping of children to the kernel: its helper ends first.
Result<> be_a_parent_again() {
  (void)sys::waitpid(-1, 0);  // ECHILD: there is none, or no more
  return sys::reset_signal(SIGCHLD);
}

const plan::SeccompProgram* pointer(const std::optional<plan::SeccompProgram>& program) {
  return program ? &*program : nullptr;
}

}  // namespace

bool pauses(const plan::Plan& plan) {
  const oci::Hooks& hooks = plan.hooks;
  return !plan.net_devices.empty() || !hooks.prestart.empty() || !hooks.create_runtime.empty() ||
         !hooks.create_container.empty() || !hooks.start_container.empty();
}

Result<> enter_host_side(const std::vector<UniqueFd>& cgroup_tasks, const plan::Process& process) {
  for (const UniqueFd& file : cgroup_tasks)
    TRY(sys::write_all(file, "0").within("entering the container's cgroup"));
  return limits::apply_oom_score(process);
}

Result<> init(Channel& channel, const plan::Plan& plan, Handles& handles, Entry entry) {
  TRY(reset_signals());
  plan::Process process = plan.process.value_or(plan::Process{});
  if (entry == Entry::direct) TRY(enter_host_side(handles.cgroup_tasks, process));
  limits::reset_affinity();
  TRY(enter_namespaces(channel, plan, handles, entry));
  TRY(sys::prctl(PR_SET_DUMPABLE, 0));
  TRY(prepare_process(plan));
  const UniqueFd lsm_attribute = TRY(lsm::open_exec_attribute(process, handles.procfs));

  const std::string hook_state = TRY(become_container(channel, plan, handles));
  // From here on paths are the container's, and nothing of the host may be within their reach.
  const UniqueFd listener = std::move(handles.start_listener);
  handles = Handles();
  TRY(descriptors::close_own(process.preserve_fds, {channel.fd(), listener.get(), lsm_attribute.get()}));

  TRY(workdir::make_and_enter(process.cwd, process.uid, process.gid));
  TRY(workdir::fill_home(process));
  std::string path;
  if (plan.process) path = TRY(command::find(process));
  // From here on nobody executes anything but programs of the container; what cannot be is said by `create`.
  TRY(lsm::apply(process, lsm_attribute));
  TRY(heed_signals());
  TRY(channel.send(Tag::ready));

  Channel starter = TRY(wait_for_start(channel, listener));
  const auto finish = [&]() -> Result<> {
    if (!plan.process)
      return Error(Kind::invalid,
                   "process: missing: the container can be created but not started without it");
    TRY(take_on_limits(process));
    TRY(take_on_identity(process, pointer(plan.seccomp), starter));
    if (!plan.hooks.start_container.empty()) TRY(be_a_parent_again());
    // These are programs of the container: they get the rights of its process, and no more.
    TRY(hooks::run("startContainer", in_environment(plan.hooks.start_container, process.env), hook_state,
                   {starter.fd()}));
    return command::execute(process, path);
  };
  Result<> failed = finish();
  starter.fail(failed.error());
  return failed;
}

Result<> tenant(Channel& channel, const Tenant& tenant, Handles& handles) {
  plan::Process process = tenant.process;
  TRY(reset_signals());
  const UniqueFd lsm_attribute = TRY(lsm::open_exec_attribute(process, handles.procfs));
  if (tenant.user_namespace) TRY(credentials::become_root_inside());
  if (handles.root.valid()) TRY(host_root::enter(handles.root).within("entering the container's root"));
  TRY(sys::setsid());
  if (process.terminal) {
    rootfs::Root root = TRY(rootfs::current());
    TRY(set_up_terminal(channel, root, process, false));
  }
  handles = Handles();
  TRY(descriptors::close_own(process.preserve_fds, {channel.fd(), lsm_attribute.get()}));
  TRY(workdir::enter(process.cwd));
  TRY(workdir::fill_home(process));
  const std::string path = TRY(command::find(process));
  TRY(take_on_limits(process));
  TRY(lsm::apply(process, lsm_attribute));
  TRY(channel.send(Tag::ready));
  TRY(channel.expect(Tag::start));
  TRY(limits::apply_affinity(process.cpus_final, "process.execCPUAffinity.final"));
  TRY(take_on_identity(process, pointer(tenant.seccomp), channel));
  return command::execute(process, path);
}

}  // namespace stages
