#include "runtime/life/execution.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/descriptors.h"
#include "runtime/concerns/lsm.h"
#include "runtime/concerns/namespaces.h"
#include "runtime/concerns/resctrl.h"
#include "runtime/concerns/rootfs.h"
#include "runtime/life/container.h"
#include "runtime/life/host.h"
#include "runtime/life/io.h"
#include "runtime/life/seccomp_agent.h"
#include "runtime/life/seccomp_cache.h"
#include "runtime/life/status.h"
#include "runtime/life/supervision.h"
#include "runtime/stages/parent.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace execution {

namespace {

constexpr size_t kMostProcess = 1 << 20;  // bytes

// A file, or a pipe as `--process <(…)` makes one.  It is our caller who names it, and so may keep us waiting.
Result<std::string> read_document(const std::string& path) {
  Result<UniqueFd> opened = sys::open(path.c_str(), O_RDONLY);
  if (!opened.ok() && opened.error().errnum == ENOENT)
    return Error(Kind::not_found, ENOENT, str::cat("'", path, "' does not exist"));
  const UniqueFd file = TRY(std::move(opened));
  return files::read(file, kMostProcess).within("reading '", path, "'");
}

Result<oci::Process> read_process(const std::string& path) {
  const std::string text = TRY(read_document(path).within("--process"));
  oci::Checked<oci::Process> checked = TRY(oci::check_process(text, path));
  for (const std::string& warning : checked.warnings) logs::warn(warning);
  return std::move(checked.value);
}

// UID or UID:GID, as numbers: names are the image's business, not the runtime's (CVE-2026-30892).
Result<> set_user(std::string_view text, oci::User& user) {
  const size_t colon = text.find(':');
  const auto uid = str::number<uint32_t>(text.substr(0, colon));
  const auto gid = colon == std::string_view::npos ? std::optional<uint32_t>(user.gid)
                                                   : str::number<uint32_t>(text.substr(colon + 1));
  if (!uid || !gid || *uid == UINT32_MAX || *gid == UINT32_MAX)
    return Error(Kind::invalid, str::cat("--user '", str::printable(text),
                                         "': expected UID or UID:GID, as numbers from 0 to 4294967294"));
  user.uid = *uid;
  user.gid = *gid;
  return {};
}

Result<> set_env(const std::vector<std::string>& more, std::vector<std::string>& env) {
  for (const std::string& entry : more) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error(Kind::invalid, str::cat("--env '", str::printable(entry), "': expected NAME=VALUE"));
    env.push_back(entry);  // where the name is there already, the last counts
  }
  return {};
}

bool has(const std::optional<std::vector<std::string>>& set, const std::string& name) {
  return set && std::find(set->begin(), set->end(), name) != set->end();
}

// What the process may use, never what its children inherit (CVE-2022-29162, CVE-2022-27650): that is config.json's to
// say, and what it lets them inherit they then get.
void add_capabilities(const std::vector<std::string>& names, oci::Process& process) {
  if (names.empty()) return;
  if (!process.capabilities) process.capabilities.emplace();
  oci::Capabilities& sets = *process.capabilities;
  for (const std::string& name : names) {
    for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted}) {
      if (!*set) set->emplace();
      if (!has(*set, name)) (*set)->push_back(name);
    }
    if (!has(sets.inheritable, name) || has(sets.ambient, name)) continue;
    if (!sets.ambient) sets.ambient.emplace();
    sets.ambient->push_back(name);
  }
}

// What exec runs has it unless it says otherwise: a file without a label is no way out of the container's (as crun).
void keep_what_is_the_containers(const oci::Process& container, oci::Process& process) {
  if (!process.exec_cpu_affinity) process.exec_cpu_affinity = container.exec_cpu_affinity;
  if (!process.apparmor_profile) process.apparmor_profile = container.apparmor_profile;
  if (!process.selinux_label) process.selinux_label = container.selinux_label;
}

Result<oci::Process> make_process(const Options& options, const oci::ExecDefaults& defaults) {
  if (options.process) {
    oci::Process process = TRY(read_process(*options.process));
    if (options.terminal) process.terminal = true;
    if (defaults.process) keep_what_is_the_containers(*defaults.process, process);
    return process;
  }
  if (options.args.empty())
    return Error(Kind::invalid, "exec: name a command behind the container, or give --process FILE");
  if (!defaults.process)
    return Error(Kind::invalid,
                 "the container has no process of its own to take defaults from; give --process FILE");
  oci::Process process = *defaults.process;
  process.args = options.args;
  process.terminal = options.terminal;
  process.console_size.reset();
  if (options.cwd) process.cwd = *options.cwd;
  if (options.user) TRY(set_user(*options.user, process.user));
  for (const uint32_t gid : options.additional_gids) process.user.additional_gids.push_back(gid);
  TRY(set_env(options.env, process.env));
  if (options.no_new_privileges) process.no_new_privileges = true;
  if (options.apparmor) process.apparmor_profile = options.apparmor;
  if (options.process_label) process.selinux_label = options.process_label;
  add_capabilities(options.capabilities, process);
  if (process.cwd.empty() || process.cwd.front() != '/')
    return Error(Kind::invalid, str::cat("--cwd '", process.cwd, "': must be absolute"));
  return process;
}

Result<> check_status(const oci::State& state, bool ignore_paused) {
  switch (status::of(state)) {
    case oci::Status::created:  // all but its first program is there
    case oci::Status::running:
      return {};
    case oci::Status::paused:
      if (ignore_paused) return {};
      return Error(Kind::conflict,
                   str::cat("cannot exec in a paused container: the process would not run; resume '",
                            state.id, "' first, or use --ignore-paused"));
    case oci::Status::creating:
      return Error(
          Kind::conflict,
          str::cat("container '", state.id,
                   "' is still being created; if that was interrupted, delete it and create it again"));
    default:
      return Error(Kind::conflict, str::cat("container not running: '", state.id, "' has ended"));
  }
}

