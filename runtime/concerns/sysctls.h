// Writes kernel parameters (plan/sysctls.h), never through the container's /proc: what is mounted there is not ours, and
// a write that was led elsewhere has broken out of containers before (CVE-2025-52881).
//
// Before pivot_root the runtime's own /proc is still in sight, and /proc/sys shows the namespaces of whoever asks, so
// it serves.  Where that one is no complete procfs (it has been mounted over, or is read-only), a private one is made.
#pragma once

#include <string>
#include <vector>

#include "runtime/concerns/namespaces.h"
#include "runtime/plan/sysctls.h"
#include "spec/base/error.h"

namespace sysctls {

// What the container's namespaces have of a parameter.  The kernel's first ones have more than others, and some of what those
// have can only be read there.
enum class Presence : char { writable, read_only, absent };
// In the namespaces of the caller.  `procfs` is a directory with a complete proc(5), `path` is beneath its sys/.
Presence presence(Fd procfs, const std::string& path);
// What is said of one that cannot be written.  Precondition: it is not writable.
std::string objection(const plan::SysctlStep& step, Presence presence);

// Refuses parameters of a namespace that is joined by path and turns out to be the runtime's own: they are the host's.
// Precondition: `joined` is what `steps` were planned with.
Result<> spare_host(const std::vector<plan::SysctlStep>& steps,
                    const std::vector<namespaces::Joined>& joined);

// Precondition: after the namespaces are entered, before rootfs::enter.  Errors name the parameter.
Result<> apply(const std::vector<plan::SysctlStep>& steps);

}  // namespace sysctls
