// Owners and extended attributes on their way from a layer to the disk: pure decisions, and copying from one file to
// another.  What may never act, and what belongs to the host, is sorted out here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/layer.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace layer {

// The ids on disk.  Kind::invalid from 2^32-1 on, Kind::unsupported where the options' ranges have none.
Result<uint32_t> map_uid(uint64_t id, const Options& options);
Result<uint32_t> map_gid(uint64_t id, const Options& options);

// The name under which an attribute of a layer is stored; nullopt: it is not.  SELinux labels are not; in overlay form
// overlayfs's own attributes get another "overlay." so that they mean nothing to it (and come out again above it).
std::optional<std::string> stored_name(std::string_view name, Form form);

// "trusted.overlay.opaque" or "user.overlay.opaque".
const char* opaque_name(Control control);

// Whether a setxattr that failed with `err` is skipped and counted: the file system or our rights do not allow the kind.
bool may_skip_attribute(int err);

// Copies owner, mode and attributes from one file or directory to another of the same kind, both open for reading.
// overlayfs's marks (opaque, redirect, origin) stay behind.
Result<> copy_attributes(Fd from, Fd to);

}  // namespace layer
