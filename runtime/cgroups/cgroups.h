// The container's cgroups on the host: made, entered, listed, killed, removed (cgroups(7)).
//
// Works on directories of every mounted hierarchy, v1 and v2 alike; what differs is small enough to stand beside each
// other in cgroups.cc.  The rules:
//   limits are written before any process is inside, so that set-up counts against them
//   what existed before is never removed; a cgroup that holds processes, or is frozen, is refused
//   entering is free of the kernel's slow path: CLONE_INTO_CGROUP on v2, "0" into `tasks` by a single-threaded process on
//   v1 (writing a pid into cgroup.procs waits for an RCU grace period, about 10 ms)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/plan/cgroup.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace cgroups {

// The mounted hierarchies, from /proc/self/mountinfo.
Result<plan::CgroupHost> probe(bool writable);

using Paths = std::map<std::string, std::string>;  // controller, "" for v2 → absolute directory

struct Handle {
  UniqueFd v2;                  // directory for CLONE_INTO_CGROUP; invalid: no unified hierarchy
  std::vector<UniqueFd> tasks;  // v1: opened for writing "0"
  Paths paths;
  std::vector<std::string> created;  // in the order they were made
};

// Makes the directories and writes the limits.  On failure what it made is gone again.
Result<Handle> create(const plan::Cgroup& plan);
// For a further process in the cgroups of a running container.
Result<Handle> open(const Paths& paths);

// Every process in the container's cgroups, those below included.
Result<std::vector<pid_t>> pids(const Paths& paths);
// Signals all of them; SIGKILL reaches also those that fork meanwhile.
Result<> kill_all(const Paths& paths, int signal);

// Removes directories made by `create`, with the empty cgroups a container made beneath them.  Waits for processes on
// their way out, at most `wait_ms` milliseconds for each.
Result<> destroy(const std::vector<std::string>& created, int64_t wait_ms = 10000);

}  // namespace cgroups
