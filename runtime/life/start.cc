#include "runtime/life/start.h"

#include "runtime/cgroups/oom.h"
#include "runtime/concerns/hooks.h"
#include "runtime/life/creation.h"
#include "runtime/life/seccomp_agent.h"
#include "runtime/life/status.h"
#include "runtime/life/supervision.h"
#include "runtime/stages/parent.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace start {

namespace {

Error not_created(const oci::State& state, oci::Status now) {
  return Error(Kind::conflict, str::cat("container '", state.id, "' cannot be started: it is ",
                                        oci::text(now), ", not created"));
}

// What could not be started is stopped when we return: `delete` can follow at once.
void stop(const oci::State& state, Fd process) {
  constexpr int kStopMs = 10000;
  (void)sys::pidfd_send_signal(process, SIGKILL);  // it may have ended by itself
  pollfd end{process.raw(), POLLIN, 0};
  const Result<int> ended = sys::poll({&end, 1}, kStopMs);
  if (!ended.ok() || ended.value() == 0)
    logs::warn("process ", state.pid, " of container '", state.id, "' still lives ", kStopMs / 1000,
               " s after SIGKILL, ignoring");
}

Result<> start_process(const StateDir& dir, stages::Watch& watch, const oci::State& state, Fd process) {
  stages::Channel channel(TRY(sys::connect_seqpacket(dir.fd(), creation::kStartSocket)));
  const stages::ListenerTaker agent = seccomp_agent::sender(dir, state, oci::Status::created, state.pid);
  const cgroups::OomCount memory = cgroups::OomCount::begin(state.cgroup_paths, false);
  Result<> started =
      memory.explain(stages::start(watch, {channel, state.pid, process, agent, has_start_hooks(state)}));
  // Where its parent has waited for it nobody knows any more whether it was before its program.
  if (started.ok() && stages::has_ended(process))
    supervision::warn_of_memory(str::cat("container '", state.id, "'"), memory);
  if (started.ok()) return started;
  channel.close();  // with the hook that it may be running
  stop(state, process);
  return started;
}

}  // namespace

bool has_start_hooks(const oci::State& state) { return state.hooks && !state.hooks->start_container.empty(); }

Result<> run_poststart(stages::Watch& watch, const oci::State& state, Fd process) {
  if (!state.hooks || state.hooks->poststart.empty()) return {};
  Result<> ran = hooks::run("poststart", state.hooks->poststart,
                            oci::public_state(state, oci::Status::running, false), {watch.signals()});
  if (ran.ok()) return ran;
  stop(state, process);
  TRY(watch.interrupted(ran.error().message));
  return ran;
}

Result<> start(const Runtime& rt, const std::string& id) {
  StateDir dir = TRY(StateDir::open(rt.root, id));
  TRY(dir.lock());
  const oci::State state = TRY(dir.load());
  if (const oci::Status now = status::of(state); now != oci::Status::created) return not_created(state, now);
  if (state.no_process)
    return Error(Kind::invalid,
                 str::cat("container '", id, "' cannot be started: its config.json has no process"));
  const UniqueFd process = TRY(status::open_process(state));
  if (!process.valid()) return not_created(state, oci::Status::stopped);
  stages::Watch watch = TRY(stages::Watch::begin());
  TRY(start_process(dir, watch, state, process).within("starting '", id, "'"));
  (void)sys::unlinkat(dir.fd(), creation::kStartSocket, 0);  // nobody listens any more
  return run_poststart(watch, state, process).within("starting '", id, "'");
}

}  // namespace start
