// Other limits for a container that exists: what `update` asks for, and what it was given before → writes.
//
// Only what is asked for is written.  What was recorded counts where two values make one file (cpu.max has quota and
// period, memory.swap.max is a difference) or have to fit together.  0 means "not asked for" where it means "not set" in
// config.json, as engines send it for all that they do not change; -1 takes a limit away.
#pragma once

#include <vector>

#include "runtime/plan/cgroup.h"

namespace plan {

// Memory that is in use must not be taken away (memory.checkBeforeUpdate).  v1 sees to that by itself.
struct MemoryCheck {
  std::string directory;
  int64_t limit = 0, memory_and_swap = 0;  // bytes; 0: not asked for
  std::string limit_property, swap_property;
};

struct Update {
  oci::Resources resources;  // to be recorded
  Cgroup cgroup;             // to be written
  std::optional<MemoryCheck> check;
};

// `directories`: the container's cgroups as cgroups::directories() has them.  `name`: Cgroup::name.
// Kind::invalid, Kind::unsupported: as make_cgroup.  Device rules of a running container cannot be changed; the same
// ones as before are no change.
Result<Update> make_update(const oci::Resources& recorded, const oci::Resources& change,
                           std::vector<CgroupDirectory> directories,
                           std::string (*name)(std::string_view) = name_in_config);

}  // namespace plan
