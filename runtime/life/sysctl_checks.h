// Which kernel parameters of a plan the container will have, and can write.  Its namespaces decide that, not the host's:
// "neigh.default" is in the kernel's first network namespace alone, and what belongs to root of the host is in none that a
// user namespace owns.  So a child looks, in namespaces like the container's, which are gone with it.
//
// Devices get into the container's network namespace by linux.netDevices and by hooks, and those have names that are not the
// host's: all that is known here is which parameters a device has, by those of "lo", which every network namespace has.
#pragma once

#include <vector>

#include "runtime/concerns/namespaces.h"
#include "runtime/concerns/sysctls.h"
#include "runtime/plan/plan.h"

namespace sysctl_checks {

// Of each of `plan.sysctls`.  `joined` is what plan.namespaces.joins has opened.  Where the caller may not make or enter such
// namespaces, the answer is that of the host's, without what is known to be only there.
std::vector<sysctls::Presence> look(const plan::Plan& plan, std::vector<namespaces::Joined> joined);

}  // namespace sysctl_checks
