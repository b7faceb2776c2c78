#include "runtime/stages/watch.h"

#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "spec/base/clock.h"
#include "spec/base/sys.h"

namespace stages {

namespace {

// Those that are meant to end a program, and that one can do something about.
sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    struct sigaction current {};
    if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler != SIG_IGN)
      ::sigaddset(&set, number);
  }
  return set;
}

std::string name_of(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name ? str::cat("SIG", name) : str::cat("signal ", signal);
}

Result<> check_time(int64_t deadline, const Watch::Wait& wait) {
  if (wait.limit_ms < 0 || clocks::monotonic_ms() < deadline) return {};
  return Error(Kind::conflict,
               str::cat("gave up after ", wait.limit_ms / 1000, " s of waiting for ", wait.what));
}

int time_left(int64_t deadline, const Watch::Wait& wait) {
  if (wait.limit_ms < 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(deadline - clocks::monotonic_ms(), 0, INT32_MAX));
}

bool is_readable(Fd fd) {
  pollfd now{fd.raw(), POLLIN, 0};
  const Result<int> ready = sys::poll({&now, 1}, 0);
  return ready.ok() && ready.value() > 0;
}

}  // namespace

Result<Watch> Watch::begin() {
  const sigset_t set = ending_signals();
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return Error::os("sigprocmask()");
  return Watch(TRY(sys::signalfd(set)));
}

Result<> Watch::interrupted(std::string_view what) {
  signalfd_siginfo info{};
  const Result<size_t> n = sys::read(signals_, &info, sizeof info);
  if (!n.ok()) return n.error().errnum == EAGAIN ? Result<>() : Result<>(n.error());
  signal_ = static_cast<int>(info.ssi_signo);
  return Error(Kind::os, EINTR, str::cat("interrupted by ", name_of(signal_), " while waiting for ", what));
}

Result<std::optional<Packet>> Watch::receive(Channel& channel, const Processes& processes, const Wait& wait) {
  const int64_t deadline = clocks::monotonic_ms() + wait.limit_ms;
  for (;;) {
    pollfd fds[] = {{channel.fd().raw(), POLLIN, 0},
                    {signals_.raw(), POLLIN, 0},
                    {processes.speaker.raw(), POLLIN, 0},
                    {processes.helper.raw(), POLLIN, 0}};
    const int ready = TRY(sys::poll(fds, time_left(deadline, wait)));
    if (fds[0].revents) return channel.receive();
    if (fds[1].revents) TRY(interrupted(wait.what));
    // It may have spoken between the two looks that poll took.
    if (fds[2].revents || fds[3].revents)
      return is_readable(channel.fd()) ? channel.receive() : std::optional<Packet>();
    if (ready == 0) TRY(check_time(deadline, wait));
  }
}

Result<> Watch::ended(Fd process, const Wait& wait) {
  const int64_t deadline = clocks::monotonic_ms() + wait.limit_ms;
  for (;;) {
    pollfd fds[] = {{process.raw(), POLLIN, 0}, {signals_.raw(), POLLIN, 0}};
    const int ready = TRY(sys::poll(fds, time_left(deadline, wait)));
    if (fds[0].revents) return {};
    if (fds[1].revents) TRY(interrupted(wait.what));
    if (ready == 0) TRY(check_time(deadline, wait));
  }
}

bool has_ended(Fd process) { return is_readable(process); }

std::string how_it_ended(std::optional<int> status) {
  if (!status) return "ended";
  if (WIFEXITED(*status)) return str::cat("ended with status ", WEXITSTATUS(*status));
  const char* name = ::sigabbrev_np(WTERMSIG(*status));
  return str::cat("was killed by signal ", WTERMSIG(*status), " (", name ? name : "?", ")");
}

}  // namespace stages
