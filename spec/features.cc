// Field tables for features.h.
#include "spec/features.h"

#include "spec/schema.h"

using namespace oci;  // the tables below are about nothing else

template <>
struct json::Schema<Enabled> {
  static constexpr auto fields = std::tuple{optional("enabled", &Enabled::enabled)};
};

template <>
struct json::Schema<CgroupFeatures> {
  using C = CgroupFeatures;
  static constexpr auto fields = std::tuple{
      optional("v1", &C::v1),           optional("v2", &C::v2),
      optional("systemd", &C::systemd), optional("systemdUser", &C::systemd_user),
      optional("rdma", &C::rdma),
  };
};

template <>
struct json::Schema<SeccompFeatures> {
  using S = SeccompFeatures;
  static constexpr auto fields = std::tuple{
      optional("enabled", &S::enabled),        optional("actions", &S::actions),
      optional("operators", &S::operators),    optional("archs", &S::archs),
      optional("knownFlags", &S::known_flags), optional("supportedFlags", &S::supported_flags),
  };
};

template <>
struct json::Schema<MemoryPolicyFeatures> {
  static constexpr auto fields = std::tuple{
      optional("modes", &MemoryPolicyFeatures::modes),
      optional("flags", &MemoryPolicyFeatures::flags),
  };
};

template <>
struct json::Schema<IntelRdtFeatures> {
  static constexpr auto fields = std::tuple{
      optional("enabled", &IntelRdtFeatures::enabled),
      optional("schemata", &IntelRdtFeatures::schemata),
      optional("monitoring", &IntelRdtFeatures::monitoring),
  };
};

template <>
struct json::Schema<MountExtensions> {
  static constexpr auto fields = std::tuple{optional("idmap", &MountExtensions::idmap)};
};

template <>
struct json::Schema<LinuxFeatures> {
  using L = LinuxFeatures;
  static constexpr auto fields = std::tuple{
      optional("namespaces", &L::namespaces),
      optional("capabilities", &L::capabilities),
      optional("cgroup", &L::cgroup),
      optional("seccomp", &L::seccomp),
      optional("apparmor", &L::apparmor),
      optional("selinux", &L::selinux),
      optional("memoryPolicy", &L::memory_policy),
      optional("intelRdt", &L::intel_rdt),
      optional("mountExtensions", &L::mount_extensions),
      optional("netDevices", &L::net_devices),
  };
};

template <>
struct json::Schema<Features> {
  using F = Features;
  static constexpr auto fields = std::tuple{
      required("ociVersionMin", &F::oci_version_min),
      required("ociVersionMax", &F::oci_version_max),
      optional("hooks", &F::hooks),
      optional("mountOptions", &F::mount_options),
      optional("linux", &F::linux_),
      optional("annotations", &F::annotations),
      optional("potentiallyUnsafeConfigAnnotations", &F::potentially_unsafe_config_annotations),
  };
};

namespace oci {

Result<Features> parse_features(std::string_view text) {
  return json::decode_text<Features>(text, {.name = "features.json"});
}

std::string encode(const Features& features) { return json::encode(features, json::Style::indented); }

}  // namespace oci
