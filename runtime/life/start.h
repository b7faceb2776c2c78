// Starting what `create` has made, and what belongs right behind every start: the poststart hooks.
#pragma once

#include "runtime/runtime.h"
#include "runtime/stages/watch.h"
#include "spec/base/error.h"
#include "spec/state.h"

namespace start {

// `runtime start`.  Kind::not_found, Kind::conflict where it is not `created`; the errors of the container's command, of
// its hooks, and a signal that told us to end: after those the container is stopped, ready to be deleted.
Result<> start(const Runtime& rt, const std::string& id);

// Whether init runs hooks of its own before the program.
bool has_start_hooks(const oci::State& state);

// Runs the poststart hooks (runtime.md, step 9): a failure stops the container and is returned.
Result<> run_poststart(stages::Watch& watch, const oci::State& state, Fd process);

}  // namespace start
