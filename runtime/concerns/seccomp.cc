#include "runtime/concerns/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace seccomp {

Result<> load(const plan::SeccompProgram& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.filter.size()),
                          const_cast<sock_filter*>(program.filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter) == 0) return {};
  return Error::os("linux.seccomp: loading the filter: seccomp()");
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
