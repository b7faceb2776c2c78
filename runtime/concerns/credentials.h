// Who the container's process is: groups, gid, uid, umask; and the session keyring it starts with (keyrings(7)).
#pragma once

#include <string_view>

#include "runtime/plan/process.h"
#include "spec/base/error.h"

namespace credentials {

// Becomes uid 0 and gid 0 of the user namespace this process is in, where they are mapped: files and devices made
// during set-up then belong to the container's root.
Result<> become_root_inside();
// Pipes that are our standard streams come to belong to `uid`, so that /dev/stdout can be opened by it; files, devices and
// terminals stay whose they are.
void give_streams(uid_t uid);
// Supplementary groups are always set explicitly, also to none (R7), then gid, uid, umask.
Result<> apply(const plan::Process& process);
// A new session keyring named after the container.  Kernels without keyrings, and a full quota, are no failure.
Result<> new_session_keyring(std::string_view id);

}  // namespace credentials
