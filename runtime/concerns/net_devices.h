// linux.netDevices, done: devices of the host's network namespace become the container's, up and with the addresses that
// are meant to stay (config-linux.md, "Network Devices").
//
// Called by the runtime, with its rights over both namespaces, while init waits.  When the container ends the kernel does
// what it does with the devices of any namespace: physical ones return, virtual ones end; nothing is moved back here.
#pragma once

#include <sys/types.h>

#include <vector>

#include "runtime/plan/net_devices.h"
#include "spec/base/error.h"
#include "spec/base/undo.h"

namespace net_devices {

// Moves them into the network namespace of `init`, a child of this process.  Until the result is kept, it takes them back
// to where they were: with their names, addresses and state.  If one cannot be moved, none is.
// Errors: the host has no such device (Kind::invalid), the container has one of that name (Kind::conflict), no rights.
Result<Undo> move(const std::vector<plan::NetDevice>& devices, pid_t init);

}  // namespace net_devices
