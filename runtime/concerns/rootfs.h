// The root file system: made a mount of its own, and at the end the root of the process.
//
// Between prepare() and enter() everything is done beneath Root::fd, through path:: and by descriptors, while the
// runtime's own /proc and paths are still in sight; the container's paths are never looked up from "/".
//
//   Root root = prepare(plan, open(plan));   mounts::apply… ×n   devices::apply   hooks   terminal   sysctls   masks
//   seal(plan, root);            enter(plan, root);
//
// Nothing leaks to the host: before the first mount all mounts of our namespace stop sending events (MS_SLAVE), so the
// host's unmounts still reach us and nothing of ours reaches the host.  Only a bind mount that asks for shared
// propagation is connected with the host, and it is copied before that (mounts::open_sources).
// linux.rootfsPropagation is about the root mount: "shared" makes a peer group of the container's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace rootfs {

// A mount that later steps come back to, in the order in which they were made.
struct Mounted {
  std::string target;  // as MountStep::target
  UniqueFd fd;
  bool seal = false;  // becomes read-only in seal()
  bool ours = false;  // a tmpfs: nobody but us has put anything into it
};

struct Root {
  UniqueFd fd;             // O_PATH, the root directory of the container
  bool in_chroot = false;  // the runtime lives in one
  bool on_host = false;    // there is no mount namespace of the container's own: host_root.h
  std::vector<Mounted> mounted;
};

// Where to look for `path`, without following links: beneath the last mount that covers it, if we made one and have kept
// it.  Whoever shares the root file system may rename the directory that it lies on; what is in it stays found.
struct Place {
  Fd base;
  std::string_view path;
};
Place place_of(const Root& root, std::string_view path);

// root.path.  Errors: the directory does not exist, or is a symbolic link (the link could be moved between check and
// use, so it is refused), or no directory.
Result<UniqueFd> open(const plan::RootfsPlan& plan);

// Precondition: we are in the container's new mount namespace, and so is `directory`, which open() gave.
Result<Root> prepare(const plan::RootfsPlan& plan, UniqueFd directory);

// Instead of prepare(): what host_root has attached in the mount namespace that we share with the runtime.
Result<Root> on_host(Fd mount);

// The root of the process as it is: for `exec`, after it has joined the container's mount namespace.
Result<Root> current();

// What had to stay writable until now becomes read-only: tmpfs mounts with "ro", and the root where the plan says so.
Result<> seal(const plan::RootfsPlan& plan, Root& root);

// Makes `root` the root and working directory of this process, and the rest of the host's mounts go away
// (pivot_root(2); with no_pivot they are only covered, MS_MOVE and chroot).  `root.fd` stays valid.
Result<> enter(const plan::RootfsPlan& plan, const Root& root);

}  // namespace rootfs
