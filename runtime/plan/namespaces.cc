#include "runtime/plan/namespaces.h"

#include <linux/sched.h>

#include <algorithm>

#include "spec/base/names.h"

namespace plan {

using oci::NamespaceType;

namespace {

struct Row {
  NamespaceType type;
  uint64_t flag;
  std::string_view text;
  const char* proc_name;
};

constexpr Row kRows[] = {
    {NamespaceType::user, CLONE_NEWUSER, "user", "user"},
    {NamespaceType::cgroup, CLONE_NEWCGROUP, "cgroup", "cgroup"},
    {NamespaceType::ipc, CLONE_NEWIPC, "ipc", "ipc"},
    {NamespaceType::uts, CLONE_NEWUTS, "uts", "uts"},
    {NamespaceType::network, CLONE_NEWNET, "network", "net"},
    {NamespaceType::pid, CLONE_NEWPID, "pid", "pid"},
    {NamespaceType::time, CLONE_NEWTIME, "time", "time"},
    {NamespaceType::mount, CLONE_NEWNS, "mount", "mnt"},
};

const Row& row(NamespaceType type) {
  return *std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.type == type; });
}

std::string offsets_text(const oci::Linux& config) {
  std::string text;
  for (const auto& [clock, offset] : config.time_offsets)
    text += str::cat(clock, " ", offset.secs, " ", offset.nanosecs, "\n");
  return text;
}

// Init can join by itself only what needs no rights beyond its own and counts for the caller.
bool needs_bridge(const Namespaces& n) {
  if (!n.time_offsets.empty()) return true;
  if (n.joins.empty()) return false;
  return n.user() || std::any_of(n.joins.begin(), n.joins.end(), [](const NamespaceJoin& join) {
           return join.type == NamespaceType::pid || join.type == NamespaceType::time;
         });
}

}  // namespace

uint64_t clone_flag(NamespaceType type) { return row(type).flag; }
std::string_view text(NamespaceType type) { return row(type).text; }
const char* proc_name(NamespaceType type) { return row(type).proc_name; }

bool Namespaces::has(NamespaceType type) const {
  return std::find(all.begin(), all.end(), type) != all.end();
}

bool Namespaces::maps_one_id() const {
  return uid_mappings.size() == 1 && uid_mappings[0].size == 1 && gid_mappings.size() == 1 &&
         gid_mappings[0].size == 1;
}

bool Namespaces::is_new(NamespaceType type) const {
  if (type == NamespaceType::cgroup) return new_cgroup;
  return (clone_flags & clone_flag(type)) != 0;
}

Result<Namespaces> make_namespaces(const oci::Config& config) {
  Namespaces plan;
  if (!config.linux_)
    return Error(Kind::invalid,
                 "linux: missing: without it there is nothing that a container would be kept apart by");
  const oci::Linux& from = *config.linux_;
  for (size_t i = 0; i < from.namespaces.size(); ++i) {
    const oci::Namespace& ns = from.namespaces[i];
    plan.all.push_back(ns.type);
    if (ns.path && !ns.path->empty())
      plan.joins.push_back({ns.type, *ns.path, i});
    else if (ns.type == NamespaceType::cgroup)
      plan.new_cgroup = true;
    else
      plan.clone_flags |= clone_flag(ns.type);
  }
  if (!plan.has(NamespaceType::mount) && plan.user())
    return Error(
        Kind::invalid,
        "linux.namespaces: a user namespace may not mount anything in the host's mount namespace; add "
        "{\"type\": \"mount\"}");
  if (plan.is_new(NamespaceType::user)) {
    plan.uid_mappings = from.uid_mappings;
    plan.gid_mappings = from.gid_mappings;
  }
  plan.time_offsets = offsets_text(from);
  plan.bridged = needs_bridge(plan);
  return plan;
}

}  // namespace plan
