// The clone() of everything that is or makes a container (helper programs go through spec/base/process, the one helper
// that shares our descriptors is in listener.cc).
//
// The child runs on a copy of this process, which is single-threaded, so it may allocate.  It cannot return past
// run_child: the parent's Undos cannot run in it.  Leaving is exec, or die().
#pragma once

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/stages/protocol.h"
#include "spec/base/sys.h"

namespace stages {

struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
};

// Ends this process at once, without destructors or atexit (but with the profile written in a coverage build).
[[noreturn]] void die(int status);

template <class Body>
[[noreturn]] void run_child(const char* name, Channel& channel, Body body) {
  (void)sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>(name));  // "rt:init": visible in ps; cosmetic
  logs::redirect([&channel](logs::Level level, std::string_view text) { channel.log(level, text); });
  Result<> result = body(channel);
  if (!result.ok()) channel.fail(result.error());
  die(result.ok() ? 0 : 1);
}

// clone3 with `flags`; the child runs `body(channel)` with its end of the channel and never comes back.
// Errors: clone3's own, with a hint where a limit or a missing right is behind it.
template <class Body>
Result<Child> spawn(const char* name, uint64_t flags, Fd cgroup, int exit_signal, Channel::Pair& ends,
                    Body body) {
  sys::CloneResult cloned = TRY(sys::clone3(flags, cgroup, exit_signal));
  if (cloned.pid == 0) {
    ends.parent.close();  // or we would never see the parent die
    run_child(name, ends.child, body);
  }
  return Child{cloned.pid, std::move(cloned.pidfd)};
}

}  // namespace stages
