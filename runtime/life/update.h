// `update`: other limits for a container that exists.
//
// All of the change or nothing: what the kernel refuses half way is taken back, and so is what cannot be recorded.
#pragma once

#include <string>
#include <string_view>

#include "runtime/runtime.h"
#include "spec/base/error.h"
#include "spec/linux.h"

namespace update {

// `name` says how messages call a property ("memory.limit"): by its option, or its path in a document.
// Kind::not_found, Kind::conflict ("container not running"), Kind::invalid and Kind::unsupported with that name.
Result<> update(const Runtime& rt, const std::string& id, const oci::Resources& change,
                std::string (*name)(std::string_view property));

}  // namespace update
