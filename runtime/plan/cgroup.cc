#include "runtime/plan/cgroup.h"

#include <algorithm>
#include <cmath>

#include "runtime/plan/cgroup_writes.h"
#include "runtime/plan/systemd.h"

namespace plan {

namespace {

constexpr std::string_view kDefaultParent = "/runtime";

bool asks_for_limits(const oci::Resources& r) {
  return r.memory || r.cpu || r.pids || r.block_io || !r.hugepage_limits.empty() || r.network ||
         !r.rdma.empty() || !r.unified.empty();
}

// The specification's paths are the host's; who has only a part of that may say so, or mean that part.
std::string beneath(const std::optional<std::string>& delegated, const std::string& path) {
  const bool inside = delegated && path.starts_with(*delegated + "/");
  return inside ? path.substr(delegated->size()) : path;
}

Result<std::string> cgroup_path(const oci::Linux& config, std::string_view id,
                                const std::optional<std::string>& delegated, bool& default_parent) {
  const std::string given = beneath(delegated, config.cgroups_path.value_or(""));
  if (given.empty()) return str::cat(kDefaultParent, "-", id);
  default_parent = given.front() != '/';
  if (default_parent) return str::cat(kDefaultParent, "/", given);
  if (given.find_first_not_of('/') == std::string::npos)
    return Error(Kind::invalid, "linux.cgroupsPath: '/' is the root cgroup of the host; name one beneath it");
  return given;
}

std::string_view access_of(const oci::DeviceRule& rule) {
  return rule.access && !rule.access->empty() ? std::string_view(*rule.access) : "rwm";
}

std::string number_or_star(const std::optional<int64_t>& n) {
  return n && *n >= 0 ? str::cat(*n) : std::string("*");
}

bool has_full_access(std::string_view access) {
  return std::all_of(std::begin("rwm"), std::end("rwm") - 1,
                     [&](char c) { return access.find(c) != std::string_view::npos; });
}

void add_device_rules(const std::vector<oci::DeviceRule>& rules, CgroupDirectory& directory) {
  for (size_t i = 0; i < rules.size(); ++i)
    for (std::string& line : device_lines(rules[i]))
      directory.writes.push_back({.file = rules[i].allow ? "devices.allow" : "devices.deny",
                                  .value = std::move(line),
                                  .property = str::cat("linux.resources.devices[", i, "]")});
}

// A configuration without rules gets the default devices and no others, as with runc: a container that may make nodes
// must not reach the host's disks because nobody thought of it.
std::vector<oci::DeviceRule> all_device_rules(const oci::Resources& from) {
  std::vector<oci::DeviceRule> rules = from.devices;
  if (rules.empty()) rules.push_back({.allow = false});
  for (oci::DeviceRule& rule : default_device_rules()) rules.push_back(std::move(rule));
  return rules;
}

Result<> add_devices(const oci::Resources& from, Cgroup& plan) {
  std::vector<oci::DeviceRule> rules = all_device_rules(from);
  if (CgroupDirectory* v1 = find_directory(plan, "devices"); v1 && !v1->v2) {
    add_device_rules(rules, *v1);
    return {};
  }
  const bool has_v2 = std::any_of(plan.directories.begin(), plan.directories.end(),
                                  [](const CgroupDirectory& d) { return d.v2; });
  if (!has_v2 && from.devices.empty()) return {};
  if (!has_v2)
    return Error(Kind::unsupported,
                 "linux.resources.devices: this host has neither a devices controller nor cgroup v2");
  plan.device_filter = std::move(rules);
  return {};
}

// systemd is told what it would otherwise undo.
void add_properties(const oci::Resources& resources, bool device_rules, Cgroup& plan) {
  count_as_systemd(plan);
  std::vector<systemd::Property>& all = plan.unit->properties;
  for (systemd::Property& limit : limit_properties(plan)) all.push_back(std::move(limit));
  if (!device_rules) return;
  for (systemd::Property& policy : device_properties(all_device_rules(resources)))
    all.push_back(std::move(policy));
}

// "Cgroup ownership" in config-linux.md: whoever gets cgroups to write to, in a namespace of its own.
bool is_delegated(const oci::Config& config, const oci::Linux& from) {
  const bool own_namespace =
      std::any_of(from.namespaces.begin(), from.namespaces.end(),
                  [](const oci::Namespace& n) { return n.type == oci::NamespaceType::cgroup && !n.path; });
  return own_namespace && std::any_of(config.mounts.begin(), config.mounts.end(), [](const oci::Mount& m) {
           return m.source == "cgroup" && m.destination == "/sys/fs/cgroup" &&
                  std::find(m.options.begin(), m.options.end(), "ro") == m.options.end();
         });
}

// The user of the process, as the host knows it; nullopt where no mapping has it, or a namespace by path has the mappings.
std::optional<uint32_t> host_user(const oci::Config& config, const oci::Linux& from) {
  const uint32_t uid = config.process ? config.process->user.uid : 0;
  const auto user = std::ranges::find(from.namespaces, oci::NamespaceType::user, &oci::Namespace::type);
  if (user == from.namespaces.end()) return uid;
  return user->path.value_or("").empty() ? oci::host_id(from.uid_mappings, uid) : std::nullopt;
}

Error no_rights(const CgroupHost& host) {
  const bool v1 = std::any_of(host.hierarchies.begin(), host.hierarchies.end(),
                              [](const HostHierarchy& h) { return !h.v2; });
  return {
      Kind::denied,
      str::cat("linux.resources: limits need rights to cgroups, ",
               v1 ? "and cgroup v1 gives ordinary users none: boot with "
                    "systemd.unified_cgroup_hierarchy=1, run as root, or remove them"
                  : "and this process is in no cgroup of its user's: let the user's systemd make one "
                    "(--systemd-cgroup), or start this in one (`systemd-run --user --scope`; `loginctl "
                    "enable-linger` has a systemd for users without a login), run as root, or remove them")};
}

}  // namespace

std::string name_in_config(std::string_view property) { return str::cat("linux.resources.", property); }

std::vector<oci::DeviceRule> default_device_rules() {
  const auto rule = [](std::string type, int64_t major, int64_t minor, std::string access) {
    return oci::DeviceRule{true, std::move(type), major, minor, std::move(access)};
  };
  return {
      rule("c", -1, -1, "m"), rule("b", -1, -1, "m"),  // making nodes is harmless
      rule("c", 1, 3, "rwm"), rule("c", 1, 5, "rwm"),    rule("c", 1, 7, "rwm"),
      rule("c", 1, 8, "rwm"),                                                     // null zero full random
      rule("c", 1, 9, "rwm"), rule("c", 5, 0, "rwm"),    rule("c", 5, 1, "rwm"),  // urandom tty console
      rule("c", 5, 2, "rwm"), rule("c", 136, -1, "rwm"),                          // ptmx pts/*
  };
}

std::vector<std::string> device_lines(const oci::DeviceRule& rule) {
  const bool wildcard = rule.major.value_or(-1) < 0 && rule.minor.value_or(-1) < 0;
  const bool every_type = !rule.type || rule.type->empty() || *rule.type == "a";
  // The kernel reads "a" as everything, whatever follows: it only fits a rule that means everything.
  if (every_type && wildcard && has_full_access(access_of(rule))) return {"a"};
  const std::string rest =
      str::cat(" ", number_or_star(rule.major), ":", number_or_star(rule.minor), " ", access_of(rule));
  if (every_type) return {"c" + rest, "b" + rest};
  return {*rule.type + rest};
}

// quadratic in log2: keeps 1024 shares at a weight of 100, and both ends where they were (runc and crun, 2025).
uint64_t weight_of_shares(uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<uint64_t>(std::ceil(std::pow(10.0, exponent)));
}

Result<Cgroup> make_cgroup(const oci::Config& config, std::string_view id, const CgroupHost& host,
                           bool systemd) {
  Cgroup plan;
  const oci::Linux none;
  const oci::Linux& from = config.linux_ ? *config.linux_ : none;
  const oci::Resources resources = from.resources.value_or(oci::Resources{});
  if (!host.writable) {
    if (asks_for_limits(resources)) return no_rights(host);
    return plan;
  }
  if (systemd)
    plan.unit = TRY(make_unit(from.cgroups_path.value_or(""), id, config.annotations, host.user_manager));
  const std::string path =
      plan.unit ? plan.unit->cgroup : TRY(cgroup_path(from, id, host.delegated, plan.default_parent));
  plan.delegated = host.delegated.has_value();
  plan.tolerant = host.tolerant && !asks_for_limits(resources);
  // With version 1 nothing beneath a root that is not ours is delegated to us; with version 2 alone that may well be.
  for (const HostHierarchy& hierarchy : host.hierarchies)
    if (hierarchy.writable || host.only_v2() || !plan.tolerant)
      plan.directories.push_back({hierarchy.mount_point, path, hierarchy.controllers, hierarchy.v2, {}});
  if (host.only_v2() && host.gives_away && is_delegated(config, from)) plan.owner = host_user(config, from);
  TRY(add_writes(resources, plan));
  if (host.device_rules) TRY(add_devices(resources, plan));
  if (plan.unit) add_properties(resources, host.device_rules, plan);
  return plan;
}

}  // namespace plan
