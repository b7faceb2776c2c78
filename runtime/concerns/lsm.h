// AppArmor profile and SELinux label of the process, taken on at exec (apparmor(7); proc(5) attr/exec).
// Written through the runtime's own procfs, opened before the container's mounts exist (R3, CVE-2019-16884).
#pragma once

#include "runtime/plan/process.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace lsm {

// Opens the attribute file of this process; invalid when the plan names no label.  Call before the mounts are made, and
// after the last clone().  Kind::unsupported names the property where the host lacks the module.
Result<UniqueFd> open_exec_attribute(const plan::Process& process);
Result<> apply(const plan::Process& process, Fd attribute);

}  // namespace lsm
