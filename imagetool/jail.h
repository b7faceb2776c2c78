// A child process for work on untrusted bytes.  It can reach the directories it is given and nothing else.
//
//  - The directories are detached copies of their mounts (open_tree(2)): they have no parent, so `..` ends there; all
//    but the first are read-only, whatever the child's rights.                             needs CAP_SYS_ADMIN
//  - Its root directory is the first of them.                                              needs CAP_SYS_CHROOT
//  - Landlock: nothing outside of them can be opened, made or removed; no TCP, no signals to others.  Linux 5.19
//  - Only the descriptors it needs are open; capabilities beyond those for making files are dropped; it dies with the
//    process that started it.
// Each of these is left out where the kernel or our rights do not give it, and `debug` says so.  Not used: a user
// namespace of its own, which would take the right to give files to other owners.
//
// The body runs behind fork(3).  The caller is alone() then, so it may do all that a program may, threads included; but
// not log.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace jail {

// What the child sees: the descriptors behind which it works.
struct View {
  Fd target;
  std::vector<Fd> lowers;
  std::vector<Fd> others;  // files, sockets and the like; they are left as they are
};

// In the child.  Its result is what the caller gets; at most 16 KiB.
using Body = std::function<Result<std::string>(const View&)>;

// Whether this process has one thread: name look-ups of libcurl's have their own, and what they lock stays locked in a
// child.
bool alone();

class Child {
 public:
  // Prepares and forks.  `view` is what the caller holds.  Precondition: alone().
  static Result<Child> start(const View& view, const Body& body);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  // ends it

  // Can be read from: poll() has news.
  [[nodiscard]] Fd socket() const { return socket_; }
  // What it ended with; nullopt: it is at work.  Errors of the body are as they were; a child that dies without a word
  // is Kind::os with how it died.  Never waits.  Precondition: it has not ended before.
  std::optional<Result<std::string>> poll();

 private:
  Child(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}
  int reap();
  pid_t pid_;  // -1: it has been waited for
  UniqueFd socket_;
};

}  // namespace jail
