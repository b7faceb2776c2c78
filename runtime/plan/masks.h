// Decides which paths are hidden and which become read-only: linux.maskedPaths, linux.readonlyPaths.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan/mounts.h"
#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

struct MaskPlan {
  struct Path {
    std::string origin;  // for messages: "linux.maskedPaths[3]"
    std::string path;    // beneath the root, without '/' at its ends; empty: the root
  };
  std::vector<Path> masked, readonly;
};

// Kind::invalid with the JSON path if a path is not absolute.
Result<MaskPlan> make_masks(const oci::Config& config);

// Marks the steps whose mounts masks, devices, the console and further mounts are looked for in (MountStep::kept).
void mark_kept(const MaskPlan& masks, std::vector<MountStep>& steps);

}  // namespace plan
