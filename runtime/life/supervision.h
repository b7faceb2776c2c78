// Staying with a process of a container until it ends: `run` and `exec` in the foreground, and the keeper.
//
// One poll loop over the pidfd, the signals we were sent (forwarded to the process) and the terminal.  The process's
// end always wins over the rest.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "runtime/cgroups/oom.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace supervision {

// Blocks the signals that wait() forwards, so that none is lost while the process is being made.  The stages set
// their own mask again.
void hold_signals();

// Precondition: `pid` is a child of this process.  `terminal`: the pty master to copy standard input and output to and
// from; invalid: none.  `memory` takes note meanwhile.  Returns the exit code: the process's own, or 128 + the signal that
// ended it.
Result<int> wait(pid_t pid, Fd pidfd, UniqueFd terminal, cgroups::OomCount& memory);

// The code of a process that SIGKILL has ended.
inline constexpr int kKilled = 128 + 9;
// Says so of one that has been killed, if it was for want of memory.
void warn_of_memory(std::string_view who, const cgroups::OomCount& memory);

}  // namespace supervision
