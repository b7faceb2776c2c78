// tmpcopyup: a new tmpfs starts with a copy of the directory that it is about to hide.
//
// Both sides are walked by descriptors; no link is followed and no mount below is entered.  Owners, modes, times,
// extended attributes and device numbers are kept; a file with several names becomes several files.
#pragma once

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace mounts {

// Copies what is in the directory `from` into the empty directory `to`, and its own owner, extended attributes and times
// onto it; not its mode, which the mount has.
// The size of `to` (tmpfs "size=") is the limit: ENOSPC.
Result<> copy_up(Fd from, Fd to);

}  // namespace mounts
