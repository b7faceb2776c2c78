// The container's mounts, one step of the plan at a time (plan/mounts.h), beneath the root descriptor.
//
// A step finds its target once, through path::, makes it if it is missing, and mounts by descriptor: a rename or a new
// symbolic link in a shared volume after that changes nothing.  Messages are complete: "mounts[3].source: mount source
// '/x' does not exist"; callers need not add where they come from.
#pragma once

#include <functional>
#include <vector>

#include "runtime/concerns/rootfs.h"
#include "runtime/plan/mounts.h"
#include "spec/base/error.h"

namespace mounts {

// For each step that wants to stay in the host's peer group (open_early) its source; not valid for the others.  Empty if
// there is no such step.  To be called in the parent, before the container's mount namespace is made; the descriptors are
// inherited.
Result<std::vector<UniqueFd>> open_sources(const std::vector<plan::MountStep>& steps);

// What a bind mount shows, as a detached mount, with its ids mapped where the step says so: by the user namespace
// `joined`, if the step has no mappings.  By the path it has in the mount namespace of the caller.
Result<UniqueFd> open_source(const plan::MountStep& step, Fd joined = Fd());

// The source of the step at this position, opened by somebody with more rights (open_outside).
using Opener = std::function<Result<UniqueFd>(size_t position)>;

// All steps, in their order: a later one may bind what an earlier one has mounted.  Precondition: between rootfs::prepare
// and rootfs::enter.  Where the target is the root itself, `root` is changed to what is mounted there.  Errors: a missing
// source or an option that the file system does not know is Kind::invalid.  `early`: what open_sources made.
Result<> apply(const std::vector<plan::MountStep>& steps, const std::vector<UniqueFd>& early,
               const Opener& outside, rootfs::Root& root);

}  // namespace mounts
