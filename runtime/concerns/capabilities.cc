#include "runtime/concerns/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spec/base/sys.h"

namespace capabilities {

namespace {

struct Sets {
  __user_cap_data_struct low, high;
};

uint32_t low(uint64_t bits) { return static_cast<uint32_t>(bits); }
uint32_t high(uint64_t bits) { return static_cast<uint32_t>(bits >> 32); }

}  // namespace

Result<uint64_t> permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets{};
  if (::syscall(SYS_capget, &header, &sets) < 0) return Error::os("capget()");
  return uint64_t{sets.high.permitted} << 32 | sets.low.permitted;
}

Result<> before_credentials(const plan::CapabilitySets& sets) {
  for (unsigned long number = 0; number < 64; ++number) {
    if (sets.bounding >> number & 1) continue;
    Result<> dropped = sys::prctl(PR_CAPBSET_DROP, number);
    if (dropped.ok()) continue;
    // Past the kernel's last capability, or gone already, which takes no right.
    const int present = ::prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (present < 0) break;
    if (present == 0) continue;
    return std::move(dropped).within("dropping capability ", number, " from the bounding set");
  }
  return sys::prctl(PR_SET_KEEPCAPS, 1);
}

Result<> after_credentials(const plan::CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const Sets wanted{{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
                    {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
  if (::syscall(SYS_capset, &header, &wanted) < 0) return Error::os("capset()");
  TRY(sys::prctl(PR_SET_KEEPCAPS, 0));
  if (sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL).ok() || sets.ambient) {
    for (unsigned long number = 0; number < 64; ++number)
      if (sets.ambient >> number & 1)
        TRY(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
                .within("raising ambient capability ", number));
  }
  return {};
}

}  // namespace capabilities
