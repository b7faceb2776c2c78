// The container's group in the resctrl file system (the kernel's Documentation/filesystems/resctrl.rst), for
// linux.intelRdt: made or found, given its schemata, entered, removed.
//
// The rules are config-linux.md's: a group named by closID outlives the container and may be shared, so that one which
// exists is compared and not changed; one named after the container, and its monitoring group, go with it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "runtime/plan/intel_rdt.h"
#include "spec/base/error.h"
#include "spec/base/undo.h"

namespace resctrl {

// Where it is mounted.  Kind::unsupported: nowhere.
Result<std::string> find_mount();

struct Group {
  std::vector<std::string> tasks;    // files that a process is written into, in this order
  std::vector<std::string> made;     // directories that were not there before
  std::vector<std::string> created;  // those of them that go with the container
};

// Group::created as `create` is about to make them, for the record: whoever is killed meanwhile leaves no more than that.
std::vector<std::string> intend(const plan::IntelRdt& plan, const std::string& mount);
// On failure what it made is gone again.  `mount` is an absolute path.
Result<Group> create(const plan::IntelRdt& plan, const std::string& mount);
// As if `create` had not been: for failures behind it.
void undo(const Group& group);
// Other schemata for the group whose file `tasks` is that of Group::tasks' first.  What was there comes back, unless the
// Undo is kept; so it does where a line is refused.
Result<Undo> change(const std::string& tasks, const std::vector<plan::RdtLine>& schemata);
// Processes that `pid` makes from now on are in it as well.
Result<> enter(const std::vector<std::string>& tasks, pid_t pid);
// What is gone already is no error.
Result<> destroy(const std::vector<std::string>& created);

}  // namespace resctrl
