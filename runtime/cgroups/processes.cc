// Which processes are in the cgroups of a container, and signals to all of them.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
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

Result<> kill_all(const Paths& paths, int signal) {
  const auto unified = paths.find("");
  if (signal == SIGKILL && unified != paths.end() && write_file(unified->second, "cgroup.kill", "1").ok())
    return {};
  // Those that were forked while the list was read are caught by the next round.
  constexpr int kMostRounds = 100;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<pid_t> found = TRY(pids(paths));
    for (const pid_t pid : found) {
      Result<> killed = sys::kill(pid, signal);
      if (!killed.ok() && killed.error().errnum != ESRCH) return killed;
    }
    if (signal != SIGKILL || found.empty()) return {};
    thaw_for_kill(paths);
    nap(2000);
  }
  return Error(Kind::conflict,
               "processes of the container are still there after they were killed many times");
}

}  // namespace cgroups
