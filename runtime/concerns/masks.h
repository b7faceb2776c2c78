// Hides paths, or makes them read-only, in the finished tree of the container (plan/masks.h).
//
// A file is hidden by the container's /dev/null, which is opened once and verified to be character device 1:3
// (CVE-2025-31133); a directory by an empty read-only tmpfs, one for all of them.  No symbolic link is followed on the
// way to a path.  A path that does not exist needs no mask.
#pragma once

#include "runtime/concerns/rootfs.h"
#include "runtime/plan/masks.h"
#include "spec/base/error.h"

namespace masks {

// Precondition: after mounts and devices, before rootfs::enter.
Result<> apply(const plan::MaskPlan& plan, const rootfs::Root& root);

}  // namespace masks
