#include "spec/base/fault.h"

#ifdef PROJECT_FAULT_POINTS

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "spec/base/text.h"

namespace fault {

namespace {

// Of one process.  A child has a copy, and starts over.
struct Progress {
  pid_t process = 0;
  unsigned calls = 0;
  int trigger = -1;  // ends the program that was called
};

// "init" of "rt:init"; the program that was called is "runtime" by whatever name.
std::string role() {
  char name[16] = {};
  (void)::prctl(PR_GET_NAME, name);
  const std::string_view text(name);
  return std::string(text.starts_with("rt:") ? text.substr(3) : "runtime");
}

// A byte into this pipe is SIGKILL for us, from whatever pid namespace (fcntl(2), F_SETSIG): a pidfd does not reach out of
// one.  Out of the way of descriptors that are passed on by number.  Once the container has closed what is not its own it
// leads nowhere; by then the runtime waits, so that its own points say it all.
int open_trigger() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -1;  // NOLINT: sys has the points
  (void)::fcntl(ends[0], F_SETOWN, ::getpid());
  (void)::fcntl(ends[0], F_SETSIG, SIGKILL);
  (void)::fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  (void)::fcntl(ends[0], F_DUPFD_CLOEXEC, 200);
  const int trigger = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 200);
  for (const int end : ends) (void)::close(end);
  return trigger;
}

void tell(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // it is for whoever looks
}

[[noreturn]] void end_self() {
  (void)::kill(::getpid(), SIGKILL);
  __builtin_trap();  // the first process of a pid namespace does not hear its own signals
}

// One for each way in which a sanitizer comes to know: its own checks of memory, those of arithmetic, a signal of the
// kernel's, one of the C library's.
void make_mistake(std::string_view which) {
  volatile int four = 4;
  if (which == "overrun") four = static_cast<unsigned char>(std::string(100, 'x').data()[28 * four]);
  if (which == "overflow") four = INT_MAX - 3 + four;
  if (which == "wild") four = *reinterpret_cast<const volatile int*>(uintptr_t{1} << 40);
  if (which == "assert") assert(four == 5);
  if (which == "leak") four = static_cast<int>(reinterpret_cast<uintptr_t>(std::malloc(42)) & 1);
}

Progress& progress() {
  static Progress ours;  // the one mutable global there is, and in no program that anybody uses
  return ours;
}

}  // namespace

void point(const char* call) {
  const char* wanted = ::getenv("PROJECT_FAULT");  // NOLINT: in no program that anybody uses
  if (!wanted) return;
  const int errnum = errno;
  Progress& now = progress();
  const std::string me = role();
  if (std::exchange(now.process, ::getpid()) != ::getpid()) now.calls = 0;
  if (now.trigger < 0 && me == "runtime") now.trigger = open_trigger();
  const std::string here = str::cat(me, ":", ++now.calls, ":");
  const bool self = wanted == here + "self";
  const std::string_view all = wanted;
  if (all.starts_with(here)) make_mistake(all.substr(here.size()));
  if (self || (wanted == here + "runtime" && ::fcntl(now.trigger, F_GETFD) >= 0)) {
    tell(str::cat("fault: ", here, call, "\n"));
    if (self) end_self();
    if (::write(now.trigger, "", 1) < 0) tell("fault: nobody ended\n");
  }
  errno = errnum;
}

}  // namespace fault

#endif
