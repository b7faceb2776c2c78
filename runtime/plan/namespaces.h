// Which namespaces the container gets, and how: made by the one clone3, joined by path, or unshared later.
//
// Two shapes (namespaces(7), user_namespaces(7)):
//   direct   the init process is cloned with every new namespace at once and joins the others itself; the common case
//   bridged  a process in between joins first and clones init from there.  Needed when init itself cannot: a pid
//            namespace by path counts only for children; a namespace by path beside a user namespace has to be
//            entered with the rights of the right one; time offsets must be written before anybody is inside.
// The cgroup namespace is never part of clone3: its root would be the runtime's own cgroup.  Init unshares it once it
// sits in the container's cgroup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

struct NamespaceJoin {
  oci::NamespaceType type{};
  std::string path;
  size_t index = 0;  // in linux.namespaces, for messages
};

struct Namespaces {
  uint64_t clone_flags = 0;  // CLONE_NEW* for clone3, without CLONE_NEWCGROUP
  bool new_cgroup = false;
  bool bridged = false;
  std::vector<NamespaceJoin> joins;
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;  // for a new user namespace
  std::string time_offsets;                                // text for /proc/self/timens_offsets; empty: none
  std::vector<oci::NamespaceType> all;                     // what `exec` will have to join

  [[nodiscard]] bool is_new(oci::NamespaceType type) const;
  [[nodiscard]] bool has(oci::NamespaceType type) const;  // new or by path
  [[nodiscard]] bool user() const { return has(oci::NamespaceType::user); }
  // What an ordinary user may map by himself; then setgroups(2) is denied (user_namespaces(7)).
  [[nodiscard]] bool maps_one_id() const;
};

uint64_t clone_flag(oci::NamespaceType type);
// The word config.json uses: "network".
std::string_view text(oci::NamespaceType type);
// The name under /proc/PID/ns: "net".
const char* proc_name(oci::NamespaceType type);

// Precondition: the config has passed oci::rules.  Kind::unsupported names linux.namespaces[…].
Result<Namespaces> make_namespaces(const oci::Config& config);

}  // namespace plan
