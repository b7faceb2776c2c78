// The container's mounts, one step of the plan at a time (plan/mounts.h), beneath the root descriptor.
//
// A step finds its target once, through path::, makes it if it is missing, and mounts by descriptor: a rename or a new
// symbolic link in a shared volume after that changes nothing.  Messages are complete: "mounts[3].source: mount source
// '/x' does not exist"; callers need not add where they come from.
#pragma once

#include <vector>

#include "runtime/concerns/rootfs.h"
#include "runtime/plan/mounts.h"
#include "spec/base/error.h"

namespace mounts {

// For each step the source that has to be opened with the runtime's own namespaces and rights; not valid where apply()
// opens it: an id-mapped mount, and one that stays in the host's peer group.  Empty if no step needs it.
// To be called in the parent, before the container's mount namespace is made; the descriptors are inherited.
Result<std::vector<UniqueFd>> open_sources(const std::vector<plan::MountStep>& steps);

// Precondition: between rootfs::prepare and rootfs::enter.  Where the target is the root itself, `root` is changed to
// what is mounted there.  Errors: a missing source or an option that the file system does not know is Kind::invalid.
// `source`: what open_sources made for this step.
Result<> apply(const plan::MountStep& step, rootfs::Root& root, Fd source = Fd());
// All of them.
Result<> apply(const std::vector<plan::MountStep>& steps, const std::vector<UniqueFd>& sources,
               rootfs::Root& root);

}  // namespace mounts
