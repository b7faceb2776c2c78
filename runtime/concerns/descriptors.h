// Which descriptors a process keeps (R5).
//
// O_CLOEXEC alone is too late for a container: execve(2) looks its path up before it closes anything, so a command such as
// /proc/self/fd/7/../../bin/sh would run a program of the host, and could then write to it through /proc/self/exe
// (CVE-2024-21626).  A stage therefore really closes what it has of the host before it looks at a path of the container.
#pragma once

#include <initializer_list>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace descriptors {

// Whether our caller has opened the `count` descriptors of --preserve-fds, which follow 0 to 2 and those of $LISTEN_FDS.  One of
// ours that has taken the place of a missing one is none of them.  Kind::invalid names the first that is missing.
Result<> check_given(unsigned listen_fds, unsigned count);

// Closes all but 0 to 2, the `preserved` ones behind them that our caller gave us, and `keep`.  One of ours that has got
// into the preserved range is closed as well: ours are O_CLOEXEC, those of the caller cannot be.
// Whoever still owns one of those closed must not use it any more, nor close it after opening another.
Result<> close_own(unsigned preserved, std::initializer_list<Fd> keep);

// The contrary: closes what our caller has left open from 3 on, and keeps ours.  For a process that outlives its caller.
Result<> close_inherited();

}  // namespace descriptors
