// Who holds a lock: for messages, so that people know whom they wait for.
#pragma once

#include <string>

#include "spec/base/fd.h"

namespace holders {

// The processes that hold flock(2) locks on this file, as /proc/locks has them: "process 123 (imagetool), process 124
// (imagetool)"; "another process" where that cannot be told: no /proc, or processes that we do not see.
std::string describe(Fd file);

}  // namespace holders
