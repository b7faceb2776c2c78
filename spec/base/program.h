// What the main() of both programs does before anything else, and last: standard descriptors, signals, the report of a
// failure and the exit status.
#pragma once

#include <optional>

#include "spec/base/error.h"

namespace program {

inline constexpr int kExitUnreachable = 69;  // EX_UNAVAILABLE of sysexits.h: a server cannot be reached
inline constexpr int kExitTryLater = 75;     // EX_TEMPFAIL: the same command may work later
inline constexpr int kExitNotRun = 125;      // docker run's: it is not the container that has failed

// Descriptors 0 to 2 are open, or what is opened next would pass for them; and nothing that our caller ignores keeps us
// from seeing the end of our children.  To be called first.
void settle();

// Logs the error, if any, and returns the exit status: that of the command; 127 and 126 for a container's command that
// is missing or cannot be executed; 69 and 75 for a server that cannot be reached, or not now; else 1.
// `failure`: what it ends with on any error, for a command whose status is somebody else's.
int finish(const Result<int>& status, std::optional<int> failure = std::nullopt);

}  // namespace program
