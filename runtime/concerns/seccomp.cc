#include "runtime/concerns/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace seccomp {

Result<int> load(const plan::SeccompProgram& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.filter.size()),
                          const_cast<sock_filter*>(program.filter.data())};
  const long n = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter);
  if (n >= 0) return static_cast<int>(n);
  const int err = errno;
  const bool listens = (program.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
  const std::string_view hint =
      err == EBUSY && listens ? " (a process can have one listener, and this runtime runs under one itself)"
      : err == EINVAL && listens
          ? " (SCMP_ACT_NOTIFY needs Linux 5.0, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 5.19)"
      : err == EINVAL ? " (does this kernel know linux.seccomp.flags?)"
                      : "";
  return Error::os(str::cat("linux.seccomp: loading the filter: seccomp()", hint), err);
}

// The kernel looks at the flags first, and only then for the filter, which is not there.  Some flags make sense only to
// one who listens.
bool knows_flag(unsigned flag) {
  const auto passes = [](unsigned long flags) {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) < 0 && errno == EFAULT;
  };
  return passes(flag) || passes(flag | SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

}  // namespace seccomp
