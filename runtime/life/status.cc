#include "runtime/life/status.h"

#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "spec/base/sys.h"

namespace status {

std::optional<ProcessFacts> parse_stat(std::string_view text) {
  // Field 2 is the program's name in parentheses and may itself hold blanks and parentheses.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view left = str::trim(text.substr(name_end + 1));
  if (left.size() < 2 || left[1] != ' ') return std::nullopt;
  const char state = left[0];
  constexpr int kState = 3,
                kStartTime = 22;  // `list` asks for a thousand: the thirty fields after it are not looked at
  for (int field = kState; field < kStartTime; ++field) {
    const size_t end = left.find(' ');
    if (end == std::string_view::npos) return std::nullopt;
    left.remove_prefix(end + 1);
  }
  const auto start = str::number<uint64_t>(left.substr(0, left.find(' ')));
  if (!start) return std::nullopt;
  return ProcessFacts{state, *start};
}

// One read(2): the kernel writes this file whole.  `list` asks for a thousand of them.
std::optional<ProcessFacts> facts(pid_t pid) {
  auto opened = sys::open(str::cat("/proc/", pid, "/stat").c_str(), O_RDONLY);
  if (!opened.ok()) return std::nullopt;
  const UniqueFd file = std::move(opened).take();
  char text[2048];
  const auto size = sys::read(file, text, sizeof text);
  return size.ok() ? parse_stat(std::string_view(text, size.value())) : std::nullopt;
}

// Whether these are the facts of the container's process, and it has not ended.
static bool is_ours(const oci::State& state, const std::optional<ProcessFacts>& process) {
  return process && process->start_time == state.pid_start_time && process->state != 'Z' &&
         process->state != 'X';
}

static bool lives(const oci::State& state) { return state.pid > 0 && is_ours(state, facts(state.pid)); }

// A process that the freezer of v1 has stopped is in state D, so it need not be asked about others: `list` sees a thousand.
static bool is_frozen(const oci::State& state, char process_state) {
  const bool v2 = state.cgroup_paths.find("") != state.cgroup_paths.end();
  return (v2 || process_state == 'D') && cgroups::is_frozen(state.cgroup_paths);
}

oci::Status of(const oci::State& state, const std::optional<ProcessFacts>& process) {
  if (state.status == oci::Status::creating)
    return state.status;  // also if its `create` was killed: `delete` clears it
  if (!is_ours(state, process)) return oci::Status::stopped;
  if (is_frozen(state, process->state)) return oci::Status::paused;  // a created one, too
  return state.status == oci::Status::created ? state.status : oci::Status::running;
}

oci::Status of(const oci::State& state) { return of(state, state.pid > 0 ? facts(state.pid) : std::nullopt); }

Result<UniqueFd> open_process(const oci::State& state) {
  if (state.pid <= 0) return UniqueFd();
  auto opened = sys::pidfd_open(state.pid);
  if (!opened.ok() && (opened.error().errnum == ESRCH || !lives(state))) return UniqueFd();
  UniqueFd pidfd = TRY(std::move(opened));
  // Asked after it was opened: if the start time is ours, so is the descriptor.
  return lives(state) ? Result<UniqueFd>(std::move(pidfd)) : Result<UniqueFd>(UniqueFd());
}

}  // namespace status
