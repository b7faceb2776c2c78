// `run`: create and start in one, staying in the foreground until the end, or leaving a keeper behind.
#pragma once

#include "runtime/life/creation.h"
#include "runtime/runtime.h"
#include "spec/base/error.h"

namespace run {

// Returns the container's exit code.  Afterwards the container is removed, or with options.keep stays, stopped, with its
// exit code in its state.
Result<int> foreground(const Runtime& rt, creation::Options options);
// Returns 0 once it runs.  With options.keep a keeper stays behind: the parent of init, which waits for its end and
// records it.
Result<int> detached(const Runtime& rt, creation::Options options);

}  // namespace run
