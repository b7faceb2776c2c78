// A child process for work on untrusted bytes.  It can reach the directories it is given and nothing else.
//
//  - The directories are detached copies of their mounts (open_tree(2)): they have no parent, so `..` ends there; all
//    but the first are read-only, whatever the child's rights.                             needs CAP_SYS_ADMIN
//  - Its root directory is the first of them.                                              needs CAP_SYS_CHROOT
//  - Landlock: nothing outside of them can be opened, made or removed; no TCP, no signals to others.  Linux 5.19
//  - Only the descriptors it needs are open; capabilities beyond those for making files are dropped; it dies with the
//    thread that started it.
// Each of these is left out where the kernel or our rights do not give it, and `debug` says so.  Not used: a user
// namespace of its own, which would take the right to give files to other owners.
//
// The caller may have threads.  The body runs behind fork(3) and must not take locks or log: it may allocate, use
// sys:: and path::, and call report().
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace jail {

// What the child sees: the descriptors behind which it works.
struct View {
  Fd target;
  std::vector<Fd> lowers;
  Fd input;
};

struct Work {
  // In the child.  Its result is what run() returns; at most 16 KiB.
  std::function<Result<std::string>(const View&, const std::function<void(uint64_t)>& report)> body;
  // In the caller, with what the child reports.
  std::function<void(uint64_t)> reported;
};

// Prepares, forks, waits.  `view` is what the caller holds.  Errors of the body come back as they were; a child that dies
// without a word is Kind::os with how it died.
Result<std::string> run(const View& view, const Work& work);

}  // namespace jail
