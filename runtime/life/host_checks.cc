#include "runtime/life/host_checks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/concerns/command.h"
#include "runtime/concerns/lsm.h"
#include "runtime/concerns/mount_calls.h"
#include "runtime/concerns/namespaces.h"
#include "runtime/concerns/resctrl.h"
#include "runtime/concerns/seccomp.h"
#include "runtime/concerns/sysctls.h"
#include "runtime/life/sysctl_checks.h"
#include "runtime/plan/mount_options.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace host_checks {

namespace {

using oci::Inspection;
using oci::Severity;

bool exists(const std::string& path) { return sys::fstatat(Fd::cwd(), path.c_str(), 0).ok(); }

std::string in_bundle(const std::string& path, const std::string& bundle) {
  return path.starts_with('/') ? path : str::cat(bundle, "/", path);
}

// ---- root and mounts ----

bool root_is_mounted(const oci::Config& config) {
  return !config.mounts.empty() && config.mounts.front().destination == "/";
}

void root_is_there(const oci::Config& config, const std::string& bundle, Inspection& found) {
  if (!config.root || root_is_mounted(config)) return;
  const std::string path = in_bundle(config.root->path, bundle);
  const Result<struct stat> st = sys::fstatat(Fd::cwd(), path.c_str(), 0);
  if (!st.ok())
    found.add(Severity::error, "root.path", str::cat("'", path, "' does not exist; unpack an image there"));
  else if (!S_ISDIR(st.value().st_mode))
    found.add(Severity::error, "root.path", str::cat("'", path, "' is not a directory"));
}

// "nodev\tproc\n\text4\n" (proc(5), filesystems)
bool lists_type(std::string_view filesystems, std::string_view type) {
  const std::vector<std::string_view> lines = str::split(filesystems, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    return line.substr(std::min(line.find('\t') + 1, line.size())) == type;
  });
}

// `options` are the entry's, `types` the text of /proc/filesystems.
void filesystem_can_be_made(size_t index, const std::string& type, const plan::ParsedOptions& options,
                            std::string_view types, Inspection& found) {
  if (!lists_type(types, type)) {
    found.add(Severity::warning, str::cat("mounts[", index, "].type"),
              str::cat("this kernel does not list the file system '", str::printable(type),
                       "'; it may be a module that is not loaded"));
    return;
  }
  plan::MountStep step;
  step.index = index;
  step.type = type;
  step.superblock = options.superblock;
  step.data = options.data;
  const Result<> known = mounts::check_options(step);
  if (!known.ok() && known.error().errnum != EPERM) found.add(known.error());
}

void mounts_can_be_made(const oci::Config& config, const std::string& bundle, Inspection& found) {
  constexpr size_t kMostTypes = 64UL * 1024;
  const Result<std::string> types = files::read(Fd::cwd(), "/proc/filesystems", kMostTypes);
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    const oci::Mount& mount = config.mounts[i];
    const plan::ParsedOptions options = plan::parse_options(mount.options);
    if (options.remount) continue;
    const std::string source = in_bundle(mount.source.value_or(""), bundle);
    if (options.bind && mount.source && !mount.source->empty() && !exists(source))
      found.add(Severity::error, str::cat("mounts[", i, "].source"),
                str::cat("'", source, "' does not exist"));
    const std::string type = mount.type.value_or("");
    const bool ours = type.empty() || type == "bind" || type == "cgroup";  // not a file system's name
    if (!options.bind && !ours && types.ok()) filesystem_can_be_made(i, type, options, types.value(), found);
  }
}

// ---- namespaces ----

void namespaces_are_there(const oci::Linux& config, Inspection& found) {
  for (size_t i = 0; i < config.namespaces.size(); ++i) {
    const oci::Namespace& ns = config.namespaces[i];
    const std::string at = str::cat("linux.namespaces[", i, "]");
    if (!exists(str::cat("/proc/self/ns/", plan::proc_name(ns.type)))) {
      found.add(Severity::error, at + ".type",
                str::cat("this kernel has no ", plan::text(ns.type), " namespaces"));
      continue;
    }
    const std::string path = ns.path.value_or("");
    if (path.empty()) continue;
    if (const auto opened = namespaces::open({{ns.type, path, i}}); !opened.ok()) found.add(opened.error());
  }
}

// ---- hooks and devices ----

// Those whose path is the host's; startContainer hooks are files of the container (config.md, "POSIX-platform Hooks").
void hooks_can_run(const oci::Config& config, Inspection& found) {
  if (!config.hooks) return;
  const oci::Hooks& h = *config.hooks;
  const struct {
    const std::vector<oci::Hook>& hooks;
    const char* name;
  } lists[] = {{h.prestart, "prestart"},
               {h.create_runtime, "createRuntime"},
               {h.create_container, "createContainer"},
               {h.poststart, "poststart"},
               {h.poststop, "poststop"}};
  for (const auto& list : lists)
    for (size_t i = 0; i < list.hooks.size(); ++i) {
      const std::string& path = list.hooks[i].path;
      const std::string at = str::cat("hooks.", list.name, "[", i, "].path");
      const Result<struct stat> st = sys::fstatat(Fd::cwd(), path.c_str(), 0);
      if (!st.ok())
        found.add(Severity::error, at, str::cat("'", str::printable(path), "' does not exist"));
      else if (!S_ISREG(st.value().st_mode) || (st.value().st_mode & 0111) == 0)
        found.add(Severity::error, at, str::cat("'", str::printable(path), "' is not an executable file"));
    }
}

