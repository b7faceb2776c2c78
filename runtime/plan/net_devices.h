// linux.netDevices (config-linux.md, "Network Devices"): which devices of the host the container takes over, and what they
// are called in there.
#pragma once

#include <string>
#include <vector>

#include "spec/config.h"

namespace plan {

struct NetDevice {
  std::string path;    // of the property, for messages
  std::string host;    // its name outside
  std::string inside;  // its name in the container; ending in "%d": the kernel chooses the number
};

std::vector<NetDevice> make_net_devices(const oci::Config& config);

}  // namespace plan
