// Starting what `create` has made, and what belongs right behind every start: the poststart hooks.
#pragma once

#include "runtime/runtime.h"
#include "spec/base/error.h"
#include "spec/state.h"

namespace start {

// `runtime start`.  Kind::not_found, Kind::conflict where it is not `created`; the errors of the container's command.
Result<> start(const Runtime& rt, const std::string& id);

// Runs the poststart hooks (runtime.md, step 9): a failure stops the container and is returned.
Result<> run_poststart(const oci::State& state);

}  // namespace start
