#include "runtime/life/events.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/oom.h"
#include "runtime/life/interfaces.h"
#include "runtime/life/status.h"
#include "runtime/stages/watch.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace events {

namespace {

// A process gives up its namespaces a moment before it has ended, and can be seen in between.
bool has_no_namespaces(const Error& error) {
  return error.kind == Kind::not_found || error.errnum == ENOENT || error.errnum == EINVAL ||
         error.errnum == ESRCH;
}

// nullopt: its process has ended meanwhile, or is about to, so that some of it may be another's, or nobody's.
Result<std::optional<oci::Event>> measure(const oci::State& state, Fd process) {
  oci::Event event{.type = "stats", .id = state.id, .data = cgroups::stats(state.cgroup_paths)};
  Result<std::vector<oci::InterfaceStats>> interfaces = interfaces::of_process(state.pid);
  if (stages::has_ended(process) || (!interfaces.ok() && has_no_namespaces(interfaces.error())))
    return std::optional<oci::Event>();
  event.data->network_interfaces = TRY(std::move(interfaces).within("its network interfaces"));
  return std::optional(std::move(event));
}

Result<UniqueFd> open_process(const Container& container) {
  const oci::State& state = container.state();
  if (container.status() == oci::Status::creating)
    return Error(Kind::conflict, str::cat("container '", state.id, "' is still being created"));
  UniqueFd process = TRY(status::open_process(state));
  if (!process.valid())
    return Error(Kind::conflict, str::cat("container not running: '", state.id, "' has stopped"));
  if (state.cgroup_paths.empty())
    return Error(Kind::unsupported, "it has no cgroups of its own, which would know what it uses");
  return process;
}

Result<> print(const oci::Event& event, cli::Out& out) {
  out.line(oci::encode(event));
  return out.flush();
}

// Where there is none, statistics are still worth having.
Result<std::optional<cgroups::OomWatch>> watch_memory(const oci::State& state) {
  Result<cgroups::OomWatch> watch = cgroups::OomWatch::begin(state.cgroup_paths);
  if (watch.ok()) return std::optional(std::move(watch).take());
  if (watch.error().kind != Kind::unsupported) return watch.take_error();
  logs::warn("container '", state.id, "': ", watch.error().message,
             ", so that nothing tells when it runs out of memory; ignoring");
  return std::optional<cgroups::OomWatch>();
}

}  // namespace

Result<oci::Event> stats(const Container& container) {
  const UniqueFd process = TRY(open_process(container));
  std::optional<oci::Event> event = TRY(measure(container.state(), process));
  if (event) return std::move(*event);
  return Error(Kind::conflict,
               str::cat("container not running: '", container.state().id, "' has stopped meanwhile"));
}

Result<> watch(const Container& container, int64_t interval_ms, cli::Out& out) {
  const oci::State& state = container.state();
  const UniqueFd process = TRY(open_process(container));
  std::optional<cgroups::OomWatch> memory = TRY(watch_memory(state));
  // From the start of one to the start of the next, however long they take.
  for (int64_t next = clocks::monotonic_ms();;) {
    if (clocks::monotonic_ms() >= next) {
      if (const auto event = TRY(measure(state, process))) TRY(print(*event, out));
      next = std::max(next + interval_ms, clocks::monotonic_ms());
    }
    pollfd wait[] = {{process.raw(), POLLIN, 0}, {-1, 0, 0}};
    if (memory) wait[1] = memory->wait_for();
    const int64_t left = std::clamp<int64_t>(next - clocks::monotonic_ms(), 0, INT32_MAX);
    (void)TRY(sys::poll(wait, static_cast<int>(left)));
    // Asked also when the process has ended: that may be what ended it.
    if (memory && memory->happened()) TRY(print({.type = "oom", .id = state.id, .data = {}}, out));
    if (wait[0].revents) return {};
  }
}

}  // namespace events
