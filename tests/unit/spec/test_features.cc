#include <criterion/criterion.h>

#include "spec/features.h"
#include "tests/unit/support/expect.h"

static oci::Features full() {
  oci::Features f;
  f.oci_version_min = "1.0.0";
  f.oci_version_max = "1.3.0";
  f.hooks = {{"poststop"}};
  f.mount_options = {{"ro", "rw"}};
  f.annotations = {{"a.b", "c"}};
  f.potentially_unsafe_config_annotations = std::vector<std::string>{};
  oci::LinuxFeatures& l = f.linux_.emplace();
  l.namespaces = {{"pid"}};
  l.capabilities = {{"CAP_KILL"}};
  l.cgroup = {true, true, false, false, true};
  l.seccomp = {true,    {{"SCMP_ACT_LOG"}},        {{"SCMP_CMP_EQ"}}, {{"SCMP_ARCH_X86"}},
               {{"K"}}, std::vector<std::string>{}};
  l.apparmor = {true};
  l.selinux = {false};
  l.net_devices = {true};
  l.memory_policy = {{{"MPOL_BIND"}}, {{"MPOL_F_STATIC_NODES"}}};
  l.intel_rdt = {true, false, true};
  l.mount_extensions.emplace().idmap = {true};
  return f;
}

Test(features, every_property_is_written_and_read) {
  const std::string text = oci::encode(full());
  for (const char* name : {"ociVersionMin",
                           "ociVersionMax",
                           "hooks",
                           "mountOptions",
                           "annotations",
                           "potentiallyUnsafeConfigAnnotations",
                           "linux",
                           "namespaces",
                           "capabilities",
                           "cgroup",
                           "v1",
                           "v2",
                           "systemd",
                           "systemdUser",
                           "rdma",
                           "seccomp",
                           "actions",
                           "operators",
                           "archs",
                           "knownFlags",
                           "supportedFlags",
                           "apparmor",
                           "selinux",
                           "memoryPolicy",
                           "modes",
                           "flags",
                           "intelRdt",
                           "schemata",
                           "monitoring",
                           "mountExtensions",
                           "idmap",
                           "netDevices",
                           "enabled"})
    cr_expect(text.find(str::cat('"', name, "\": ")) != std::string::npos, "%s is missing", name);
  const Result<oci::Features> again = oci::parse_features(text);
  cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
  cr_expect(again.value() == full());
}

// features.md: "null MUST NOT be confused with an empty value".
Test(features, nothing_and_none_differ) {
  const Result<oci::Features> nothing = oci::parse_features(
      R"({"ociVersionMin":"1.0.0","ociVersionMax":"1.3.0","hooks":null,"mountOptions":[],"linux":{"apparmor":{"enabled":false}}})");
  cr_assert(nothing.ok());
  cr_expect(!nothing.value().hooks);
  cr_expect(nothing.value().mount_options && nothing.value().mount_options->empty());
  cr_expect(nothing.value().linux_->apparmor->enabled == false);
  const std::string text = oci::encode(nothing.value());
  cr_expect(text.find("hooks") == std::string::npos);
  cr_expect(text.find(R"("mountOptions": [])") != std::string::npos);
  cr_expect(text.find(R"("enabled": false)") != std::string::npos);
}

Test(features, refuses_what_is_none) {
  const struct {
    const char *text, *want;
  } cases[] = {
      {R"({"ociVersionMin":"1.0.0"})", "features.json:1:1: ociVersionMax: required, but missing"},
      {R"({"ociVersionMin":"1","ociVersionMax":"1","hooks":"a"})",
       "features.json:1:50: hooks: expected an array, got the string 'a'"},
  };
  for (const auto& c : cases) {
    const Result<oci::Features> got = oci::parse_features(c.text);
    cr_assert(!got.ok());
    cr_expect_str_eq(got.error().message.c_str(), c.want);
  }
}
