// What a container gets when neither its image nor its user says otherwise: Docker's defaults.
//
// Fourteen capabilities in the bounding, effective and permitted sets, nothing inheritable or ambient; the kernel's
// file systems, read-only where a container could reach the host through them; paths that leak or control the host
// masked; no devices but those every runtime adds.  The seccomp profile is in seccomp_profile.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/config.h"
#include "spec/linux.h"

namespace defaults {

inline constexpr std::string_view kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<std::string> capabilities();
std::vector<std::string> all_capabilities();  // every one Linux has, as "CAP_CHOWN", in the kernel's order
std::vector<oci::Mount> mounts();
std::vector<std::string> masked_paths();
std::vector<std::string> readonly_paths();
// For the devices cgroup: nothing, but making any node and using the harmless ones.
std::vector<oci::DeviceRule> device_rules();

}  // namespace defaults
