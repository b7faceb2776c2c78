// `update`: other limits for a container that exists.
//
// All of the change or nothing: what the kernel refuses half way is taken back, and so is what cannot be recorded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/intel_rdt.h"
#include "runtime/runtime.h"
#include "spec/base/error.h"
#include "spec/linux.h"

namespace update {

// What is asked for, each part of it for itself: an empty one changes nothing.
struct Change {
  oci::Resources resources;
  std::vector<plan::RdtLine> schemata;  // of the container's resctrl group; their paths are for messages
};

// `name` says how messages call a property ("memory.limit"): by its option, or its path in a document.
// Kind::not_found, Kind::conflict ("container not running"), Kind::invalid and Kind::unsupported with that name, the
// last also for schemata of a container that was created without linux.intelRdt.
Result<> update(const Runtime& rt, const std::string& id, const Change& change,
                std::string (*name)(std::string_view property));

}  // namespace update
