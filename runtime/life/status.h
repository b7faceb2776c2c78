// What a container is doing now: what state.json says was so when it was written, and its process may have ended or
// been frozen since.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/state.h"

namespace status {

// A process as /proc/PID/stat (proc(5)) shows it.
struct ProcessFacts {
  char state = 0;           // field 3: 'R', 'S', 'Z'…
  uint64_t start_time = 0;  // field 22, in clock ticks since boot: tells a reused pid from ours
};
// nullopt: there is no such process.
std::optional<ProcessFacts> facts(pid_t pid);
std::optional<ProcessFacts> parse_stat(std::string_view text);

// created, running, paused or stopped; creating while its `create` has not finished.  A zombie is stopped, and so is a
// pid that belongs to another process by now.
oci::Status of(const oci::State& state);
// The same, by what is known of the process `state.pid` already; nullopt: there is none.
oci::Status of(const oci::State& state, const std::optional<ProcessFacts>& process);

// The container's first process, for signals and for waiting; invalid: it has ended.
Result<UniqueFd> open_process(const oci::State& state);

}  // namespace status
