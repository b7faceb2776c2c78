#include "runtime/life/creation.h"

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/descriptors.h"
#include "runtime/concerns/hooks.h"
#include "runtime/concerns/host_root.h"
#include "runtime/concerns/lsm.h"
#include "runtime/concerns/mounts.h"
#include "runtime/concerns/net_devices.h"
#include "runtime/concerns/resctrl.h"
#include "runtime/concerns/sysctls.h"
#include "runtime/concerns/terminal.h"
#include "runtime/life/host.h"
#include "runtime/life/io.h"
#include "runtime/life/seccomp_cache.h"
#include "spec/base/accounts.h"
#include "spec/base/clock.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/proc.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace creation {

namespace {

constexpr size_t kMostAccounts = 4 << 20;  // bytes of /etc/passwd

Result<std::string> absolute_bundle(const std::string& bundle) {
  const UniqueFd dir = TRY(io::open_bundle(bundle));
  return sys::readlinkat(Fd::cwd(), dir.get().proc_path().c_str());
}

Result<oci::Config> read_config(const Options& options, const std::string& bundle) {
  const std::string path = options.config ? *options.config : bundle + "/config.json";
  const std::string content = TRY(io::read_config(path, bundle));
  oci::Checked<oci::Config> checked = TRY(oci::check_config(content, path));
  for (const std::string& warning : checked.warnings) logs::warn(warning);
  if (!checked.value.root || !checked.value.linux_)
    return Error(Kind::invalid,
                 str::cat(path, ": ", checked.value.root ? "linux" : "root", ": required, but missing"));
  return std::move(checked.value);
}

// A terminal needs somebody at its other end, and a socket needs a terminal.
Result<> check_terminal(const oci::Config& config, const Options& options) {
  const bool terminal = config.process && config.process->terminal.value_or(false);
  if (terminal && options.detached && !options.console_socket)
    return Error(Kind::invalid,
                 "process.terminal: true, but nobody would hold the terminal: give --console-socket, or set "
                 "it to false");
  if (!terminal && options.console_socket)
    return Error(Kind::invalid,
                 "--console-socket: process.terminal is false, so there is no terminal to send; set it to "
                 "true, or leave the option out");
  return {};
}

// For people, in `list`.
std::string owner_name(uid_t uid) {
  if (uid == 0) return "root";
  const Result<std::string> passwd = files::read(Fd::cwd(), "/etc/passwd", kMostAccounts);
  const auto account = passwd.ok() ? accounts::find(passwd.value(), uid) : std::nullopt;
  return account ? account->name : str::cat(uid);
}

oci::State first_state(const Runtime& rt, const Options& options, const plan::Plan& plan,
                       const oci::Config& config) {
  oci::State state;
  state.id = options.id;
  state.bundle = plan.bundle;
  state.rootfs = plan.rootfs.path;
  state.created = clocks::rfc3339(clocks::now());
  state.owner_uid = rt.uid;
  state.owner = owner_name(rt.uid);
  state.annotations = config.annotations;
  state.hooks = config.hooks;
  state.no_process = !config.process;
  state.keep = options.keep;
  state.no_pivot = options.no_pivot;
  state.shared_pids = !plan.namespaces.is_new(oci::NamespaceType::pid);
  return state;
}

// What is on record before anything is made: all that there may be to remove.
oci::State draft_of(const oci::State& state, const plan::Plan& plan, const std::string& rdt_mount) {
  oci::State draft = state;
  cgroups::Handle intended = cgroups::intend(plan.cgroup);
  draft.cgroup_paths = std::move(intended.paths);
  draft.created_cgroups = std::move(intended.created);
  draft.unit = std::move(intended.unit);
  if (plan.intel_rdt.wanted) draft.created_rdt = resctrl::intend(plan.intel_rdt, rdt_mount);
  draft.status = oci::Status::creating;
  return draft;
}

Result<stages::Handles> open_handles(const plan::Plan& plan, const Options& options, const StateDir& dir,
                                     cgroups::Handle& cgroup) {
  stages::Handles handles;
  handles.joins = TRY(namespaces::open(plan.namespaces.joins));
  TRY(sysctls::spare_host(plan.sysctls, handles.joins));
  handles.mount_sources = TRY(mounts::open_sources(plan.mounts));
  handles.cgroup = std::move(cgroup.v2);
  handles.cgroup_tasks = std::move(cgroup.tasks);
  if (plan.process) handles.procfs = TRY(lsm::open_procfs(*plan.process));
  if (!options.own_start) handles.start_listener = TRY(sys::listen_seqpacket(dir.fd(), kStartSocket));
  return handles;
}

// What is done from outside while init waits: its network devices, which come back through `devices` if the creation
// fails; then the hooks that run in the runtime's own namespaces, with the container's pid (config.md, prestart and
// createRuntime).  `begun` is set before the first: from then on a failure leads to the poststop hooks (runtime.md, steps
// 3 to 5).  A hook that was stopped has lost its reason to run: a signal to us, or the end of init.
stages::HookRunner hook_runner(stages::Watch& watch, const plan::Plan& plan, const oci::State& state,
                               Undo& devices, bool& begun) {
  return [&](const stages::Launched& init) -> Result<stages::HookStates> {
    devices = TRY(net_devices::move(plan.net_devices, init.pid));
    begun = true;
    oci::State with_pid = state;
    with_pid.pid = init.pid;
    stages::HookStates states{oci::public_state(with_pid, oci::Status::creating, false),
                              oci::public_state(with_pid, oci::Status::created, false)};
    const std::vector<Fd> stop_on = {watch.signals(), init.pidfd};
    Result<> ran = hooks::run("prestart", plan.hooks.prestart, states.creating, stop_on);
    if (ran.ok()) ran = hooks::run("createRuntime", plan.hooks.create_runtime, states.creating, stop_on);
    if (ran.ok()) return states;
    TRY(watch.interrupted(ran.error().message));
    if (stages::has_ended(init.pidfd)) return stages::died(init.pid, init.pidfd, ran.error().message);
    return ran.take_error();
  };
}

// The group that linux.intelRdt asks for, at `mount`.  Until it is kept, the result removes what was made for it.
Result<Undo> make_rdt_group(const plan::IntelRdt& plan, const std::string& mount, oci::State& state) {
  if (!plan.wanted) return Undo();
  const resctrl::Group group = TRY(resctrl::create(plan, mount));
  state.rdt_tasks = group.tasks;
  state.created_rdt = group.created;
  return Undo([group] { resctrl::undo(group); });
}

Result<plan::Plan> make_plan(const Runtime& rt, const Options& options, const std::string& bundle,
                             const oci::Config& config) {
  plan::Host host = TRY(host::probe(rt));
  // Nobody reads labels where SELinux is not there: nothing that they keep apart is open without them.
  if (config.linux_->mount_label) host.mount_labels = lsm::has_selinux();
  const plan::CreateArgs args{options.id,
                              bundle,
                              options.no_pivot,
                              options.no_new_keyring,
                              rt.cgroup_manager == CgroupManager::systemd,
                              options.preserve_fds};
  plan::Plan plan = TRY(plan::make(config, host, args));
  TRY(descriptors::check_given(host.listen_fds, options.preserve_fds));
  if (config.linux_->seccomp) plan.seccomp = TRY(seccomp_cache::get(rt.root, *config.linux_->seccomp));
  for (const std::string& warning : plan.warnings) logs::warn(warning);
  return plan;
}

// All that a configuration comes down to.  It is not needed any more when the stages take over: what is not in memory then
// need not be copied for them.
struct Prepared {
  plan::Plan plan;
  oci::State state;
  oci::ExecDefaults exec_defaults;
};

Result<Prepared> prepare(const Runtime& rt, const Options& options) {
  TRY(state_dirs::check_id(options.id));
  const std::string bundle = TRY(absolute_bundle(options.bundle));
  oci::Config config = TRY(read_config(options, bundle));
  TRY(check_terminal(config, options));
  plan::Plan plan = TRY(make_plan(rt, options, bundle, config));
  oci::State state = first_state(rt, options, plan, config);
  oci::Linux& linux_part = *config.linux_;
  oci::ExecDefaults exec_defaults{.namespaces = plan.namespaces.all,
                                  .process = std::move(config.process),
                                  .seccomp = std::move(linux_part.seccomp),
                                  .resources = std::move(linux_part.resources),
                                  .personality = std::move(linux_part.personality),
                                  .memory_policy = std::move(linux_part.memory_policy)};
  return Prepared{std::move(plan), std::move(state), std::move(exec_defaults)};
}

}  // namespace

