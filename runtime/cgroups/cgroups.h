// The container's cgroups on the host: made, entered, limited, frozen, measured, killed, removed (cgroups(7)).
//
// This is the whole interface; a file beside it for each verb.  It works on directories of every mounted hierarchy, v1
// and v2 alike, since a hybrid host has both at once: Paths says where a container is.  What differs between the
// versions stands side by side where the verb is.  Where systemd manages cgroups (systemd.h), it makes the container's
// as a unit of its own and takes it away again; all the rest is the same, and the same files are written.  The rules:
//   limits are written before any process is inside, so that set-up counts against them
//   what existed before is never removed; a cgroup that holds processes, or is frozen, is refused
//   entering is free of the kernel's slow path: CLONE_INTO_CGROUP on v2, "0" into `tasks` by a single-threaded process on
//   v1 (writing a pid into cgroup.procs waits for an RCU grace period, about 10 ms)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cgroups/systemd.h"
#include "runtime/plan/cgroup.h"
#include "runtime/plan/update.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/base/undo.h"
#include "spec/events.h"
#include "spec/state.h"

namespace cgroups {

// The mounted hierarchies, from /proc/self/mountinfo.
Result<plan::CgroupHost> probe(bool writable);

// The cgroup of the user's systemd that this process is in, "/user.slice/user-1000.slice/user@1000.service"; "" if it is in none.
Result<std::string> user_manager();

// Restricts `host`, which has v2 alone, to what was delegated to the user of this process (cgroups(7)): the topmost cgroup
// above it that the user may write to.  Where there is none, `host` stays as it is.
Result<> use_delegated(plan::CgroupHost& host);

// Controller, "" for v2 → absolute directory.  Controllers of one v1 hierarchy have the same.
using Paths = std::map<std::string, std::string>;

// ---- made, entered, removed ----

// A limit that counts processes, and must not count the one that stands in.
struct LateWrite {
  std::string directory, file, value;
};

struct Handle {
  UniqueFd v2;                  // directory for CLONE_INTO_CGROUP; invalid: no unified hierarchy
  std::vector<UniqueFd> tasks;  // v1: opened for writing "0"
  Paths paths;
  std::vector<std::string> created;  // in the order they were made
  std::vector<std::string>
      above;  // made as well, to be there: they outlive the container, as others may use them
  std::optional<oci::SystemdUnit> unit;
  StandIn stand_in;             // keeps `unit` until somebody else is in it
  std::vector<LateWrite> late;  // for `settle`
};

// What `create` is about to make, for the record: paths and `created` of the directories that are not there yet.  Whoever
// is killed while it makes them leaves no more than that.
Handle intend(const plan::Cgroup& plan);
// Makes the directories and writes the limits.  On failure what it made is gone again.
Result<Handle> create(const plan::Cgroup& plan, const Asking& asking);
// To be called once the container's first process is inside.
Result<> settle(Handle& handle);
// As if `create` had not been: for failures behind it.  What cannot be removed is logged.
void undo(Handle& handle, const Asking& asking);
// For a further process in the cgroups of a running container.  Where a v2 cgroup hands its controllers down, no process
// may be in it itself: then the one that `beside`, a process of the container, is in.
Result<Handle> open(const Paths& paths, pid_t beside);
// Removes directories made by `create`, with the empty cgroups a container made beneath them.  Waits for processes on
// their way out, at most `wait_ms` milliseconds for each.
Result<> destroy(const std::vector<std::string>& created, int64_t wait_ms = 10000);
// Has systemd end a unit, and waits until that is done.  Precondition: no process is left in it that should be.
Result<> stop_unit(const oci::SystemdUnit& unit, const Asking& asking);

// ---- limits ----

// Kind::conflict: more is in use than there would be.
Result<> check_memory(const plan::MemoryCheck& check);
// Writes the limits of `plan` into cgroups that are in use.  If one is refused, those before it get their old values
// back, as they do from the Undo unless that is kept.
Result<Undo> apply(const plan::Cgroup& plan);
// What stands now in the control files that systemd writes as well.  systemd can say less than they hold: no period
// without a quota, and no weight and idleness that are not one property.
std::vector<plan::CgroupDirectory> shared_with_systemd(const std::vector<plan::CgroupDirectory>& directories);
// Writes again what systemd has changed of that since.
Result<> write_where_changed(const std::vector<plan::CgroupDirectory>& before);
// As the hierarchies and directories that a plan for `paths` writes to.  v2 has the controllers that reach this cgroup.
Result<std::vector<plan::CgroupDirectory>> directories(const Paths& paths);

// ---- processes ----

// Every process in the container's cgroups, those below included, in ascending order.
Result<std::vector<pid_t>> pids(const Paths& paths);
// Signals all of them; SIGKILL reaches also those that fork meanwhile, and those that are frozen, and returns when none is
// left, or cgroup.kill of v2 has seen to that.  Kind::conflict: some live on.
Result<> kill_all(const Paths& paths, int signal);

// ---- measured ----

// What they use now, and have used.  What cannot be read is left out: a cgroup may go away meanwhile.
oci::Stats stats(const Paths& paths);

// ---- the freezer ----

// Returns when every process has stopped.  Kind::conflict: not within `wait_ms`; then they go on.  Kind::unsupported.
Result<> freeze(const Paths& paths, int64_t wait_ms = 10000);
// Kind::conflict: a cgroup above it is frozen.
Result<> thaw(const Paths& paths);
// Before v2 not even SIGKILL reaches what is frozen: to be called behind it.  Cgroups below are thawed as well.
void thaw_for_kill(const Paths& paths);
// By itself or from above; also while it is under way.
bool is_frozen(const Paths& paths);
bool is_frozen(const std::string& directory, bool v2);

}  // namespace cgroups
