// Mounts as descriptors: made detached, finished out of sight, and only then attached to a verified target.
//
// So there is no moment at which a container, or somebody who shares a volume with it, could find a mount without its
// restrictions or have a path looked up twice.  A descriptor of a mount keeps meaning that mount wherever it is attached.
// Nothing here resolves a path inside a container.  Needs Linux 5.2 (fsopen, open_tree, move_mount).  Before 5.12 there is
// no mount_setattr: attributes are then set right after attaching, by remounting through /proc/self/fd (mount_tree.h).
// A detached mount that is never attached costs the kernel a grace period at close, so callers find the target first
// where they can.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace mounts {

// open_tree(2): a detached copy of the mount at `path` beneath `dir`; an empty path is `dir` itself, which may be a file.
struct Clone {
  bool recursive = false;
  bool follow = true;  // a symbolic link as last component
};
Result<UniqueFd> clone_tree(Fd dir, const char* path, Clone how);

// What a step asks of its mount beyond what make_filesystem does: attributes, those of the tree last, and propagation.
struct Dress {
  plan::MountAttributes own, tree;
  std::vector<unsigned long> propagation;  // MS_SHARED…, with MS_REC
};

// Dresses the detached mount and attaches it to the file or directory that `target` is.  EINVAL if one of them is a
// directory and the other is not; Kind::unsupported where the kernel is too old for what is asked for.
Result<> attach(Fd mount, Fd target, const Dress& dress = {});

// Changes a mount that is attached.
Result<> change(Fd mount, const Dress& dress);

// Takes a mount that is attached away again, with all beneath it.  Precondition: nothing is mounted on its root.
Result<> detach(Fd mount);

// Attributes that the mount has now (MOUNT_ATTR_*), by statfs.
Result<uint64_t> attributes_of(Fd mount);

// A new, detached mount of step.type with the step's data, superblock flags and own attributes.
// Errors name the option: "mounts[7].options[0]: tmpfs does not know 'badopt' (kernel: …)".
Result<UniqueFd> make_filesystem(const plan::MountStep& step);
// The same errors, a line for each, and nothing is made; those that show only in the mount itself are not found.
// EPERM for those who may not mount.
Result<> check_options(const plan::MountStep& step);

// Changes the superblock of `mount`, which is attached, to `superblock` (MS_*) and `data`; the mount itself has
// `attributes` (MOUNT_ATTR_*) afterwards.
Result<> reconfigure(Fd mount, uint64_t attributes, unsigned long superblock, const std::string& data);

}  // namespace mounts
