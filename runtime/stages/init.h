// The container's own side: from a fresh clone to its program.  See protocol.h for the conversation.
#pragma once

#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/protocol.h"

namespace stages {

// Whether somebody else has joined and made the namespaces already.
enum class Entry { direct, bridged };

// Body of the init process of a new container.  Returns only with an error: success is exec.
Result<> init(Channel& channel, const plan::Plan& plan, Handles& handles, Entry entry);

// Body of a further process in a running container (`exec`), in its namespaces already.
struct Tenant {
  plan::Process process;
  std::optional<plan::SeccompProgram> seccomp;
  bool user_namespace = false;
};
Result<> tenant(Channel& channel, const Tenant& tenant);

// Writes "0" into the v1 `tasks` files: the cheapest way into those cgroups.
Result<> enter_cgroups(const std::vector<UniqueFd>& tasks);

}  // namespace stages
