// linux.resources as writes to control files, for the version of the hierarchy that has the controller.
#pragma once

#include "runtime/plan/cgroup.h"

namespace plan {

// The directory whose hierarchy has `controller`: v1 before v2; null: no hierarchy has it.
CgroupDirectory* find_directory(Cgroup& plan, std::string_view controller);

// A cgroup that is idle has the least weight there is, and cannot have another until it is not (Linux 5.15).
inline constexpr std::string_view kCpuIdle = "cpu.idle";
constexpr bool is_cpu_weight(std::string_view file) {
  return file == "cpu.weight" || file == "cpu.weight.nice" || file == "cpu.shares";
}

// Everything but device rules.  Precondition: the directories are there.
Result<> add_writes(const oci::Resources& resources, Cgroup& plan);

}  // namespace plan
