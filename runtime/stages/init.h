// The container's own side: from a fresh clone to its program.  See protocol.h for the conversation.
#pragma once

#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/protocol.h"

namespace stages {

// Whether somebody else has joined and made the namespaces already.
enum class Entry { direct, bridged };

// Whether init stops before pivot_root until the runtime has done its part from outside: network devices and hooks.
bool pauses(const plan::Plan& plan);

// Body of the init process of a new container.  Returns only with an error: success is exec.
Result<> init(Channel& channel, const plan::Plan& plan, Handles& handles, Entry entry);

// Body of a further process in a running container (`exec`), in its namespaces already.
struct Tenant {
  plan::Process process;
  std::optional<plan::SeccompProgram> seccomp;
  bool user_namespace = false;
};
Result<> tenant(Channel& channel, const Tenant& tenant, Handles& handles);

// What the first stage does while it is still an ordinary process of the host, and its children inherit: enters the v1
// cgroups ("0" into their `tasks` is the cheapest way) and takes on the OOM score, for which /proc/self has to be its own.
Result<> enter_host_side(const std::vector<UniqueFd>& cgroup_tasks, const plan::Process& process);

}  // namespace stages
