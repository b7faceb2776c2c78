// Id-mapped mounts: a detached mount that shows its files with other owners (mount_setattr(2), MOUNT_ATTR_IDMAP; Linux
// 5.12, and a file system that supports it).
//
// The kernel takes the mapping in the form of a user namespace.  One is made for each such mount by a process that does
// nothing but be in it, and ends as soon as the namespace is held by a descriptor.
#pragma once

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace idmap {

// Maps the ids of `mount`, which is detached, as step.uid_mappings and step.gid_mappings say, or if there are none, as
// `joined` does, the user namespace of the container; with idmap_tree, of all mounts beneath it too.  Precondition: the
// rights to do so where the file system was mounted, that is, root on the host.  Kind::unsupported where the file system
// or the kernel cannot.
Result<> apply(const plan::MountStep& step, Fd mount, Fd joined);

}  // namespace idmap
