// Whether a container runs out of memory: told as it happens, or afterwards, when a process was killed.
//
// As it happens: v1 signals an eventfd(2) registered in cgroup.event_control (Documentation/admin-guide/cgroup-v1/
// memory.rst), also when the cgroup is removed.  v2 wakes those who poll memory.events (cgroups(7)), also for other reasons:
// there its count of killed processes tells.  Afterwards both count those that the OOM killer has killed (v1 since Linux 4.13).  The
// limit they ran into may be that of a cgroup above the container's.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>
#include <string_view>

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

// Tells a process that was killed for want of memory from one that somebody killed.
class OomCount {
 public:
  OomCount() = default;  // of nothing: nothing is ever told
  // What has happened before does not count.  `limit`: what is to be raised where it is these cgroups' own.  `watched`: somebody
  // else may remove them.
  static OomCount begin(const Paths& paths, bool watched,
                        std::string_view limit = "linux.resources.memory.limit");

  // For poll(2), by whoever stays with the process: ready (POLLPRI) when `note` is to be called.  Invalid where the cgroup stays
  // until we remove it ourselves, or cannot tell.
  [[nodiscard]] Fd events() const { return events_; }
  // Keeps what there is to be told now: systemd may have taken the cgroup away when the process has ended.
  void note();
  // "it ran out of memory: …" with the limit, what was in use and the way out; empty: the OOM killer had nothing to do.
  [[nodiscard]] std::string told() const;
  // `error`, with that behind it if it is about a process that ended without a word (Kind::protocol).
  [[nodiscard]] Error explain(Error error) const;
  template <class T>
  [[nodiscard]] Result<T> explain(Result<T> result) const {
    if (result.ok()) return result;
    return explain(result.take_error());
  }

 private:
  [[nodiscard]] uint64_t killed() const;
  [[nodiscard]] std::string tell() const;

  std::string directory_;
  bool v2_ = false;
  uint64_t before_ = 0;
  UniqueFd events_;    // memory.events
  std::string noted_;  // by `note`
  std::string_view limit_;
};

}  // namespace cgroups
