// AppArmor profile and SELinux label of the process, taken on at exec (apparmor(7); proc(5) attr/exec).
// Written through the runtime's own procfs, never the container's, whose files may be others than they seem (R3,
// CVE-2019-16884, CVE-2025-52881).
#pragma once

#include "runtime/plan/process.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace lsm {

// The host's /proc; invalid when the plan names no label.  Call in the parent.  Kind::unsupported names the property where
// the host lacks the module.
Result<UniqueFd> open_procfs(const plan::Process& process);
// Whether AppArmor confines processes here, and whether anybody reads SELinux's labels.
bool has_apparmor();
bool has_selinux();
// Opens the attribute file of this process in what open_procfs gave; invalid when the plan names no label.  Call after the
// last clone(): a process may only write its own.
Result<UniqueFd> open_exec_attribute(const plan::Process& process, Fd procfs);
// The next exec of this process or of one that it forks has the label.  Kind::invalid: the profile is not loaded.
Result<> apply(const plan::Process& process, Fd attribute);

}  // namespace lsm
