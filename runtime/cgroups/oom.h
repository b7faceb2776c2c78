// Whether a container runs out of memory, told as it happens.
//
// v1 signals an eventfd(2) registered in cgroup.event_control (Documentation/admin-guide/cgroup-v1/memory.rst), also
// when the cgroup is removed.  v2 wakes those who poll memory.events (cgroups(7)), also for other reasons: there its
// count of killed processes tells.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>

#include "runtime/cgroups/cgroups.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace cgroups {

class OomWatch {
 public:
  // What has happened before is not told.  Kind::unsupported: the container is in no memory cgroup.
  static Result<OomWatch> begin(const Paths& paths);

  // For poll(2): it is ready when `happened` is worth asking.
  [[nodiscard]] pollfd wait_for() const;
  // Since the last time it was asked, or `begin`.
  [[nodiscard]] bool happened();

 private:
  OomWatch(std::string directory, bool v2) : directory_(std::move(directory)), v2_(v2) {}
  [[nodiscard]] uint64_t killed() const;

  std::string directory_;
  bool v2_;
  UniqueFd signal_;      // v1: the eventfd; v2: memory.events
  UniqueFd control_;     // v1: memory.oom_control, which has to stay open
  uint64_t killed_ = 0;  // v2: when it was last asked
};

}  // namespace cgroups
