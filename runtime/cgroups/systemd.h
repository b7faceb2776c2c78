// The runtime's side of systemd: units are asked for through the program that speaks D-Bus (systemd/request.h), which is
// carried inside this one and executed from memory.
//
// A scope cannot be empty, and the container's first process is born in its cgroup (CLONE_INTO_CGROUP), so something has to be
// there before it: a process of ours that only waits, and goes when the container's is in.  It ends with us.
#pragma once

#include <string>
#include <vector>

#include "runtime/systemd/request.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace cgroups {

// What the program needs beside the request.
struct Asking {
  const std::vector<std::string>& environment;  // "NAME=value": where the bus is
  std::vector<Fd> stop_on = {};                 // the request is given up as soon as one of them can be read
};

// Does what `request` says; its limit of time is filled in.  The answer is what the program prints.
// Errors: systemd's own, that it has taken too long, that one of `stop_on` came first.
Result<std::string> ask_systemd(systemd::Request request, const Asking& asking);

// A process that holds a cgroup's place.
class StandIn {
 public:
  StandIn() = default;
  StandIn(StandIn&& other) noexcept;
  StandIn& operator=(StandIn&& other) noexcept;
  ~StandIn() { leave(); }
  static Result<StandIn> begin();
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Ends and reaps it, if it is there.
  void leave();

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

}  // namespace cgroups
