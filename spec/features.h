// What a runtime says of itself (features.md and features-linux.md of the OCI runtime specification 1.3.0), as structs.
// An absent list says nothing, an empty one "none of them": hence the optionals.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace oci {

// Names that are recognized, whether or not this host can do it.
using Recognized = std::optional<std::vector<std::string>>;

struct Enabled {
  std::optional<bool> enabled;
  bool operator==(const Enabled&) const = default;
};

struct CgroupFeatures {
  std::optional<bool> v1, v2, systemd, systemd_user, rdma;
  bool operator==(const CgroupFeatures&) const = default;
};

struct SeccompFeatures {
  std::optional<bool> enabled;
  Recognized actions, operators, archs, known_flags, supported_flags;
  bool operator==(const SeccompFeatures&) const = default;
};

struct MemoryPolicyFeatures {
  Recognized modes, flags;
  bool operator==(const MemoryPolicyFeatures&) const = default;
};

struct IntelRdtFeatures {
  std::optional<bool> enabled, schemata, monitoring;
  bool operator==(const IntelRdtFeatures&) const = default;
};

struct MountExtensions {
  std::optional<Enabled> idmap;
  bool operator==(const MountExtensions&) const = default;
};

struct LinuxFeatures {
  Recognized namespaces, capabilities;
  std::optional<CgroupFeatures> cgroup;
  std::optional<SeccompFeatures> seccomp;
  std::optional<Enabled> apparmor, selinux, net_devices;
  std::optional<MemoryPolicyFeatures> memory_policy;
  std::optional<IntelRdtFeatures> intel_rdt;
  std::optional<MountExtensions> mount_extensions;
  bool operator==(const LinuxFeatures&) const = default;
};

struct Features {
  std::string oci_version_min, oci_version_max;
  Recognized hooks, mount_options;
  std::optional<LinuxFeatures> linux_;
  std::map<std::string, std::string> annotations;
  Recognized
      potentially_unsafe_config_annotations;  // those that change what the runtime does; "x." is a prefix
  bool operator==(const Features&) const = default;
};

// Kind::invalid with every mistake.
Result<Features> parse_features(std::string_view text);
// Indented, without a line feed at the end.
std::string encode(const Features& features);

}  // namespace oci
