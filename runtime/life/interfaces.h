// A container's network interfaces, and what has gone through them: /proc/PID/net/dev (proc_pid_net(5)).
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/events.h"

namespace interfaces {

// Those of the network namespace that the process is in; none where that is ours.  The caller holds on to the process,
// by a pidfd, and makes sure afterwards that it still lived.
Result<std::vector<oci::InterfaceStats>> of_process(pid_t pid);
std::vector<oci::InterfaceStats> parse(std::string_view net_dev);

}  // namespace interfaces
