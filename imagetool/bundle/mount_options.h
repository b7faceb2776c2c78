// --volume, --mount and --tmpfs as docker writes them → mounts of config.json, or volumes of the bundle's own.
//
//   -v SRC:DST[:OPTIONS]   bind; SRC is a path, made absolute from the caller's directory    ro rw nocopy, propagation
//   -v DST                 a volume of the bundle's own, filled from the image
//   --mount type=bind|tmpfs|volume,source=…,target=…,readonly,…
//   --tmpfs DST[:OPTIONS]
//
// A source must exist, so that a typing mistake does not become an empty directory.  Volumes with names are kept by
// engines, not here; the message says what to write instead.
#pragma once

#include <string_view>

#include "imagetool/bundle/options.h"
#include "spec/base/error.h"

namespace mount_options {

// Each adds to wishes.mounts or wishes.volumes; what had the same destination is replaced.
Result<> add_volume(std::string_view text, const Machine& machine, Wishes& wishes);
Result<> add_mount(std::string_view text, const Machine& machine, Wishes& wishes);
Result<> add_tmpfs(std::string_view text, Wishes& wishes);

}  // namespace mount_options
