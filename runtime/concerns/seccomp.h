// Loads a compiled filter into the calling thread (seccomp(2)).  Without no-new-privileges this needs CAP_SYS_ADMIN.
#pragma once

#include "runtime/plan/seccomp.h"
#include "spec/base/error.h"

namespace seccomp {

// The number of the listener's descriptor, which is O_CLOEXEC, if program.flags ask for one (SCMP_ACT_NOTIFY); else 0.
// A number, because from here on even close(2) may be a call that waits for somebody: see stages/listener.h.
Result<int> load(const plan::SeccompProgram& program);

// Whether this kernel knows a SECCOMP_FILTER_FLAG_*.  Nothing is loaded.
bool knows_flag(unsigned flag);

}  // namespace seccomp
