// Writes kernel parameters (plan/sysctls.h), never through the container's /proc: what is mounted there is not ours, and
// a write that was led elsewhere has broken out of containers before (CVE-2025-52881).
//
// Before pivot_root the runtime's own /proc is still in sight, and /proc/sys shows the namespaces of whoever asks, so
// it serves.  Where that one is no complete procfs (it has been mounted over, or is read-only), a private one is made.
#pragma once

#include <vector>

#include "runtime/concerns/namespaces.h"
#include "runtime/plan/sysctls.h"
#include "spec/base/error.h"

namespace sysctls {

// Refuses parameters of a namespace that is joined by path and turns out to be the runtime's own: they are the host's.
// Precondition: `joined` is what `steps` were planned with.
Result<> spare_host(const std::vector<plan::SysctlStep>& steps,
                    const std::vector<namespaces::Joined>& joined);

// Precondition: after the namespaces are entered, before rootfs::enter.  Errors name the parameter.
Result<> apply(const std::vector<plan::SysctlStep>& steps);

}  // namespace sysctls
