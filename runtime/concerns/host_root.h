// The root file system of a container without a mount namespace of its own: linux.namespaces does not name "mount", and
// what the specification then asks for is that the container's mounts are made in the runtime's.
//
// All of them hang beneath one copy of the root file system that is mounted over root.path: private, so nothing leaks
// further, and all of them go when that one is taken away.  Its id is put on record before it is attached, so `delete`
// finds it however creation ended, and never takes away somebody else's mount.  The process enters by chroot(2), which a
// process with CAP_SYS_CHROOT can leave again: who does without a mount namespace does without that wall.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace host_root {

struct Mount {
  UniqueFd fd, target;
  uint64_t id = 0;
};

// A copy of the mount at root.path that nobody sees yet.  Errors: those of rootfs::open.
Result<Mount> make(const plan::RootfsPlan& plan);
Result<> attach(const Mount& mount, const plan::RootfsPlan& plan);

// Takes the mount `id` at `path` away, with all that is mounted on it; fine if it is not there.
Result<> detach(const std::string& path, uint64_t id);

// Makes the directory the root and working directory of this process.
Result<> enter(Fd root);

}  // namespace host_root
