// The config.json that `runtime spec` prints: a shell in a bundle's rootfs with few rights, as a start to edit.
// It is what `runc spec` prints (people and tools expect that), without ambient capabilities, and with the masked paths
// that Docker has added since.
#pragma once

#include <cstdint>

#include "spec/config.h"

namespace oci {

// `cgroup_namespace`: for hosts that have version 2 of cgroups alone.  Where version 1 is, containers see the host's paths
// in /proc/PID/cgroup, with runc, crun and the engines alike.
Config default_config(bool cgroup_namespace);
// For a user without rights: a user namespace in which `uid` and `gid` are root; no network namespace (an empty one
// would be of no use), /sys bound from the host, and no resource limits.
Config default_rootless_config(bool cgroup_namespace, uint32_t uid, uint32_t gid);

}  // namespace oci
