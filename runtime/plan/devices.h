// Decides which device nodes and links a container gets: those that every container has (config-linux.md, "Default
// Devices"), and linux.devices.
//
// Where /dev is a bind mount it belongs to somebody else, usually the host: nothing is made there, as in runc; a
// device that the configuration lists has to be there already.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

enum class DeviceKind {
  node,  // a device or FIFO
  link,  // a symbolic link; one that is there already stays
  ptmx,  // the link to pts/ptmx; replaces whatever else is there, but not a node of the same device
};

struct DeviceStep {
  std::string origin;  // for messages: "linux.devices[2]", or "default device"
  DeviceKind kind = DeviceKind::node;
  std::string path;  // beneath the root, without '/' at its ends: "dev/null"
  std::string link;  // what a link points to
  mode_t type = 0;   // S_IFCHR, S_IFBLK, S_IFIFO
  dev_t number = 0;
  std::optional<mode_t> mode;  // absent: 0666
  std::optional<uid_t> uid;    // absent: 0
  std::optional<gid_t> gid;
  bool from_host = false;   // bind the host's node: in a user namespace nobody may make one
  bool must_exist = false;  // it belongs to somebody else's /dev
};

// Precondition: the config has passed oci::rules.  Kind::invalid with the JSON path.
Result<std::vector<DeviceStep>> make_devices(const oci::Config& config, const MountFacts& facts,
                                             const std::vector<MountStep>& mounts);

}  // namespace plan
