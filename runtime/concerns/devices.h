// Device nodes and links in the container, as plan/devices.h lists them.
//
// The directory is opened once, without following any symbolic link, and everything is made in it by descriptor: an
// image whose /dev is a link makes nothing elsewhere (CVE-2026-41579, CVE-2026-47766).  Mode and owner are given to nodes
// that are made here and to no other: one that is there already can be the host's, by a bind mount or another root.path.
#pragma once

#include <vector>

#include "runtime/concerns/rootfs.h"
#include "runtime/plan/devices.h"
#include "spec/base/error.h"

namespace devices {

// Precondition: after the mounts, before rootfs::seal.  Modes are exact whatever the umask.  Where mknod(2) is forbidden
// (user namespace, device cgroup) the host's node is bound.  Something else than the device asked for at its path is an
// error; the device itself stays as it is, with a warning where the configuration names another mode or owner.
Result<> apply(const std::vector<plan::DeviceStep>& steps, rootfs::Root& root);

}  // namespace devices
