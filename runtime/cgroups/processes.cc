// Which processes are in the cgroups of a container, and signals to all of them.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "spec/base/clock.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

Result<> collect(const std::string& directory, std::vector<pid_t>& found, int depth) {
  constexpr int kDeepest = 64;
  const Result<std::string> procs = read_file(directory, "cgroup.procs");
  // Whoever is in none of our pid namespaces is listed as 0, which to kill(2) means our own process group.
  // A threaded cgroup of v2 lists no processes; those are in the one above it, which is the container's or below that.
  if (!procs.ok() && procs.error().errnum != EOPNOTSUPP)
    return is_gone(procs.error()) ? Result<>() : Result<>(procs.error());
  if (procs.ok())
    for (const std::string_view line : str::split(procs.value(), '\n'))
      if (const auto pid = str::number<pid_t>(line); pid && *pid > 0) found.push_back(*pid);
  Result<UniqueFd> opened = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok() && is_gone(opened.error())) return {};
  const UniqueFd fd = TRY(std::move(opened));
  for (const sys::Entry& entry : TRY(sys::list(fd)))
    if (entry.type == DT_DIR && depth < kDeepest)
      TRY(collect(str::cat(directory, "/", entry.name), found, depth + 1));
  return {};
}

// Any one hierarchy knows all processes; the unified one first, since it also knows how to kill.
const std::string* best(const Paths& paths) {
  for (const char* name : {"", "pids", "freezer", "devices"})
    if (const auto found = paths.find(name); found != paths.end()) return &found->second;
  return paths.empty() ? nullptr : &paths.begin()->second;
}

}  // namespace

Result<std::vector<pid_t>> pids(const Paths& paths) {
  std::vector<pid_t> found;
  if (const std::string* directory = best(paths)) TRY(collect(*directory, found, 0));
  std::sort(found.begin(), found.end());
  return found;
}

static Result<> signal_each(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) {
    Result<> sent = sys::kill(pid, signal);
    if (!sent.ok() && sent.error().errnum != ESRCH) return sent;
  }
  return {};
}

// What is listed and killed while it cannot run has no time to fork.
static Result<> kill_frozen(const Paths& paths) {
  constexpr int64_t kFreezeMs = 200;
  const bool frozen = freeze(paths, kFreezeMs).ok();  // or the next round may be quicker than they are
  const Result<std::vector<pid_t>> found = pids(paths);
  Result<> sent = found.ok() ? signal_each(found.value(), SIGKILL) : Result<>(found.error());
  if (frozen) (void)thaw(paths);  // it says what lies above is frozen: they end when that is thawed
  thaw_for_kill(paths);
  return sent;
}

Result<> kill_all(const Paths& paths, int signal) {
  if (signal != SIGKILL) return signal_each(TRY(pids(paths)), signal);
  const auto unified = paths.find("");
  if (unified != paths.end() && write_file(unified->second, "cgroup.kill", "1").ok()) return {};
  constexpr int64_t kMostMs = 10000;
  const int64_t deadline = clocks::monotonic_ms() + kMostMs;
  for (int64_t nap_us = 500; !TRY(pids(paths)).empty(); nap_us = std::min<int64_t>(nap_us * 2, 20000)) {
    if (clocks::monotonic_ms() >= deadline)
      return Error(Kind::conflict, str::cat("processes of the container still live ", kMostMs / 1000,
                                            " s after they were killed for the first time"));
    TRY(kill_frozen(paths));
    nap(nap_us);
  }
  return {};
}

}  // namespace cgroups
