// Joining namespaces by path, writing id maps, and what else makes a fresh namespace usable (namespaces(7)).
#pragma once

#include <sys/types.h>

#include <vector>

#include "runtime/plan/namespaces.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace namespaces {

struct Joined {
  oci::NamespaceType type{};
  size_t index = 0;
  UniqueFd fd;
};

// Opens every namespace to join, in the runtime's own view, and checks that each is of its type (NS_GET_NSTYPE,
// ioctl_ns(2)).  The runtime's own mount namespace is refused: all mounts would be made in it, and its root file system be
// exchanged for the container's.  Errors name linux.namespaces[n].path.
Result<std::vector<Joined>> open(const std::vector<plan::NamespaceJoin>& joins);
// Whether it is the namespace that the runtime itself is in.
bool is_own(const Joined& joined);
// setns(2) to all of them, the user namespace first if there is one: what the caller may not enter before, it tries
// after it; the mount namespace last.
Result<> join(const std::vector<Joined>& joined);
// All namespaces in `flags` of the process behind `pidfd`, at once (Linux 5.8).
Result<> join_process(Fd pidfd, uint64_t flags);

// Writes /proc/PID/{uid_map,setgroups,gid_map} of a process in a new user namespace.  With privileges the maps go in as
// they are; without, one id each is what the kernel takes, and setgroups is denied; more are for newuidmap and newgidmap.
Result<> write_id_maps(pid_t pid, const plan::Namespaces& plan, bool privileged);
// Whether setgroups(2) is denied in the user namespace of that process.
bool groups_denied(pid_t pid);
// /proc/self/timens_offsets, to be opened while we may: once our ids have changed it belongs to the host's root.
Result<UniqueFd> open_time_offsets();
Result<> write_time_offsets(Fd file, const std::string& text);
// Brings `lo` of the current network namespace up.
Result<> loopback_up();

}  // namespace namespaces
