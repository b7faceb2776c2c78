// Device rules on cgroup v2: an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE (bpf(2)) attached to the cgroup.
//
// Rules are in order and the last that matches decides, for each of read, write and mknod by itself, as in cgroup v1.
// The program therefore walks them backwards with the set of requested accesses: a matching deny that touches the set
// refuses; a matching allow takes its accesses out of the set, and once it is empty the request is granted.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/linux.h"

namespace device_filter {

std::vector<bpf_insn> compile(const std::vector<oci::DeviceRule>& rules);
// Loads the program and attaches it to the cgroup's directory, in the place of those that are there.  Errors name linux.resources.devices.
Result<> attach(Fd cgroup, const std::vector<oci::DeviceRule>& rules);

}  // namespace device_filter
