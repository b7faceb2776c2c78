// The mounts that hang beneath a mount, as descriptors: what mount_setattr(AT_RECURSIVE) would reach, for kernels that lack
// it (before Linux 5.12).
//
// /proc/self/mountinfo says which they are.  The paths there are only hints: what is found at one counts if it is the
// very mount that was listed, by its id, so a rename by somebody else leads to an error and not to another place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace mounts {

struct MountLine {
  uint64_t id = 0, parent = 0;
  std::string path;  // where it is mounted, as this process sees it
  std::string type;  // "proc"
};

// One line of proc_pid_mountinfo(5), with its escapes (\\040) undone; id 0 if it is none.
MountLine parse_mount_line(std::string_view line);

// Those of all mounts of our namespace.
Result<std::vector<MountLine>> read_mount_lines();

// `mount`, which is attached in our namespace, and all mounts beneath it, O_PATH.  Kind::unsupported if one of them is
// covered by another or has been moved meanwhile: it cannot be reached by name then.
Result<std::vector<UniqueFd>> tree_of(Fd mount);

}  // namespace mounts