void net_devices_are_there(const oci::Linux& config, Inspection& found) {
  for (const auto& [name, device] : config.net_devices)
    if (!exists(str::cat("/sys/class/net/", name)))
      found.add(Severity::error, json::join_path("linux.netDevices", name),
                "this host has no such network device");
}

// ---- the process ----

// Whether a mount of the plan hides what the root file system has at `path` (beneath the root).
bool is_hidden(const plan::Plan& plan, std::string_view path) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const plan::MountStep& step) {
    if (step.kind != plan::MountKind::filesystem && step.kind != plan::MountKind::bind) return false;
    return step.target.empty() || str::cat(path, "/").starts_with(step.target + "/");
  });
}

void command_is_there(const plan::Plan& plan, Inspection& found) {
  if (!plan.process || plan.process->args.empty() || plan.process->args[0].empty()) return;
  const Result<UniqueFd> root = sys::open(plan.rootfs.path.c_str(), O_PATH | O_DIRECTORY);
  if (!root.ok()) return;  // root_is_there has said so
  bool executable = false, other = false;
  for (const std::string& place : command::places(*plan.process)) {
    const std::string candidate = place.starts_with('/') ? place : str::cat(plan.process->cwd, "/", place);
    if (is_hidden(plan, std::string_view(candidate).substr(1))) return;
    const Result<UniqueFd> file = path::open(root.value(), candidate, O_PATH);
    const Result<struct stat> st = file.ok() ? sys::fstat(file.value()) : file.error();
    if (!st.ok()) continue;
    (S_ISREG(st.value().st_mode) && st.value().st_mode & 0111 ? executable : other) = true;
  }
  if (executable) return;
  const std::string name = str::printable(plan.process->args[0]);
  found.add(Severity::error, "process.args[0]",
            other ? str::cat("'", name, "' is not an executable file in the root file system")
                  : str::cat("'", name, "' is not in the root file system"));
}

void sysctls_can_be_written(const plan::Plan& plan, std::vector<namespaces::Joined> joined,
                            Inspection& found) {
  const std::vector<sysctls::Presence> presence = sysctl_checks::look(plan, std::move(joined));
  for (size_t i = 0; i < presence.size(); ++i)
    if (const plan::SysctlStep& step = plan.sysctls[i]; presence[i] != sysctls::Presence::writable)
      found.add(Severity::error, json::join_path("linux.sysctl", step.name),
                sysctls::objection(step, presence[i]));
}

void seccomp_can_be_loaded(const oci::Linux& config, Inspection& found) {
  if (!config.seccomp) return;
  if (const auto& agent = config.seccomp->listener_path; agent && !agent->empty() && !exists(*agent))
    found.add(
        Severity::warning, "linux.seccomp.listenerPath",
        str::cat("no agent listens at '", str::printable(*agent), "' yet; the container needs one to start"));
  const Result<plan::SeccompProgram> program = plan::make_seccomp(*config.seccomp);
  if (!program.ok()) {
    found.add(program.error());
    return;
  }
  for (size_t i = 0; i < config.seccomp->flags.size(); ++i)
    if (!seccomp::knows_flag(plan::seccomp_flag(config.seccomp->flags[i])))
      found.add(Severity::error, str::cat("linux.seccomp.flags[", i, "]"),
                str::cat("this kernel does not know ", config.seccomp->flags[i]));
  for (size_t i = 0; i < config.seccomp->syscalls.size(); ++i) {
    const std::vector<std::string> unknown = plan::unknown_calls(config.seccomp->syscalls[i]);
    if (!unknown.empty())
      found.add(Severity::note, str::cat("linux.seccomp.syscalls[", i, "].names"),
                str::cat("not known here, and skipped: ", str::printable(str::join(unknown, ", "))));
  }
}

}  // namespace

void check_config(const oci::Config& config, const std::string& bundle, Inspection& found) {
  root_is_there(config, bundle, found);
  mounts_can_be_made(config, bundle, found);
  hooks_can_run(config, found);
  if (!config.linux_) return;
  namespaces_are_there(*config.linux_, found);
  net_devices_are_there(*config.linux_, found);
  seccomp_can_be_loaded(*config.linux_, found);
}

void check_plan(const plan::Plan& plan, Inspection& found) {
  if (plan.process)
    if (auto procfs = lsm::open_procfs(*plan.process); !procfs.ok()) found.add(procfs.error());
  if (!plan.mount_label.empty() && !lsm::has_selinux())
    found.add(Severity::error, "linux.mountLabel",
              "SELinux is not active on this host; remove the property or enable it");
  if (plan.intel_rdt.wanted)
    if (auto mount = resctrl::find_mount(); !mount.ok()) found.add(mount.error());
  if (auto joined = namespaces::open(plan.namespaces.joins); joined.ok()) {
    if (const Result<> spared = sysctls::spare_host(plan.sysctls, joined.value()); !spared.ok())
      found.add(spared.error());
    else
      sysctls_can_be_written(plan, std::move(joined).take(), found);
  }
  command_is_there(plan, found);
}

}  // namespace host_checks
