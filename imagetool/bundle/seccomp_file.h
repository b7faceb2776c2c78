// A seccomp profile from a file: `--security-opt seccomp=FILE`.
//
// Docker's format (names with includes and excludes by capability, processor and kernel; archMap) and config.json's
// "linux.seccomp" differ only in Docker's additions, so one reader takes both.  The conditions are decided here: they
// may not be overlooked, or a profile would allow what it only meant to allow to some.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/bundle/seccomp_profile.h"
#include "spec/base/error.h"
#include "spec/linux.h"

namespace seccomp_file {

// Reads at most 1 MiB.  Kind::not_found; Kind::invalid with the place in the file.
Result<oci::Seccomp> load(std::string_view path, const seccomp_profile::Machine& machine,
                          const std::vector<std::string>& capabilities);
// `text` is the whole file.
Result<oci::Seccomp> parse(std::string_view text, const seccomp_profile::Machine& machine,
                           const std::vector<std::string>& capabilities);

}  // namespace seccomp_file
