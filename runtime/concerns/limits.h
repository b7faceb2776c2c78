// What the kernel lets the container's process use, apart from cgroups: rlimits, scheduling, I/O priority, CPU
// affinity, memory policy, the OOM score and the execution domain.  Each names its property of config.json when it fails.
#pragma once

#include "runtime/plan/process.h"
#include "spec/base/error.h"

namespace limits {

Result<> apply_rlimits(const plan::Process& process);
// Written while /proc is still the runtime's own (before pivot): R3.
Result<> apply_oom_score(const plan::Process& process);
// sched_setattr(2), ioprio_set(2), set_mempolicy(2), personality(2).
Result<> apply_scheduling(const plan::Process& process);
// sched_setaffinity(2); an empty list leaves it.
Result<> apply_affinity(const std::vector<unsigned>& cpus, std::string_view property);
// CPU affinity of the runtime's caller does not leak into the container: all CPUs, which the cpuset cgroup then cuts.
void reset_affinity();

}  // namespace limits
