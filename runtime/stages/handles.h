// The host descriptors a stage works with, opened by the parent just before spawn and inherited by clone().
// Everything else a stage needs is in the plan.
#pragma once

#include <string>
#include <vector>

#include "runtime/concerns/namespaces.h"
#include "runtime/stages/protocol.h"
#include "spec/base/fd.h"

namespace stages {

struct Handles {
  std::vector<namespaces::Joined> joins;  // `create`: namespaces by path
  UniqueFd target;                        // `exec`: pidfd of the container's init …
  uint64_t target_namespaces = 0;         // … and which of its namespaces to join, as CLONE_NEW*
  UniqueFd cgroup;                        // v2 directory for CLONE_INTO_CGROUP; invalid: none
  std::vector<UniqueFd> cgroup_tasks;     // v1: files to write "0" into
  std::vector<UniqueFd> mount_sources;    // `create`: by mounts::open_sources
  Channel sources;  // `create`: to who opens what init may not; closed: nobody has to (sources.h)
  UniqueFd procfs;  // the host's, where the process gets a security label (lsm::open_procfs); else invalid
  // Where the container has no mount namespace of its own: its root, which is mounted in ours (host_root.h).
  UniqueFd root;
  UniqueFd start_listener;  // where `start` will connect; invalid: `start` comes over the channel
};

}  // namespace stages
