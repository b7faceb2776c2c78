// Control files of a cgroup (cgroupfs): small texts, read whole and written in one write(2).
//
// Directories are absolute paths on the host, which no container can change: it sees its cgroups through mounts of its
// own.  A file that is not there means that the kernel, or this version of the hierarchy, does not know it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace cgroups {

// For writing.
Result<UniqueFd> open_file(const std::string& directory, std::string_view file);
// Errors keep the kernel's errno: ENOENT (no such file), EINVAL, EBUSY… mean something to callers.
Result<> write_file(const std::string& directory, std::string_view file, std::string_view value);
// Kind::not_found, or ENODEV where the cgroup goes away meanwhile.
Result<std::string> read_file(const std::string& directory, std::string_view file);
// The value behind "KEY " in a list of keys and values (cgroup.events, memory.stat…); "" if there is none.
std::string_view value_of(std::string_view list, std::string_view key);
// The file or the whole cgroup is not there (any more).
bool is_gone(const Error& error);

void nap(int64_t microseconds);
// Sleeps until cgroup.events of a v2 cgroup changes, at most `most_ms`.  False: there is no such file (v1).
bool wait_for_event(const std::string& directory, int64_t most_ms);

}  // namespace cgroups
