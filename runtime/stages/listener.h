// Loads a seccomp filter with SCMP_ACT_NOTIFY, and gets its listener to the runtime, which hands it to the agent
// (config-linux.md, "Seccomp", listenerPath).
//
// From the moment it is loaded, any system call of ours may be one that waits for the agent, or is refused: not even
// sendmsg(2) may be used to hand the listener over.  So a helper is cloned before, which shares our descriptors but not
// our filter; it learns the listener's number through a shared page and sends it.  Nothing runs meanwhile but a loop
// that looks at that page.  The process goes on once the runtime says that the agent has it.  Whoever dies in between:
// without the runtime the helper closes the listener, and the kernel answers ENOSYS to what waits for it; the helper's own
// death the runtime sees, and ends the process, which cannot even be told.
#pragma once

#include "runtime/plan/seccomp.h"
#include "runtime/stages/protocol.h"
#include "spec/base/error.h"

namespace stages {

// Without SCMP_ACT_NOTIFY in it the filter is just loaded.  The other end of `channel` must be in stages::start.
Result<> load_filter(const plan::SeccompProgram& program, Channel& channel);

}  // namespace stages
