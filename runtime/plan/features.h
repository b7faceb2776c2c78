// What this program can do, as `features` prints it (features.md).
//
// The document cannot differ from the program, because the program is asked: lists come from the tables that parse
// config.json, and a yes or no is what the plan says to a small configuration with that property.  The host does not
// matter (features.md: the content "SHOULD be determined on the compilation time"), but for seccomp's supportedFlags,
// which the specification ties to the running kernel.
#pragma once

#include "spec/features.h"

namespace plan {

// `knows_flag`: whether the kernel knows a SECCOMP_FILTER_FLAG_*.  Annotations are left to the caller.
oci::Features make_features(bool (*knows_flag)(unsigned flag));

}  // namespace plan
