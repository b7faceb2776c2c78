// The container's mounts, one step of the plan at a time (plan/mounts.h), beneath the root descriptor.
//
// A step finds its target once, through path::, makes it if it is missing, and mounts by descriptor: a rename or a new
// symbolic link in a shared volume after that changes nothing.  Messages are complete: "mounts[3].source: mount source
// '/x' does not exist"; callers need not add where they come from.
#pragma once

#include "runtime/concerns/rootfs.h"
#include "runtime/plan/mounts.h"
#include "spec/base/error.h"

namespace mounts {

// Precondition: between rootfs::prepare and rootfs::enter.  Where the target is the root itself, `root` is changed to
// what is mounted there.  Errors: a missing source or an option that the file system does not know is Kind::invalid.
Result<> apply(const plan::MountStep& step, rootfs::Root& root);

}  // namespace mounts
