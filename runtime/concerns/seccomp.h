// Loads a compiled filter into the calling thread (seccomp(2)).  Without no-new-privileges this needs CAP_SYS_ADMIN.
#pragma once

#include "runtime/plan/seccomp.h"
#include "spec/base/error.h"

namespace seccomp {

Result<> load(const plan::SeccompProgram& program);

// Whether this kernel knows a SECCOMP_FILTER_FLAG_*.  Nothing is loaded.
bool knows_flag(unsigned flag);

}  // namespace seccomp
