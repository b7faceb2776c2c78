// Who a container's process is: the image's User (or --user) against /etc/passwd and /etc/group of the image.
//
//   ""            root               digits are never names: what does not fit in a uid is an error, not a lookup
//   "UID[:GID]"   taken verbatim     (CVE-2024-40635, CVE-2026-46680)
//   "NAME"        uid, gid and supplementary groups of the image's files; no group given
//   "…:GROUP"     that group, and no supplementary ones
//
// The rules are image-spec's (conversion.md, "Config.User"), and Docker's where it leaves a choice: a uid that passwd
// knows has the gid of that line; root by default has root's supplementary groups.  A line of passwd or group that is
// not well-formed counts as absent, so that a bad number never becomes 0.
//
// Pure: the files are read by the caller, from the image's own tree and with limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace users {

struct Files {
  std::string passwd, group;  // their whole text; empty where the image has none
};

struct Identity {
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;  // supplementary, in the order of the file, each once
  std::string home = "/";
  bool operator==(const Identity&) const = default;
};

// Kind::invalid for a number out of range, Kind::not_found for a name the image does not have.
Result<Identity> resolve(std::string_view user, const Files& files);

// Whether resolve() can do without the files but for HOME: `user` has no name in it.
bool is_numeric(std::string_view user);

}  // namespace users
