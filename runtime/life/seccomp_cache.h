// Compiled seccomp filters, kept beside the containers' state: compiling Docker's profile costs libseccomp some 13 ms, a
// hit here well under 0.1 ms.
//
// An entry holds the whole key (every byte of the profile, and who compiled it), which is compared whole: two profiles
// cannot be mistaken for each other.  It is used only if it is a regular file of ours that nobody else can write, of
// exactly the length it claims, in a directory that is equally private; whatever is odd about it, the filter is
// compiled again.  The cache is a convenience: that it cannot be written is logged at debug and nothing else.
#pragma once

#include <string>

#include "runtime/plan/seccomp.h"
#include "spec/base/error.h"

namespace seccomp_cache {

// From <state_root>/@seccomp, or by plan::make_seccomp.  Errors: those of make_seccomp.
Result<plan::SeccompProgram> get(const std::string& state_root, const oci::Seccomp& profile);

}  // namespace seccomp_cache
