// linux.resources as writes to control files, for the version of the hierarchy that has the controller.
#pragma once

#include "runtime/plan/cgroup.h"

namespace plan {

// The directory whose hierarchy has `controller`: v1 before v2; null: no hierarchy has it.
CgroupDirectory* find_directory(Cgroup& plan, std::string_view controller);

// Everything but device rules.  Precondition: the directories are there.
Result<> add_writes(const oci::Resources& resources, Cgroup& plan);

}  // namespace plan
