// Facts of the host, read once for each command that makes a process: the plan decides by them and looks up nothing.
#pragma once

#include "runtime/plan/plan.h"
#include "runtime/runtime.h"
#include "spec/base/error.h"

namespace host {

Result<plan::Host> probe(const Runtime& rt);

// $LISTEN_FDS of socket activation (sd_listen_fds(3)), if it is meant for this process; else 0.
unsigned listen_fds(const Environment& environment, pid_t self);

}  // namespace host
