// POSIX-platform hooks (config.md), one after the other: the state of the container on standard input, the hook's own
// environment and nothing of ours (a container's image must not reach a host program through it, CVE-2025-23266), a
// deadline where one is given.  That deadline is the only limit of time there is for a hook; but whoever runs it also
// waits for other things, and as soon as one of those descriptors can be read the hook is killed, with its process group.  A
// runtime that is killed itself takes the hook and what it has started along.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/config.h"

namespace hooks {

// Runs them in order and stops at the first that fails.  `stage` is the property's name ("createRuntime").  The error
// names stage, index, path, how the hook ended and the last it wrote to standard error:
//   hooks.createRuntime[0]: '/usr/bin/setup': exit status 3: no bridge
// Runs in whatever namespaces the caller is in.
Result<> run(std::string_view stage, const std::vector<oci::Hook>& hooks, std::string_view state,
             const std::vector<Fd>& stop_on);
// The same for poststop: a failure is a warning, and the next hook still runs (runtime.md, step 13).
void run_all(std::string_view stage, const std::vector<oci::Hook>& hooks, std::string_view state,
             const std::vector<Fd>& stop_on);

}  // namespace hooks
