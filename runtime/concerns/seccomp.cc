#include "runtime/concerns/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seccomp {

Result<> load(const plan::SeccompProgram& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.filter.size()),
                          const_cast<sock_filter*>(program.filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter) == 0) return {};
  return Error::os("linux.seccomp: loading the filter: seccomp()");
}

}  // namespace seccomp
