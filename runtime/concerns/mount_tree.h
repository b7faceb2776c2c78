// The mounts that hang beneath a mount, as descriptors: what mount_setattr(AT_RECURSIVE) would reach, for kernels that lack
// it (before Linux 5.12).
//
// /proc/self/mountinfo says which they are.  The paths there are only hints: what is found at one counts if it is the
// very mount that was listed, by its id, so a rename by somebody else leads to an error and not to another place.
#pragma once

#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/base/proc.h"

namespace mounts {

// All mounts of our namespace.
Result<std::vector<proc::MountLine>> read_mount_lines();

// `mount`, which is attached in our namespace, and all mounts beneath it, O_PATH.  Kind::unsupported if one of them is
// covered by another or has been moved meanwhile: it cannot be reached by name then.
Result<std::vector<UniqueFd>> tree_of(Fd mount);

}  // namespace mounts
