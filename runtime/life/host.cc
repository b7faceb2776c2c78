#include "runtime/life/host.h"

#include <unistd.h>

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/capabilities.h"

namespace host {

unsigned listen_fds(const Environment& environment, pid_t self) {
  constexpr unsigned kMost = 1024;
  const std::string pid = environment.get("LISTEN_PID").value_or("");
  if (!pid.empty() && str::number<pid_t>(pid) != self) return 0;
  const auto count = str::number<unsigned>(environment.get("LISTEN_FDS").value_or("0"));
  return count && *count <= kMost ? *count : 0;
}

Result<plan::Host> probe(const Runtime& rt) {
  plan::Host host;
  host.euid = rt.uid;
  host.egid = ::getegid();
  host.capabilities = TRY(capabilities::permitted());
  host.listen_fds = listen_fds(rt.environment, ::getpid());
  const bool cgroups_wanted = rt.cgroup_manager != CgroupManager::disabled && rt.uid == 0;
  host.cgroups = TRY(cgroups::probe(cgroups_wanted).within("reading the host's cgroups"));
  return host;
}

}  // namespace host
