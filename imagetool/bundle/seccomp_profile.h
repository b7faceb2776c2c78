// Docker's default seccomp profile: which system calls a container may make.
//
// Everything is refused with EPERM but what is listed here.  Part of the list depends on the container's capabilities
// (who has CAP_SYS_ADMIN may mount), on the processor and on the kernel: config.json knows no such conditions, so they
// are decided here, when the bundle is made.  The effect is that of github.com/moby/profiles, seccomp/default.json;
// tests/data/bundle holds its digest for every processor and capability, so a difference does not go unnoticed.
//
// clone3 answers ENOSYS instead of EPERM: its flags lie in memory where a filter cannot look, and the C libraries then
// go on with clone, whose flags are checked for new namespaces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/linux.h"

namespace seccomp_profile {

struct Machine {
  std::string architecture;  // of the kernel, in the words of image-spec: "amd64", "386", "arm64"
  unsigned kernel_major = 0, kernel_minor = 0;
};

// `capabilities`: the bounding set, as "CAP_CHOWN".
oci::Seccomp make(const Machine& machine, const std::vector<std::string>& capabilities);

}  // namespace seccomp_profile
