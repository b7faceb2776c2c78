// Hands the listener of a filter with SCMP_ACT_NOTIFY to the agent at linux.seccomp.listenerPath (config-linux.md, "The
// Container Process State"): one connection, one message with the state as JSON and the descriptor, and the end.
#pragma once

#include "runtime/life/state_dir.h"
#include "runtime/stages/parent.h"
#include "spec/state.h"

namespace seccomp_agent {

// What stages::start calls with the listener.  `dir` and `state` live as long as the result; `pid` is the process under
// the filter, `status` that of the container.
// Errors: nobody listens at the path, or does not take the message within 10 seconds.
stages::ListenerTaker sender(const StateDir& dir, const oci::State& state, oci::Status status, pid_t pid);

}  // namespace seccomp_agent
