#include "runtime/life/container.h"

#include <poll.h>

#include <cerrno>
#include <csignal>

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/hooks.h"
#include "runtime/concerns/host_root.h"
#include "runtime/concerns/resctrl.h"
#include "runtime/life/status.h"
#include "runtime/stages/watch.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

static Error not_running(std::string_view id) {
  return Error(Kind::conflict,
               str::cat("container not running: '", id, "' has stopped"));  // engines look for the start
}

Result<Container> Container::load(const Runtime& runtime, std::string_view id) {
  StateDir dir = TRY(StateDir::open(runtime.root, id));
  oci::State state = TRY(dir.load());
  return Container(std::move(dir), std::move(state));
}

oci::Status Container::status() const { return status::of(state_); }

// ---- kill ----

// False: it has ended.
static Result<bool> signal_first(const oci::State& state, int signal) {
  const UniqueFd process = TRY(status::open_process(state));
  if (!process.valid()) return false;
  auto sent = sys::pidfd_send_signal(process, signal);
  if (!sent.ok() && sent.error().errnum == ESRCH) return false;
  TRY(std::move(sent));
  if (signal == SIGKILL) cgroups::thaw_for_kill(state.cgroup_paths);
  return true;
}

// False: they have all ended.
static Result<bool> signal_all(const oci::State& state, int signal) {
  const bool first = TRY(signal_first(state, signal));
  if (!first && TRY(cgroups::pids(state.cgroup_paths)).empty()) return false;
  TRY(cgroups::kill_all(state.cgroup_paths, signal));
  return true;
}

Result<> Container::kill(int signal, bool all) const {
  // Where the end of the first process is not the end of all of them, SIGKILL still means the container.
  const bool everybody = all || (signal == SIGKILL && state_.shared_pids && !state_.created_cgroups.empty());
  const bool sent =
      TRY(everybody ? signal_all(state_, signal).within("signalling all of container '", state_.id, "'")
                    : signal_first(state_, signal).within("signalling container '", state_.id, "'"));
  // To end all of those that are left is no failure when none is.
  return sent || all ? Result<>() : not_running(state_.id);
}

// ---- pids, pause, resume ----

Result<std::vector<pid_t>> Container::pids() const {
  if (state_.cgroup_paths.empty() && status() != oci::Status::stopped)
    return Error(Kind::unsupported, "it has no cgroups of its own, which would know its processes");
  return cgroups::pids(state_.cgroup_paths);
}

Result<> Container::pause() const {
  switch (status()) {
    case oci::Status::created:
    case oci::Status::running:
      return cgroups::freeze(state_.cgroup_paths);
    case oci::Status::paused:
      return Error(Kind::conflict, str::cat("container '", state_.id, "' is paused already"));
    case oci::Status::creating:
      return Error(Kind::conflict, str::cat("container '", state_.id, "' is still being created"));
    default:
      return not_running(state_.id);
  }
}

Result<> Container::resume() const {
  const oci::Status now = status();
  if (now == oci::Status::stopped) return not_running(state_.id);
  if (now != oci::Status::paused)
    return Error(Kind::conflict, str::cat("container '", state_.id, "' is not paused, but ", oci::text(now)));
  return cgroups::thaw(state_.cgroup_paths);
}

// ---- remove ----

// SIGKILL, and the wait for its end.
static Result<> end_process(const oci::State& state) {
  constexpr int kWaitMs = 10000;
  const UniqueFd process = TRY(status::open_process(state));
  if (!process.valid()) return {};
  auto sent = sys::pidfd_send_signal(process, SIGKILL);
  if (!sent.ok() && sent.error().errnum != ESRCH) return sent;
  cgroups::thaw_for_kill(state.cgroup_paths);
  pollfd fd = {process.raw(), POLLIN, 0};
  if (TRY(sys::poll({&fd, 1}, kWaitMs)) > 0) return {};
  return Error(Kind::conflict,
               str::cat("its process ", state.pid, " still lives ", kWaitMs / 1000,
                        " s after SIGKILL; /proc/", state.pid, "/stack shows what it waits for"));
}

// A signal ends the hook that runs, as a timeout of its own would, and the removal goes on.
static Result<> run_poststop(const oci::State& state) {
  if (!state.hooks || state.hooks->poststop.empty()) return {};
  stages::Watch watch = TRY(stages::Watch::begin());
  hooks::run_all("poststop", state.hooks->poststop, oci::public_state(state, oci::Status::stopped, false),
                 {watch.signals()});
  return {};
}

// What outlives the first process: cgroups, with the processes of a container without a pid namespace of its own.
static Result<> clear(const Runtime& runtime, const oci::State& state) {
  if (state.unit) {
    TRY(cgroups::kill_all(state.cgroup_paths, SIGKILL));
    TRY(cgroups::stop_unit(*state.unit, {runtime.environment.all}));
  }
  // Mostly nobody is left in them, and then they can go as they are.
  if (!cgroups::destroy(state.created_cgroups, 0).ok()) {
    TRY(cgroups::kill_all(state.cgroup_paths, SIGKILL));
    TRY(cgroups::destroy(state.created_cgroups));
  }
  TRY(resctrl::destroy(state.created_rdt).within("linux.intelRdt"));
  if (state.host_root) TRY(host_root::detach(state.rootfs, state.host_root));
  return run_poststop(state);
}

static Result<> refuse_unless_stopped(const oci::State& state) {
  const oci::Status now = status::of(state);
  if (now == oci::Status::stopped || now == oci::Status::created || now == oci::Status::creating) return {};
  return Error(Kind::conflict, str::cat("container '", state.id, "' is ", oci::text(now),
                                        "; stop it with `runtime kill ", state.id, "`, or use --force"));
}

// The holder of the lock may be waiting for the very process that is to go.
static Result<> end_awaited(const StateDir& dir) {
  const auto loaded = dir.load();
  if (!loaded.ok()) return {};  // said when the lock is ours
  const oci::State& state = loaded.value();
  if (state.status == oci::Status::creating && !state.created_cgroups.empty())
    return cgroups::kill_all(state.cgroup_paths, SIGKILL);
  return end_process(state);
}

Result<> Container::remove(const Runtime& runtime, std::string_view id, bool force) {
  StateDir dir = TRY(StateDir::open(runtime.root, id));
  auto locked = dir.lock(0);
  if (!locked.ok() && locked.error().kind == Kind::conflict) {
    if (force) TRY(end_awaited(dir).within("container '", id, "'"));
    locked = dir.lock();
  }
  TRY(std::move(locked));
  auto loaded = dir.load();
  if (!loaded.ok()) {
    // Nobody is creating it, or there would be no lock to have: its creation was interrupted.
    const bool half_made = loaded.error().kind == Kind::not_found;
    if (!half_made && !force) return loaded.take_error();
    if (!half_made)
      logs::warn(loaded.error().message,
                 "; forgetting it; its processes may go on, and its cgroups are left: end them there");
    return dir.forget();
  }
  const oci::State state = std::move(loaded).take();
  if (!force) TRY(refuse_unless_stopped(state));
  TRY(end_process(state).within("container '", id, "'"));
  TRY(clear(runtime, state).within("container '", id, "'"));
  return dir.forget();
}

Result<> Container::remove_ended(const Runtime& runtime, StateDir& dir, const oci::State& state) {
  TRY(dir.lock());
  TRY(clear(runtime, state).within("container '", state.id, "'"));
  return dir.forget();
}
