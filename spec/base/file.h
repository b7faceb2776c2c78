// Whole files: read with a limit, replaced in one step, locked.  All of them are named below a directory's descriptor
// (Fd::cwd() for a path as it stands).
//
// Reading never waits and never takes more than it was told: a file that turns out to be a FIFO, a device or endless
// is an error.  Files of proc, sysfs and cgroupfs count as regular, and are read the same way.
// Nothing here resolves paths inside a container's root: that is path.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace files {

// Errors: Kind::not_found ("'x' does not exist"), Kind::invalid (not a regular file, larger than `limit` bytes),
// Kind::os.
Result<std::string> read(Fd dir, const char* path, size_t limit);
// From where the descriptor stands, to the end.
Result<std::string> read(Fd file, size_t limit);

// To a file that exists, in one write(2), as the kernel's own files want it.  Error: Kind::not_found, Kind::os.
Result<> write_existing(Fd dir, const char* path, std::string_view data);

// All of the regular file `from` into `to`, which is empty, with its holes: a file of one block of data and 8 TiB of
// holes is copied as fast as it was made.  Where the file system can, no block is copied (FICLONE).  Offsets may be moved.
Result<> copy(Fd from, Fd to);

enum class Durable { no, yes };  // yes: survives a power cut once this returns
// Puts a new file in the place of `name`: whoever opens it finds the old content or the new, whole.
Result<> replace(Fd dir, const char* name, std::string_view data, mode_t mode, Durable durable = Durable::no);

enum class Lock { shared, exclusive };
// Locks the file, which is made (0600) where absent; the lock ends with the descriptor.  Waits for others at most that
// long; 0: not at all.  Kind::conflict when the time is over.
Result<UniqueFd> lock(Fd dir, const char* name, Lock kind, int64_t wait_ms);
// The same for a descriptor that is open already.
Result<> lock(Fd file, Lock kind, int64_t wait_ms);

}  // namespace files
