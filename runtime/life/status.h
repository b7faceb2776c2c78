// What a container is doing now: what state.json says was so when it was written, and its process may have been started,
// have ended or been frozen since.
#pragma once

#include <optional>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/base/proc.h"
#include "spec/state.h"

namespace status {

// created, running, paused or stopped; creating while its `create` has not finished.  A zombie is stopped, and so is a
// pid that belongs to another process by now.  Whether it is created or running is asked of the kernel, which knows if
// init has executed the program: nothing has to be written at that moment, and nothing can be wrong afterwards.
oci::Status of(const oci::State& state);
// The same, by what is known of the process `state.pid` already; nullopt: there is none.
oci::Status of(const oci::State& state, const std::optional<proc::Stat>& process);

// The container's first process, for signals and for waiting; invalid: it has ended.
Result<UniqueFd> open_process(const oci::State& state);

}  // namespace status
