// Maps of a new user namespace that the kernel does not take from an ordinary user: more than one id.
//
// user_namespaces(7) lets a user map his own id and nothing else.  newuidmap(1) and newgidmap(1), which are set-user-id,
// write more for him: what /etc/subuid and /etc/subgid give him, and his own.  They check that; here is nothing to check.
// With newgidmap setgroups(2) stays allowed in the namespace, as the ids that it may drop are the administrator's gift.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/linux.h"

namespace id_maps {

// Where the helpers are; Kind::not_found, with what brings them, if one of them is missing.
struct Helpers {
  std::string newuidmap, newgidmap;
};
Result<Helpers> find_helpers();

// Writes both maps of `pid`, a process of ours in a new user namespace without maps.  Kind::not_found as above;
// Kind::denied in the helper's own words.
Result<> write(pid_t pid, const std::vector<oci::IdMapping>& uids, const std::vector<oci::IdMapping>& gids);

}  // namespace id_maps
