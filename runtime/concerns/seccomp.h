// Loads a compiled filter into the calling thread (seccomp(2)).  Without no-new-privileges this needs CAP_SYS_ADMIN.
#pragma once

#include "runtime/plan/seccomp.h"
#include "spec/base/error.h"

namespace seccomp {

Result<> load(const plan::SeccompProgram& program);

}  // namespace seccomp
