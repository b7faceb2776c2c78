// Which hierarchies this host has mounted, and which controllers are in each.
#include <unistd.h>

#include <algorithm>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "spec/base/file.h"
#include "spec/base/proc.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

constexpr size_t kMostMountinfo = 4 << 20;

std::vector<std::string> v1_controllers(std::string_view super_options) {
  std::vector<std::string> controllers;
  for (const std::string_view option : str::split(super_options, ','))
    if (option != "rw" && option != "ro" && option != "xattr" && option != "clone_children" &&
        option != "cpuset_v2_mode" && !option.starts_with("release_agent="))
      controllers.emplace_back(option);
  return controllers;
}

std::vector<std::string> v2_controllers(const std::string& mount_point) {
  std::vector<std::string> controllers;
  const Result<std::string> text = read_file(mount_point, "cgroup.controllers");
  if (text.ok())
    for (const std::string_view name : str::split(str::trim(text.value()), ' '))
      controllers.emplace_back(name);
  return controllers;
}

}  // namespace

Result<plan::CgroupHost> probe(bool writable) {
  plan::CgroupHost host;
  host.writable = writable;
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/mountinfo", kMostMountinfo));
  for (const std::string_view line : str::split(text, '\n')) {
    if (line.find(" - cgroup") == std::string_view::npos) continue;
    proc::MountLine mount = proc::parse_mount_line(line);
    const bool v2 = mount.type == "cgroup2";
    if (!v2 && mount.type != "cgroup") continue;
    std::vector<std::string> controllers = v2 ? v2_controllers(mount.path) : v1_controllers(mount.options);
    // The same hierarchy can be mounted twice (a container's view beneath ours): the first counts.
    const bool known = std::any_of(
        host.hierarchies.begin(), host.hierarchies.end(),
        [&](const plan::HostHierarchy& h) { return h.v2 == v2 && (v2 || h.controllers == controllers); });
    if (!known) host.hierarchies.push_back({std::move(mount.path), std::move(controllers), v2});
  }
  return host;
}

// proc_pid_cgroup(5): "0::/path" is the unified hierarchy, "1:name=systemd:/path" the one that systemd uses without it.
Result<std::string> user_manager() {
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/cgroup", kMostMountinfo));
  for (const std::string_view line : str::split(text, '\n')) {
    if (!line.starts_with("0::") && line.find(":name=systemd:") == std::string_view::npos) continue;
    const std::string_view path = line.substr(line.rfind(':') + 1);
    const size_t manager = path.find("/user@");
    const size_t end = path.find('/', manager == std::string_view::npos ? manager : manager + 1);
    if (manager != std::string_view::npos) return std::string(path.substr(0, end));
  }
  return std::string();
}

namespace {

// Relative to the hierarchy's root; "" is all of it, nullopt: none.  To move a process into a cgroup is to write to the
// nearest that is above both, so it is not enough that some cgroup is ours.
Result<std::optional<std::string>> delegated(const std::string& mount_point) {
  const auto may_write = [](const std::string& path) {
    return sys::faccessat(Fd::cwd(), path.c_str(), W_OK).ok();
  };
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/cgroup", kMostMountinfo));
  std::string path;
  for (const std::string_view line : str::split(text, '\n'))
    if (line.starts_with("0::")) path = line.substr(3);
  std::string above;
  for (const std::string_view name : str::split(path, '/')) {
    if (!name.empty()) above += str::cat("/", name);
    const std::string directory = mount_point + above;
    if (may_write(directory) && may_write(directory + "/cgroup.procs") &&
        may_write(directory + "/cgroup.subtree_control"))
      return std::optional(above);
  }
  return std::optional<std::string>();
}

}  // namespace

Result<> use_delegated(plan::CgroupHost& host) {
  plan::HostHierarchy& v2 = host.hierarchies.front();
  host.delegated = TRY(delegated(v2.mount_point));
  if (!host.delegated) return {};
  host.writable = true;
  v2.mount_point += *host.delegated;
  v2.controllers = v2_controllers(v2.mount_point);
  return {};
}

Result<std::vector<plan::CgroupDirectory>> directories(const Paths& paths) {
  std::map<std::string, plan::CgroupDirectory> found;
  for (const auto& [controller, directory] : paths) {
    plan::CgroupDirectory& part = found[directory];
    part.mount_point = directory;
    part.v2 = controller.empty();
    if (part.v2) {
      part.controllers = v2_controllers(directory);
    } else {
      part.controllers.push_back(controller);
    }
  }
  std::vector<plan::CgroupDirectory> result;
  for (auto& [directory, part] : found) result.push_back(std::move(part));
  return result;
}

}  // namespace cgroups
