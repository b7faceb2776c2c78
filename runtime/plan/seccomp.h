// linux.seccomp as a compiled filter (seccomp(2), classic BPF), made by libseccomp while planning.
//
// As engines rely on it (config-linux.md, "Seccomp"):
//   a system call that neither libseccomp nor this kernel knows is skipped silently: profiles name calls of the future
//   calls newer than the newest one the profile names answer ENOSYS instead of the default errno, so that a C library
//   falls back to what it did before (clone3, faccessat2…); without it a profile from last year breaks a new glibc
//   several conditions on one argument of one rule are alternatives, since libseccomp cannot take them at once
//   of several rules with conditions that hold for a call, the first decides
// A rule with SCMP_ACT_NOTIFY makes the filter one with a listener, which goes to an agent (stages/listener.h).
// The tree form (SCMP_FLTATR_CTL_OPTIMIZE=2) makes a call's check logarithmic; loading it is several times cheaper too.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/linux.h"

namespace plan {

struct SeccompProgram {
  std::vector<sock_filter> filter;
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*, NEW_LISTENER among them where a rule notifies
};

// Kind::invalid names the property; Kind::unsupported what this libseccomp or program cannot do.
Result<SeccompProgram> make_seccomp(const oci::Seccomp& config);

// What of a rule's names is skipped: neither libseccomp nor this kernel knows it.
std::vector<std::string> unknown_calls(const oci::SeccompSyscall& rule);

// SECCOMP_FILTER_FLAG_* of a name; 0 for an unknown one.
unsigned seccomp_flag(std::string_view name);

// The whole profile as bytes, equal exactly if the profiles are: the key of the cache of compiled programs.
std::string seccomp_key(const oci::Seccomp& config);

}  // namespace plan
