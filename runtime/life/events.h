// What a container uses, and that it runs out of memory, told while it runs (spec/events.h has the form).
#pragma once

#include <cstdint>

#include "runtime/life/container.h"
#include "spec/base/cli.h"
#include "spec/base/error.h"
#include "spec/events.h"

namespace events {

// What it uses now.  Kind::conflict: "container not running".  Kind::unsupported: it has no cgroups to measure it.
Result<oci::Event> stats(const Container& container);

// Prints that at once and every `interval_ms` (1 or more), and an "oom" event whenever one happens.  Returns when the
// container's first process has ended, or nobody reads any more (then with that error).
Result<> watch(const Container& container, int64_t interval_ms, cli::Out& out);

}  // namespace events
