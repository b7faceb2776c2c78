#include "runtime/life/host.h"

#include <unistd.h>

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/capabilities.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace host {

unsigned listen_fds(const Environment& environment, pid_t self) {
  constexpr unsigned kMost = 1024;
  const std::string pid = environment.get("LISTEN_PID").value_or("");
  if (!pid.empty() && str::number<pid_t>(pid) != self) return 0;
  const auto count = str::number<unsigned>(environment.get("LISTEN_FDS").value_or("0"));
  return count && *count <= kMost ? *count : 0;
}

// user_namespaces(7): only the host's own maps every id to itself.
static Result<bool> in_user_namespace() {
  constexpr size_t kMostMap = 64UL * 1024;
  return TRY(files::read(Fd::cwd(), "/proc/self/uid_map", kMostMap)) != "         0          0 4294967295\n";
}

Result<plan::Host> probe(const Runtime& rt) {
  plan::Host host;
  host.euid = rt.uid;
  host.egid = ::getegid();
  host.capabilities = TRY(capabilities::permitted());
  host.listen_fds = listen_fds(rt.environment, ::getpid());
  const bool by_systemd = rt.cgroup_manager == CgroupManager::systemd;
  const bool cgroups_wanted = by_systemd || (rt.cgroup_manager != CgroupManager::disabled && rt.uid == 0);
  host.cgroups = TRY(cgroups::probe(cgroups_wanted).within("reading the host's cgroups"));
  const bool confined = TRY(in_user_namespace()) || rt.uid != 0;
  host.cgroups.device_rules = !confined;
  host.cgroups.tolerant = rt.rootless == Rootless::yes || (rt.rootless == Rootless::automatic && confined);
  host.cgroups.gives_away = rt.uid == 0;
  if (rt.cgroup_manager == CgroupManager::cgroupfs && confined && host.cgroups.only_v2())
    TRY(cgroups::use_delegated(host.cgroups));
  if (by_systemd && confined) host.cgroups.user_manager = TRY(cgroups::user_manager());
  if (host.cgroups.tolerant)
    for (plan::HostHierarchy& h : host.cgroups.hierarchies)
      h.writable = sys::faccessat(Fd::cwd(), h.mount_point.c_str(), W_OK).ok();
  return host;
}

}  // namespace host
