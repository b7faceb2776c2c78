// Limits written into control files: at once when a container is created, reversibly when it runs.
#pragma once

#include <string>

#include "runtime/plan/cgroup.h"
#include "spec/base/error.h"

namespace cgroups {

// Into the cgroup that `plan` is about, which is empty as yet.
//
// The kernel checks some files against each other (memory.limit_in_bytes and memory.memsw.limit_in_bytes; a quota and
// its period; both against what the parent has left), so the right order depends on what is there.  What it refuses
// with EINVAL is therefore tried again behind the rest, for as long as that helps.
// Errors name the property.  Kind::unsupported: this kernel has no such file.
Result<> write_limits(const plan::CgroupDirectory& plan, const std::string& directory);

}  // namespace cgroups
