// The working directory and the home of the container's process, looked up inside the container after pivot_root.
#pragma once

#include <string>

#include "runtime/plan/process.h"
#include "spec/base/error.h"

namespace workdir {

// Changes to `cwd` (absolute).  Refuses a directory outside the root (a descriptor that leaked in: CVE-2024-21626).
// Errors name process.cwd; Kind::not_found: there is none, in the words that engines know.
Result<> enter(const std::string& cwd);
// For the container's first process, as runc does: a missing directory is made, and is uid:gid's; what was there keeps its owner.
Result<> make_and_enter(const std::string& cwd, uid_t uid, gid_t gid);
// The same with the final user: what only root may enter on a network file system or in a private home is found again.
Result<> enter_again(const std::string& cwd);
// HOME in process.env where it is absent or empty: the user's directory in the container's /etc/passwd, else "/".
Result<> fill_home(plan::Process& process);

}  // namespace workdir