Result<Created> create(const Runtime& rt, stages::Watch& watch, const Options& options) {
  Prepared prepared = TRY(prepare(rt, options));
  const plan::Plan& plan = prepared.plan;
  oci::State& state = prepared.state;

  StateDir dir = TRY(StateDir::claim(rt.root, options.id));
  Undo forget([&] {
    const Result<> gone = dir.forget();
    if (!gone.ok())
      logs::warn("removing the state of '", options.id, "': ", gone.error().message, ", ignoring");
  });
  logs::debug("'", rt.root, "/", options.id, "' is its state directory");
  bool hooks_begun = false;
  Undo poststop([&] {
    if (hooks_begun)
      hooks::run_all("poststop", plan.hooks.poststop, oci::public_state(state, oci::Status::stopped, false),
                     {watch.signals()});
  });
  host_root::Mount root;
  if (!plan.namespaces.has(oci::NamespaceType::mount)) root = TRY(host_root::make(plan.rootfs));
  state.host_root = root.id;
  const std::string rdt_mount = plan.intel_rdt.wanted ? TRY(resctrl::find_mount()) : std::string();
  TRY(dir.save(draft_of(state, plan, rdt_mount)));
  const cgroups::Asking asking{rt.environment.all, {watch.signals()}};
  cgroups::Handle cgroup = TRY(cgroups::create(plan.cgroup, asking));
  Undo remove_cgroups([&] { cgroups::undo(cgroup, {rt.environment.all}); });
  state.unit = cgroup.unit;
  state.cgroup_paths = cgroup.paths;
  state.created_cgroups = cgroup.created;
  for (const std::string& directory : cgroup.created) logs::debug("cgroup '", directory, "' made");
  Undo remove_rdt = TRY(make_rdt_group(plan.intel_rdt, rdt_mount, state));
  TRY(dir.save_exec_defaults(std::exchange(prepared.exec_defaults, {})));

  Undo detach([&] {
    if (root.id)
      (void)host_root::detach(plan.rootfs.path, root.id);  // the failure that led here is what counts
  });
  if (root.id) TRY(host_root::attach(root, plan.rootfs));
  stages::Handles handles = TRY(open_handles(plan, options, dir, cgroup));
  handles.root = std::move(root.fd);
  Undo return_devices;
  cgroups::OomCount memory = cgroups::OomCount::begin(state.cgroup_paths, state.unit.has_value());
  stages::Launched init =
      TRY(memory.explain(stages::launch(watch, plan, std::move(handles), rt.uid == 0,
                                        hook_runner(watch, plan, state, return_devices, hooks_begun))));
  Undo end([&] { stages::abandon(init); });
  TRY(cgroups::settle(cgroup));
  logs::debug("container set up; process ", init.pid, " is its first, and waits to be started");
  TRY(resctrl::enter(state.rdt_tasks, init.pid));
  state.pid = init.pid;
  if (const auto facts = proc::stat(init.pid)) state.pid_start_time = facts->start_time;
  TRY(io::hand_out(options.console_socket, options.pidfd_socket, options.pid_file, init));
  TRY(watch.interrupted("the container to be complete"));
  TRY(dir.save(state));
  if (!options.own_start) TRY(init.channel.send(stages::Tag::saved));
  end.keep();
  return_devices.keep();
  detach.keep();
  remove_rdt.keep();
  remove_cgroups.keep();
  poststop.keep();
  forget.keep();
  return Created{std::move(dir), std::move(state), std::move(init), std::move(memory)};
}

}  // namespace creation
