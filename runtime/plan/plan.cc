#include "runtime/plan/plan.h"

#include <linux/capability.h>

#include <algorithm>

#include "spec/base/errors.h"

namespace plan {

namespace {

using oci::NamespaceType;

MountFacts mount_facts(const Host& host, const CreateArgs& args, const Namespaces& namespaces,
                       const Cgroup& cgroup, const std::string& label) {
  MountFacts facts;
  facts.bundle = args.bundle;
  facts.user_namespace = namespaces.user();
  facts.joins_user = namespaces.user() && !namespaces.is_new(NamespaceType::user);
  facts.privileged = host.capabilities >> CAP_SYS_ADMIN & 1;
  facts.own_pid = namespaces.has(NamespaceType::pid);
  facts.own_network = namespaces.has(NamespaceType::network);
  facts.own_ipc = namespaces.has(NamespaceType::ipc);
  facts.own_cgroup = namespaces.has(NamespaceType::cgroup);
  facts.gid_mappings = namespaces.gid_mappings;
  facts.mount_label = label;
  for (const HostHierarchy& hierarchy : host.cgroups.hierarchies) {
    const auto ours =
        std::find_if(cgroup.directories.begin(), cgroup.directories.end(),
                     [&](const CgroupDirectory& d) { return d.mount_point == hierarchy.mount_point; });
    facts.cgroups.push_back({hierarchy.mount_point,
                             hierarchy.v2 ? std::vector<std::string>() : hierarchy.controllers,
                             ours == cgroup.directories.end() ? std::string("/") : ours->path});
  }
  return facts;
}

// setgroups is denied where an unprivileged user wrote the maps himself.
ProcessFacts process_facts(const Host& host, const CreateArgs& args, const Namespaces& namespaces) {
  ProcessFacts facts;
  facts.permitted = host.capabilities;
  facts.user_namespace = namespaces.user();
  facts.groups_denied = namespaces.is_new(NamespaceType::user) && namespaces.maps_one_id() &&
                        !(host.capabilities >> CAP_SETGID & 1);
  facts.listen_fds = host.listen_fds;
  facts.preserve_fds = args.preserve_fds;
  return facts;
}

Result<> add_process(const oci::Config& config, const Host& host, const CreateArgs& args, Plan& plan) {
  if (!config.process) return {};
  Process process = TRY(
      make_process(*config.process, process_facts(host, args, plan.namespaces), "process", plan.warnings));
  TRY(add_execution(config.linux_->personality, config.linux_->memory_policy, process));
  plan.process = std::move(process);
  return {};
}

Result<> add_filesystem(const oci::Config& config, const CreateArgs& args, const MountFacts& facts,
                        Plan& plan) {
  Errors errors;
  plan.mounts = errors.keep(make_mounts(config, facts));
  for (const MountStep& step : plan.mounts)
    if (!step.warning.empty()) plan.warnings.push_back(step.warning);
  plan.rootfs = errors.keep(make_rootfs(config, facts, args.no_pivot, plan.mounts));
  plan.devices = errors.keep(make_devices(config, facts, plan.mounts));
  plan.masks = errors.keep(make_masks(config));
  mark_kept(plan.masks, plan.mounts);
  const Namespaces& own = plan.namespaces;
  plan.sysctls = errors.keep(make_sysctls(config, {.ipc = own.has(NamespaceType::ipc),
                                                   .network = own.has(NamespaceType::network),
                                                   .uts = own.has(NamespaceType::uts),
                                                   .user = own.user()}));
  return std::move(errors).finish();
}

}  // namespace

static Result<> fill(Plan& plan, const oci::Config& config, const Host& host, const CreateArgs& args) {
  plan.id = args.id;
  plan.bundle = args.bundle;
  plan.namespaces = TRY(make_namespaces(config));
  if (host.mount_labels) plan.mount_label = config.linux_->mount_label.value_or("");
  Errors errors;
  plan.cgroup = errors.keep(make_cgroup(config, args.id, host.cgroups, args.systemd_cgroup));
  plan.warnings = plan.cgroup.warnings;
  if (!host.mount_labels && config.linux_->mount_label)
    plan.warnings.emplace_back(
        "linux.mountLabel: SELinux is not active on this host, so that the mounts carry no label");
  if (plan.namespaces.user() && plan.namespaces.uid_mappings.empty() &&
      !(config.linux_->uid_mappings.empty() && config.linux_->gid_mappings.empty()))
    plan.warnings.emplace_back(
        "linux.uidMappings, linux.gidMappings: the user namespace is one by path, which has its own, "
        "ignoring");
  errors.keep(add_filesystem(config, args,
                             mount_facts(host, args, plan.namespaces, plan.cgroup, plan.mount_label), plan));
  errors.keep(add_process(config, host, args, plan));
  plan.net_devices = make_net_devices(config);
  plan.intel_rdt = make_intel_rdt(config, args.id);
  plan.hostname = config.hostname.value_or("");
  plan.domainname = config.domainname.value_or("");
  plan.hooks = config.hooks.value_or(oci::Hooks{});
  plan.new_keyring = !args.no_new_keyring;
  return std::move(errors).finish();
}

Draft draft(const oci::Config& config, const Host& host, const CreateArgs& args) {
  Draft draft;
  draft.wrong = fill(draft.plan, config, host, args);
  return draft;
}

Result<Plan> make(const oci::Config& config, const Host& host, const CreateArgs& args) {
  Draft made = draft(config, host, args);
  TRY(std::move(made.wrong));
  return std::move(made.plan);
}

}  // namespace plan
