// The container's terminal: a pseudoterminal of its own devpts, and who works with the other side.
//
// The pair is made from the devpts that is mounted in the container, verified by descriptor; the slave comes from the
// master (TIOCGPTPEER), so no name is looked up that the container could have replaced (CVE-2025-52565).
#pragma once

#include <string>

#include "runtime/concerns/rootfs.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/config.h"

namespace terminal {

struct Pty {
  UniqueFd master, slave;
  std::string name;  // "/dev/pts/0", as the container sees it
};

// Precondition: a devpts is mounted at /dev/pts beneath `root`.  `size` 0×0 leaves it.  The slave belongs to `uid`, an id
// of the container; its group is as devpts was told.  Kind::invalid where there is no devpts.
Result<Pty> open(const rootfs::Root& root, oci::ConsoleSize size, uid_t uid);

// The slave becomes /dev/console of the container.  Precondition: before rootfs::seal and rootfs::enter.
Result<> bind_console(const rootfs::Root& root, const Pty& pty);

// The slave becomes the controlling terminal and the three standard descriptors of this process, which has to lead a
// session without a terminal (setsid).
Result<> adopt(UniqueFd slave);

// One message over `console_socket` (AF_UNIX, stream): the name, 1…4095 bytes, with exactly one descriptor, the master.
// That is what containerd, podman and conmon expect.
Result<> send(Fd console_socket, Fd master, const std::string& name);

}  // namespace terminal
