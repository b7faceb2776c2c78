#include "runtime/cgroups/systemd.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "runtime/systemd/program.h"
#include "spec/base/process.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

constexpr int64_t kLimitMs = 30'000;  // for one request; systemd is otherwise done in some 10
constexpr int64_t kGraceMs =
    5'000;  // that the program has beyond, so that it can say which wait was too long

Result<UniqueFd> program_in_memory() {
  UniqueFd file = TRY(sys::memfd_create_program("runtime-systemd", 0));
  TRY(sys::write_all(file, systemd::program()));
  // Executable only where nobody has it open for writing.
  return sys::open(file.get().proc_path().c_str(), O_RDONLY);
}

}  // namespace

Result<std::string> ask_systemd(systemd::Request request, const Asking& asking) {
  request.limit_ms = kLimitMs;
  const std::string text = systemd::encode(request);
  const UniqueFd program = TRY(program_in_memory().within("the program that talks to systemd"));
  process::Command command{.path = str::cat("/proc/", ::getpid(), "/fd/", program.raw()),
                           .argv = {"runtime-systemd"},
                           .env = asking.environment,
                           .input = text,
                           .timeout_ms = kLimitMs + kGraceMs,
                           .stop_on = asking.stop_on};
  process::Outcome outcome = TRY(process::run(command));
  if (outcome.ok()) return std::move(outcome.out);
  if (outcome.code == 1 && !outcome.err.empty()) return Error(Kind::os, std::move(outcome.err));
  if (outcome.code == 127)
    return Error(
        Kind::unsupported,
        str::cat("systemd cannot be asked, as its library is not there (install libsystemd0, or use the "
                 "cgroup manager 'cgroupfs'): ",
                 str::printable(str::trim(outcome.err))));
  return Error(Kind::os,
               str::cat("asking systemd about '", request.unit, "': the program for it ", outcome.text()));
}

Result<StandIn> StandIn::begin() {
  const pid_t parent = ::getpid();
  sys::CloneResult cloned = TRY(sys::clone3(0));
  if (cloned.pid == 0) {
    (void)::prctl(PR_SET_NAME, "rt:stand-in");
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (::getppid() == parent) ::pause();
    ::_exit(0);
  }
  StandIn made;
  made.pid_ = cloned.pid;
  made.pidfd_ = std::move(cloned.pidfd);
  return made;
}

StandIn::StandIn(StandIn&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

StandIn& StandIn::operator=(StandIn&& other) noexcept {
  leave();
  pid_ = std::exchange(other.pid_, 0);
  pidfd_ = std::move(other.pidfd_);
  return *this;
}

void StandIn::leave() {
  if (!pid_) return;
  (void)sys::pidfd_send_signal(pidfd_, SIGKILL);
  (void)sys::waitpid(pid_, 0);
  pid_ = 0;
  pidfd_.reset();
}

}  // namespace cgroups
