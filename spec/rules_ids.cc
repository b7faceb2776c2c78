// The rules about user and group ids: which mappings there may be, and which ids have to be in them.
#include <algorithm>

#include "spec/rules_report.h"

namespace rules {

using oci::Config;
using oci::Linux;
using oci::NamespaceType;

namespace {

bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
  return uint64_t{a} < uint64_t{b} + b_size && uint64_t{b} < uint64_t{a} + a_size;
}

// user_namespaces(7): at most 340 ranges; they must not be empty, must not overlap, and must stay below 2^32-1.
void mappings_are_sound(const std::vector<oci::IdMapping>& maps, const std::string& path, Report& report) {
  constexpr size_t kMostRanges = 340;
  if (maps.size() > kMostRanges) {
    report.problem(path, "has ", maps.size(), " ranges; the kernel takes at most ", kMostRanges);
    return;
  }
  for (size_t i = 0; i < maps.size(); ++i) {
    const oci::IdMapping& m = maps[i];
    const std::string here = str::cat(path, "[", i, "]");
    if (m.size == 0) report.problem(here + ".size", "must be greater than 0");
    if (uint64_t{m.container_id} + m.size > UINT32_MAX || uint64_t{m.host_id} + m.size > UINT32_MAX)
      report.problem(here, "the range goes beyond the largest id, ", UINT32_MAX - 1);
    const auto twin =
        std::find_if(maps.begin(), maps.begin() + static_cast<ptrdiff_t>(i), [&](const auto& o) {
          return overlap(m.container_id, m.size, o.container_id, o.size) ||
                 overlap(m.host_id, m.size, o.host_id, o.size);
        });
    if (twin != maps.begin() + static_cast<ptrdiff_t>(i))
      report.problem(here, "overlaps ", path, "[", twin - maps.begin(), "]");
  }
}

// Without mappings of its own an idmapped mount takes those of the container's user namespace.
void idmap_has_mappings(const Config& c, Report& report) {
  const bool user = c.linux_ && find(*c.linux_, NamespaceType::user);
  for (size_t i = 0; i < c.mounts.size(); ++i) {
    const oci::Mount& m = c.mounts[i];
    if ((has_option(m, "idmap") || has_option(m, "ridmap")) && m.uid_mappings.empty() && !user)
      report.problem(str::cat("mounts[", i, "]"),
                     "'idmap' needs uidMappings and gidMappings, or a user namespace");
  }
}

void mount_mappings_are_sound(const Config& c, Report& report) {
  for (size_t i = 0; i < c.mounts.size(); ++i) {
    const oci::Mount& m = c.mounts[i];
    if (m.uid_mappings.empty() != m.gid_mappings.empty())
      report.problem(str::cat("mounts[", i, "]"), "needs both uidMappings and gidMappings, or neither");
    mappings_are_sound(m.uid_mappings, str::cat("mounts[", i, "].uidMappings"), report);
    mappings_are_sound(m.gid_mappings, str::cat("mounts[", i, "].gidMappings"), report);
  }
}

void user_namespace_fits_mappings(const Linux& l, Report& report) {
  const oci::Namespace* user = find(l, NamespaceType::user);
  const bool mapped = !l.uid_mappings.empty() || !l.gid_mappings.empty();
  if (is_new(user)) {
    if (l.uid_mappings.empty()) report.problem("linux.uidMappings", "a new user namespace needs uidMappings");
    if (l.gid_mappings.empty()) report.problem("linux.gidMappings", "a new user namespace needs gidMappings");
  }
  if (!user && mapped)
    report.problem("linux",
                   "uidMappings and gidMappings need a namespace of type 'user' in linux.namespaces");
}

// An id without a mapping cannot be taken on, and nothing can be given to it (user_namespaces(7)).  The mappings are sound.
void ids_are_mapped(const Config& c, Report& report) {
  const Linux& l = *c.linux_;
  if (!is_new(find(l, NamespaceType::user))) return;
  const auto uid = [&](const std::string& path, uint32_t id) {
    if (!oci::host_id(l.uid_mappings, id)) report.problem(path, id, " is not mapped by linux.uidMappings");
  };
  const auto gid = [&](const std::string& path, uint32_t id) {
    if (!oci::host_id(l.gid_mappings, id)) report.problem(path, id, " is not mapped by linux.gidMappings");
  };
  if (c.process) {
    const oci::User& user = c.process->user;
    uid("process.user.uid", user.uid);
    gid("process.user.gid", user.gid);
    for (size_t i = 0; i < user.additional_gids.size(); ++i)
      gid(str::cat("process.user.additionalGids[", i, "]"), user.additional_gids[i]);
  }
  // Other nodes are the host's there, and keep their owner.
  for (size_t i = 0; i < l.devices.size(); ++i) {
    if (l.devices[i].type != "p") continue;
    uid(str::cat("linux.devices[", i, "].uid"), l.devices[i].uid.value_or(0));
    gid(str::cat("linux.devices[", i, "].gid"), l.devices[i].gid.value_or(0));
  }
}

}  // namespace

void check_ids(const Config& config, Report& report) {
  idmap_has_mappings(config, report);
  mount_mappings_are_sound(config, report);
  if (!config.linux_) return;
  const Linux& l = *config.linux_;
  const size_t before = report.problems();
  user_namespace_fits_mappings(l, report);
  mappings_are_sound(l.uid_mappings, "linux.uidMappings", report);
  mappings_are_sound(l.gid_mappings, "linux.gidMappings", report);
  if (report.problems() == before) ids_are_mapped(config, report);  // else they would be errors about errors
}

}  // namespace rules
