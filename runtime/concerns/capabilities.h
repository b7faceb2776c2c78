// The five capability sets of the container's process (capabilities(7)), decided by plan::make_process (R7).
//
// Order matters and is kept by two calls around the change of ids: the bounding set is cut while CAP_SETPCAP is still
// there, the others are set afterwards (setuid would clear them otherwise), ambient last.
#pragma once

#include "runtime/plan/process.h"
#include "spec/base/error.h"

namespace capabilities {

// The calling thread's permitted set.
Result<uint64_t> permitted();
// Before the change of ids: drops what is not in the bounding set and asks the kernel to keep the permitted set.
Result<> before_credentials(const plan::CapabilitySets& sets);
// After it: effective, permitted, inheritable, then ambient.
Result<> after_credentials(const plan::CapabilitySets& sets);

}  // namespace capabilities