// --cgroup [CONTROLLER[,CONTROLLER]:]PATH: a cgroup beneath the container's own.
Result<> enter_below(std::string_view wish, cgroups::Paths& paths) {
  const size_t colon = wish.find(':');
  const std::string_view path = colon == std::string_view::npos ? wish : wish.substr(colon + 1);
  const auto controllers = colon == std::string_view::npos ? std::vector<std::string_view>()
                                                           : str::split(wish.substr(0, colon), ',');
  for (const std::string_view part : str::split(path, '/'))
    if (part == "..")
      return Error(Kind::invalid, str::cat("--cgroup '", str::printable(wish),
                                           "': may not lead out of the container's cgroup with '..'"));
  for (const std::string_view name : controllers)
    if (paths.find(std::string(name)) == paths.end())
      return Error(Kind::invalid,
                   str::cat("--cgroup '", str::printable(wish),
                            "': the container is in no cgroup of the controller '", name, "'"));
  for (auto& [name, directory] : paths)
    if (controllers.empty() || std::find(controllers.begin(), controllers.end(), name) != controllers.end())
      directory += str::cat("/", path);
  return {};
}

Result<stages::Handles> open_handles(const cgroups::Paths& paths, const oci::State& state,
                                     const oci::ExecDefaults& defaults, const plan::Process& process) {
  stages::Handles handles;
  cgroups::Handle cgroup = TRY(cgroups::open(paths, state.pid));
  handles.cgroup = std::move(cgroup.v2);
  handles.cgroup_tasks = std::move(cgroup.tasks);
  handles.procfs = TRY(lsm::open_procfs(process));
  handles.target = TRY(status::open_process(state));
  if (!handles.target.valid())
    return Error(Kind::conflict, str::cat("container not running: '", state.id, "' has ended"));
  for (const oci::NamespaceType type : defaults.namespaces)
    handles.target_namespaces |= plan::clone_flag(type);
  if (state.host_root) handles.root = TRY(rootfs::open({.path = state.rootfs}));
  return handles;
}

Result<stages::Tenant> make_tenant(const Runtime& rt, const Options& options, const oci::State& state,
                                   const oci::ExecDefaults& defaults) {
  const oci::Process process = TRY(make_process(options, defaults));
  const bool terminal = process.terminal.value_or(false);
  if (terminal && options.detach && !options.console_socket)
    return Error(Kind::invalid,
                 "a terminal and --detach need --console-socket: nobody else would hold the terminal");
  if (!terminal && options.console_socket)
    return Error(Kind::invalid,
                 "--console-socket: the process has no terminal to send; add --tty, or leave the option out");
  const plan::Host host = TRY(host::probe(rt));
  stages::Tenant tenant;
  tenant.user_namespace = std::find(defaults.namespaces.begin(), defaults.namespaces.end(),
                                    oci::NamespaceType::user) != defaults.namespaces.end();
  const plan::ProcessFacts facts{
      .permitted = host.capabilities,
      .user_namespace = tenant.user_namespace,
      .groups_denied = tenant.user_namespace && namespaces::groups_denied(state.pid),
      .listen_fds = host.listen_fds,
      .preserve_fds = options.preserve_fds};
  std::vector<std::string> warnings;
  tenant.process = TRY(plan::make_process(process, facts, "process", warnings));
  TRY(descriptors::check_given(facts.listen_fds, facts.preserve_fds));
  TRY(plan::add_execution(defaults.personality, defaults.memory_policy, tenant.process));
  for (const std::string& warning : warnings) logs::warn(warning);
  if (defaults.seccomp) tenant.seccomp = TRY(seccomp_cache::get(rt.root, *defaults.seccomp));
  return tenant;
}

}  // namespace

Result<int> execute(const Runtime& rt, const Options& options) {
  const Container container = TRY(Container::load(rt, options.id));
  const oci::State& state = container.state();
  TRY(check_status(state, options.ignore_paused));
  const oci::ExecDefaults defaults = TRY(container.dir().load_exec_defaults());
  const stages::Tenant tenant = TRY(make_tenant(rt, options, state, defaults));
  cgroups::Paths paths = state.cgroup_paths;
  if (options.cgroup) TRY(enter_below(*options.cgroup, paths));
  stages::Handles handles = TRY(open_handles(paths, state, defaults, tenant.process));
  if (!options.detach) supervision::hold_signals();
  stages::Watch watch = TRY(stages::Watch::begin());
  cgroups::OomCount memory = cgroups::OomCount::begin(
      paths, state.unit.has_value(), options.cgroup ? "its limit" : "linux.resources.memory.limit");
  stages::Launched launched = TRY(memory.explain(stages::launch_tenant(watch, tenant, std::move(handles))));
  Undo end([&] { stages::abandon(launched); });
  logs::debug("process ", launched.pid, " is in the container, and ready");
  TRY(resctrl::enter(state.rdt_tasks, launched.pid));
  TRY(io::hand_out(options.console_socket, options.pidfd_socket, options.pid_file, launched));
  const stages::ListenerTaker agent =
      seccomp_agent::sender(container.dir(), state, oci::Status::running, launched.pid);
  TRY(memory.explain(stages::start(watch, {launched.channel, launched.pid, launched.pidfd, agent})));
  end.keep();
  if (options.detach) return 0;
  const int code = TRY(supervision::wait(launched.pid, launched.pidfd, std::move(launched.terminal), memory));
  if (code == supervision::kKilled)
    supervision::warn_of_memory(str::cat("the process in '", state.id, "'"), memory);
  return code;
}

}  // namespace execution
