// imagetool for an ordinary user: as root of a user namespace that has his own id and his subordinate ones.
//
//   imagetool, the user ── newuidmap, newgidmap ──▶ its child: all that a command does, as root of the namespace
//            ▲  └ waits, hands signals on, ends as the child does            │
//            └─────────── container runtimes and what belongs to the user ───┘ Outside
//
// An image's files belong to many ids.  In there they can be made, read and removed as they are, in the same pass and by
// the same code as root's: what is 42 in the image is 42 in the namespace, and on disk the 42nd of the user's range
// (/etc/subuid, /etc/subgid; user_namespaces(7)).  A mount namespace comes with it, so layers are unpacked in the full
// jail.  A container gets the same map in its config.json.
//
// Who has no range, or no newuidmap, has one id: the image's root.  That is enough for images all of which belongs to root;
// others are refused with what would give more (Caller::more_ids).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/linux.h"

namespace rootless {

// Who has called us, and which ids his containers may have.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<oci::IdMapping> uids,
      gids;              // container id → his; one each: his own as root.  Empty: he is root
  std::string more_ids;  // for messages: the commands that would give him more
  [[nodiscard]] bool has_range() const { return uids.size() > 1 && gids.size() > 1; }
};

// `name`: the user's in the password database; empty if he is not there.  The texts are those of /etc/subuid and
// /etc/subgid; lines that say nothing of this user or nothing at all are skipped.  Pure.
Caller find(uid_t uid, gid_t gid, std::string_view name, std::string_view subuid, std::string_view subgid);

// Reads all that: of the effective user.
Caller find();

// Runs programs as the user himself: directly, or from within the namespace.
class Outside {
 public:
  Outside() = default;
  explicit Outside(UniqueFd socket) : socket_(std::move(socket)) {}
  // As launch::run().
  [[nodiscard]] Result<int> run(const std::vector<std::string>& command,
                                const std::vector<std::string>& environment) const;
  // Whether it ends with 0; its output is dropped.
  [[nodiscard]] bool succeeds(const std::vector<std::string>& command,
                              const std::vector<std::string>& environment) const;

 private:
  [[nodiscard]] Result<int> ask(char kind, const std::vector<std::string>& command) const;
  UniqueFd socket_;  // invalid: we are the user
};

// Returns in the child, root of the namespace.  The caller itself never returns, and ends as the child does; only if
// the namespace cannot be had does it return, with why, and goes on as it was.
// Preconditions: caller.has_range(); one thread; nothing is buffered.  `environment`: "K=V" of what runs outside.
Result<Outside> enter(const Caller& caller, const std::vector<std::string>& environment);

}  // namespace rootless
