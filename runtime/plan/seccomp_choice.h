// The part of a filter that libseccomp would get wrong: system calls for which several rules with conditions count.
//
// libseccomp (2.5.4) makes one tree of all conditions of a call, and loses alternatives: with `<= 2` and `<= 0x100000000`
// for one argument 3 passes neither; other rules keep it busy for ever.  So for such calls the rules are written down here
// one by one, in the order of the profile: the first whose conditions all hold decides, and if there is none the default.
// A rule without conditions decides alone; it, and one argument that equals one value or another, are left to libseccomp.
#pragma once

#include <linux/filter.h>
#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plan {

// One rule for one call: all conditions have to hold.
struct SeccompCase {
  uint32_t action = 0;  // SECCOMP_RET_* with its data
  std::vector<scmp_arg_cmp> conditions;
};

// What decides for the call `name` on each of `architectures` (SCMP_ARCH_*), and leaves all other calls to what follows.
std::vector<sock_filter> decide_call(const std::string& name, const std::vector<SeccompCase>& cases,
                                     uint32_t default_action, const std::vector<uint32_t>& architectures);

}  // namespace plan
