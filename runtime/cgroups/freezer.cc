// Stopping all processes of a container, and letting them go on: the v1 freezer, and cgroup.freeze of v2 (5.2).
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace cgroups {

namespace {

struct Freezer {
  std::string directory;
  bool v2 = false;
};

// v1 where a container has it, since that is where others look.
Result<Freezer> freezer_of(const Paths& paths) {
  if (const auto v1 = paths.find("freezer"); v1 != paths.end()) return Freezer{v1->second, false};
  if (const auto v2 = paths.find(""); v2 != paths.end()) return Freezer{v2->second, true};
  if (paths.empty())
    return Error(Kind::unsupported,
                 "the container has no cgroups of its own, and nothing else can stop all its processes");
  return Error(Kind::unsupported,
               "this host has no freezer: mount the freezer controller of cgroup v1, or cgroup v2");
}

Error too_slow(const std::string& directory, int64_t wait_ms) {
  return Error(Kind::conflict,
               str::cat("the cgroup '", directory, "' was not frozen within ", wait_ms,
                        " ms: some process in it cannot be stopped now (state D in ps, as a rule)"));
}

// Processes that are born or enter meanwhile can leave it in FREEZING for good: then only asking again helps, and now
// and then a thaw (the kernel's freezer-subsystem.rst of old said so, and it is still true).
Result<> freeze_v1(const std::string& directory, int64_t wait_ms) {
  const int64_t deadline = clocks::monotonic_ms() + wait_ms;
  Undo thaw([&] { (void)write_file(directory, "freezer.state", "THAWED"); });
  for (int round = 1;; ++round) {
    TRY(write_file(directory, "freezer.state", "FROZEN"));
    const std::string state = TRY(read_file(directory, "freezer.state"));
    if (str::trim(state) == "FROZEN") break;
    if (clocks::monotonic_ms() >= deadline) return too_slow(directory, wait_ms);
    if (round % 50 == 0) {
      TRY(write_file(directory, "freezer.state", "THAWED"));
      nap(10000);
    } else if (round % 5 == 0) {
      nap(std::min(round * 20, 5000));
    }
  }
  thaw.keep();
  return {};
}

Result<bool> is_frozen_v2(const std::string& directory) {
  return value_of(TRY(read_file(directory, "cgroup.events")), "frozen") == "1";
}

// Until the cgroup says so itself; false: the time is over.
Result<bool> wait_v2(const std::string& directory, bool frozen, int64_t wait_ms) {
  const int64_t deadline = clocks::monotonic_ms() + wait_ms;
  while (TRY(is_frozen_v2(directory)) != frozen) {
    if (clocks::monotonic_ms() >= deadline) return false;
    (void)wait_for_event(directory, 20);  // a change between the two looks would be missed: not for long
  }
  return true;
}

Result<> freeze_v2(const std::string& directory, int64_t wait_ms) {
  Undo thaw([&] { (void)write_file(directory, "cgroup.freeze", "0"); });
  TRY(write_file(directory, "cgroup.freeze", "1"));
  if (!TRY(wait_v2(directory, true, wait_ms))) return too_slow(directory, wait_ms);
  thaw.keep();
  return {};
}

void thaw_below(const std::string& directory, int depth) {
  constexpr int kDeepest = 64;
  Result<UniqueFd> opened = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok() || depth > kDeepest) return;
  const UniqueFd fd = std::move(opened).take();
  const auto entries = sys::list(fd);
  if (!entries.ok()) return;
  const Result<> thawed = write_file(directory, "freezer.state", "THAWED");
  if (!thawed.ok()) logs::debug("thawing '", directory, "': ", thawed.error().message);
  for (const sys::Entry& entry : entries.value())
    if (entry.type == DT_DIR) thaw_below(str::cat(directory, "/", entry.name), depth + 1);
}

}  // namespace

Result<> freeze(const Paths& paths, int64_t wait_ms) {
  const Freezer freezer = TRY(freezer_of(paths));
  return freezer.v2 ? freeze_v2(freezer.directory, wait_ms) : freeze_v1(freezer.directory, wait_ms);
}

Result<> thaw(const Paths& paths) {
  constexpr int64_t kWaitMs = 2000;
  const Freezer freezer = TRY(freezer_of(paths));
  TRY(write_file(freezer.directory, freezer.v2 ? "cgroup.freeze" : "freezer.state",
                 freezer.v2 ? "0" : "THAWED"));
  const bool thawed = freezer.v2 ? TRY(wait_v2(freezer.directory, false, kWaitMs))
                                 : str::trim(TRY(read_file(freezer.directory, "freezer.state"))) == "THAWED";
  if (thawed) return {};
  return Error(Kind::conflict, str::cat("the cgroup '", freezer.directory,
                                        "' is still frozen, by one above it: thaw that first"));
}

void thaw_for_kill(const Paths& paths) {
  if (const auto v1 = paths.find("freezer"); v1 != paths.end()) thaw_below(v1->second, 0);
}

bool is_frozen(const std::string& directory, bool v2) {
  const Result<std::string> text = read_file(directory, v2 ? "cgroup.events" : "freezer.state");
  if (!text.ok()) return false;
  return v2 ? value_of(text.value(), "frozen") == "1" : text.value().starts_with("FR");  // also FREEZING
}

bool is_frozen(const Paths& paths) {
  for (const auto& [controller, directory] : paths)
    if ((controller.empty() || controller == "freezer") && is_frozen(directory, controller.empty()))
      return true;
  return false;
}

}  // namespace cgroups
