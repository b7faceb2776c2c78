// A container must never be able to write to the runtime's own binary (CVE-2019-5736, rule R4).
//
// Whoever runs a program named /proc/self/exe (or a script whose interpreter is that) inside the container runs our
// file, and another process there could then open it for writing through /proc/PID/exe.  So the commands that put a
// process into a container first execute themselves again from a copy that nobody can write to:
//   a detached read-only bind mount of the binary (open_tree, mount_setattr: no memory), or, where mounts are not allowed,
//   a sealed memfd.
// Only create, run and exec pay for it, and little: sealed_entry.cc has usually done it before the C library started.
#pragma once

#include "spec/base/error.h"

namespace sealed_exe {

// Returns at once if this process already runs from such a copy; otherwise executes the program again with the same
// arguments and does not return, unless it failed.
Result<> ensure(char* const argv[], char* const envp[]);

}  // namespace sealed_exe
