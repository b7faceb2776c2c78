#include "runtime/life/status.h"

#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "spec/base/sys.h"

namespace status {

// Whether this is the container's process, and it has not ended.
static bool is_ours(const oci::State& state, const std::optional<proc::Stat>& process) {
  return process && process->start_time == state.pid_start_time && !process->ended();
}

static bool lives(const oci::State& state) { return state.pid > 0 && is_ours(state, proc::stat(state.pid)); }

// A process that the freezer of v1 has stopped is in state D, so it need not be asked about others: `list` sees a thousand.
static bool is_frozen(const oci::State& state, char process_state) {
  const bool v2 = state.cgroup_paths.find("") != state.cgroup_paths.end();
  return (v2 || process_state == 'D') && cgroups::is_frozen(state.cgroup_paths);
}

oci::Status of(const oci::State& state, const std::optional<proc::Stat>& process) {
  if (state.status == oci::Status::creating)
    return state.status;  // also if its `create` was killed: `delete` clears it
  if (!is_ours(state, process)) return oci::Status::stopped;
  if (is_frozen(state, process->state)) return oci::Status::paused;  // a created one, too
  const bool waits = state.status == oci::Status::created && process->never_executed();
  return waits ? oci::Status::created : oci::Status::running;
}

oci::Status of(const oci::State& state) {
  return of(state, state.pid > 0 ? proc::stat(state.pid) : std::nullopt);
}

Result<UniqueFd> open_process(const oci::State& state) {
  if (state.pid <= 0) return UniqueFd();
  auto opened = sys::pidfd_open(state.pid);
  if (!opened.ok() && (opened.error().errnum == ESRCH || !lives(state))) return UniqueFd();
  UniqueFd pidfd = TRY(std::move(opened));
  // Asked after it was opened: if the start time is ours, so is the descriptor.
  return lives(state) ? Result<UniqueFd>(std::move(pidfd)) : Result<UniqueFd>(UniqueFd());
}

}  // namespace status
