#include "runtime/stages/listener.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

#include "runtime/concerns/seccomp.h"
#include "runtime/stages/spawn.h"

namespace stages {

namespace {

enum class Handed { not_yet, taken, lost };

struct Shared {
  static constexpr int kNotYet = -1, kNone = -2;
  std::atomic<int> listener = kNotYet;
  std::atomic<Handed> handed = Handed::not_yet;
};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<Handed>::is_always_lock_free);

constexpr time_t kMostSeconds = 30;  // for the agent to take it; the runtime's own limit is shorter

struct Page {
  Page() = default;
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() {
    if (shared) ::munmap(shared, sizeof *shared);
  }
  Shared* shared = nullptr;
};

Result<> map(Page& page) {
  void* at = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return Error::os("mmap()");
  page.shared = new (at) Shared;
  return {};
}

// vdso(7) on every machine we run on, so no system call.
time_t seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

// The helper: its end is the end of the process it serves, should that come first.
[[noreturn]] void hand_over(Shared& shared, Channel& channel) {
  constexpr timespec kMoment{0, 50'000};
  (void)::prctl(PR_SET_NAME, "rt:listener");  // not init any more, whoever looks
  (void)sys::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const time_t end = seconds() + kMostSeconds;
  while (shared.listener.load() == Shared::kNotYet && seconds() < end) (void)::nanosleep(&kMoment, nullptr);
  const Fd listener(shared.listener.load());
  const bool taken = listener.valid() && channel.send(Tag::listener, {}, {listener}).ok() &&
                     channel.expect(Tag::listener_taken).ok();
  if (!taken && listener.valid())
    (void)::close(listener.raw());  // it is the other process's descriptor as well
  shared.handed.store(taken ? Handed::taken : Handed::lost);
  // Our end is as it should be then.  Whoever started the process may have been killed.
  if (taken || !listener.valid()) (void)channel.send(Tag::listener_settled);
  die(0);
}

// No zombie is left to the container's program, which would not know it: the kernel reaps by itself.  execve(2) takes the
// flag back.
Result<> reap_nothing() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDWAIT;
  if (::sigaction(SIGCHLD, &action, nullptr) < 0) return Error::os("sigaction(SIGCHLD)");
  return {};
}

}  // namespace

Result<> load_filter(const plan::SeccompProgram& program, Channel& channel) {
  if ((program.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) {
    (void)TRY(seccomp::load(program));
    return {};
  }
  Page page;
  TRY(map(page).within("linux.seccomp"));
  TRY(reap_nothing());
  {
    const sys::CloneResult helper = TRY(sys::clone3(CLONE_FILES).within("linux.seccomp"));
    if (helper.pid == 0) hand_over(*page.shared, channel);
    TRY(channel.send(Tag::listener_helper, {}, {helper.pidfd}));
  }
  Result<int> loaded = seccomp::load(program);
  page.shared->listener.store(loaded.ok() ? loaded.value() : Shared::kNone);
  if (!loaded.ok()) return loaded.take_error();
  const time_t end = seconds() + kMostSeconds;
  while (page.shared->handed.load() == Handed::not_yet && seconds() < end) {}
  if (page.shared->handed.load() == Handed::taken) return {};
  return Error(Kind::os, "linux.seccomp.listenerPath: the agent did not get the filter's listener");
}

}  // namespace stages
