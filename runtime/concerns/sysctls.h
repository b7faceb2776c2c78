// Writes kernel parameters (plan/sysctls.h), never through the container's /proc: what is mounted there is not ours, and
// a write that was led elsewhere has broken out of containers before (CVE-2025-52881).
//
// Before pivot_root the runtime's own /proc is still in sight, and /proc/sys shows the namespaces of whoever asks, so
// it serves.  Where that one is no complete procfs (it has been mounted over, or is read-only), a private one is made.
#pragma once

#include <vector>

#include "runtime/plan/sysctls.h"
#include "spec/base/error.h"

namespace sysctls {

// Precondition: after the namespaces are entered, before rootfs::enter.  Errors name the parameter.
Result<> apply(const std::vector<plan::SysctlStep>& steps);

}  // namespace sysctls
