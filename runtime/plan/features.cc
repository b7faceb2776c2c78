#include "runtime/plan/features.h"

#include "runtime/plan/plan.h"
#include "runtime/plan/systemd.h"
#include "spec/tables.h"

namespace plan {

namespace {

using Names = std::vector<std::string>;

template <class List>
Names strings(const List& list) {
  Names names;
  for (const std::string_view name : list) names.emplace_back(name);
  return names;
}

Names hook_names() {
  Names names;
  for (const json::Row& row : json::table<oci::Hooks>()) names.emplace_back(row.name);
  return names;
}

// ---- what the plan says ----

// A host that has everything.
Host best_host(bool v2) {
  Host host;
  host.capabilities = ~uint64_t{0};
  host.cgroups.hierarchies = {{"/sys/fs/cgroup", {"cpu", "memory", "pids", "rdma", "devices"}, v2}};
  return host;
}

oci::Config least_config() {
  oci::Config config;
  config.oci_version = oci::kSpecVersion;
  config.root = oci::Root{"rootfs", false};
  config.linux_.emplace();
  for (const auto& row : oci::kNamespaceTypes)
    if (row.value != oci::NamespaceType::user && row.value != oci::NamespaceType::time)
      config.linux_->namespaces.push_back({row.value, std::nullopt});
  return config;
}

bool can(const oci::Config& config, bool v2 = true, bool systemd = false, uint32_t uid = 0) {
  CreateArgs args;
  args.id = "x";
  args.bundle = "/x";
  args.systemd_cgroup = systemd;
  Host host = best_host(v2);
  host.euid = uid;
  return make(config, host, args).ok();
}

// Whether `change` to a configuration that can be run leaves it one.
template <class Change>
bool can_with(Change change) {
  oci::Config config = least_config();
  change(config);
  return can(config);
}

oci::CgroupFeatures cgroup_features() {
  oci::Config config = least_config();
  oci::CgroupFeatures features;
  features.v1 = can(config, false);
  features.v2 = can(config, true);
  config.linux_->cgroups_path = "system.slice:runtime:x";
  features.systemd = can(config, true, true);
  config.linux_->cgroups_path = "user.slice:runtime:x";
  features.systemd_user = can(config, true, true, 1000);
  features.rdma =
      can_with([](oci::Config& c) { c.linux_->resources.emplace().rdma["mlx5_0"].hca_handles = 1; });
  return features;
}

oci::IntelRdtFeatures rdt_features() {
  oci::IntelRdtFeatures features;
  features.enabled = can_with([](oci::Config& c) { c.linux_->intel_rdt.emplace().clos_id = "x"; });
  features.schemata = can_with([](oci::Config& c) { c.linux_->intel_rdt.emplace().schemata = {"L3:0=f"}; });
  features.monitoring =
      can_with([](oci::Config& c) { c.linux_->intel_rdt.emplace().enable_monitoring = true; });
  return features;
}

oci::MemoryPolicyFeatures memory_policy_features() {
  oci::MemoryPolicyFeatures features;
  const auto policy = [](std::string_view mode, std::string_view flag) {
    return can_with([&](oci::Config& c) {
      oci::MemoryPolicy& p = c.linux_->memory_policy.emplace();
      p.mode = mode;
      if (mode != "MPOL_DEFAULT" && mode != "MPOL_LOCAL") p.nodes = "0";
      if (!flag.empty()) p.flags.emplace_back(flag);
    });
  };
  features.modes.emplace();
  for (const std::string_view mode : oci::memory_policy_modes())
    if (policy(mode, "")) features.modes->emplace_back(mode);
  features.flags.emplace();
  for (const std::string_view flag : oci::memory_policy_flags())
    if (policy("MPOL_BIND", flag)) features.flags->emplace_back(flag);
  return features;
}

// ---- seccomp ----

oci::Seccomp least_profile() {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::allow;
  return profile;
}

bool compiles(oci::SeccompAction action, oci::SeccompOperator op) {
  oci::Seccomp profile = least_profile();
  if (action == oci::SeccompAction::allow) profile.default_action = oci::SeccompAction::error_number;
  if (action == oci::SeccompAction::notify) profile.listener_path = "/x";
  profile.syscalls.push_back({{"reboot"}, action, std::nullopt, {{0, 1, std::nullopt, op}}});
  return make_seccomp(profile).ok();
}

oci::SeccompFeatures seccomp_features(bool (*knows_flag)(unsigned flag)) {
  oci::SeccompFeatures features;
  features.enabled = make_seccomp(least_profile()).ok();
  features.actions.emplace();
  for (const auto& row : oci::kSeccompActions)
    if (compiles(row.value, oci::SeccompOperator::equal)) features.actions->emplace_back(row.text);
  features.operators.emplace();
  for (const auto& row : oci::kSeccompOperators)
    if (compiles(oci::SeccompAction::error_number, row.value)) features.operators->emplace_back(row.text);
  features.archs.emplace();
  for (const std::string_view arch : oci::seccomp_architectures()) {
    oci::Seccomp profile = least_profile();
    profile.architectures.emplace_back(arch);
    if (make_seccomp(profile).ok()) features.archs->emplace_back(arch);
  }
  features.known_flags.emplace();
  features.supported_flags.emplace();
  for (const std::string_view flag : oci::seccomp_flags()) {
    oci::Seccomp profile = least_profile();
    profile.flags.emplace_back(flag);
    const Result<SeccompProgram> program = make_seccomp(profile);
    if (!program.ok()) continue;
    features.known_flags->emplace_back(flag);
    if (knows_flag(program.value().flags)) features.supported_flags->emplace_back(flag);
  }
  return features;
}

}  // namespace

oci::Features make_features(bool (*knows_flag)(unsigned flag)) {
  oci::Features features;
  features.oci_version_min = "1.0.0";
  features.oci_version_max = oci::kSpecVersion;
  features.hooks = hook_names();
  features.mount_options = strings(mount_options());
  features.potentially_unsafe_config_annotations = Names{std::string(kSystemdAnnotations)};

  oci::LinuxFeatures& l = features.linux_.emplace();
  l.namespaces = strings(names::all(oci::kNamespaceTypes));
  l.capabilities = capability_names();
  l.cgroup = cgroup_features();
  l.seccomp = seccomp_features(knows_flag);
  l.apparmor = {can_with([](oci::Config& c) { c.process.emplace().apparmor_profile = "x"; })};
  l.selinux = {can_with([](oci::Config& c) { c.process.emplace().selinux_label = "x"; })};
  l.memory_policy = memory_policy_features();
  l.intel_rdt = rdt_features();
  l.mount_extensions.emplace().idmap = {can_with([](oci::Config& c) {
    c.mounts.push_back({"/x", std::nullopt, "/x", {"bind"}, {{0, 1000, 1}}, {{0, 1000, 1}}});
  })};
  l.net_devices = {can_with([](oci::Config& c) { c.linux_->net_devices["eth0"]; })};
  return features;
}

}  // namespace plan
