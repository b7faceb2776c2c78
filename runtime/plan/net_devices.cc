#include "runtime/plan/net_devices.h"

#include "spec/schema.h"

namespace plan {

std::vector<NetDevice> make_net_devices(const oci::Config& config) {
  std::vector<NetDevice> devices;
  for (const auto& [host, device] : config.linux_->net_devices) {
    const std::string name = device.name.value_or("");
    devices.push_back({json::join_path("linux.netDevices", host), host, name.empty() ? host : name});
  }
  return devices;
}

}  // namespace plan
