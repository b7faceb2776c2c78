// Cgroups that go, with those the container made beneath them.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "spec/base/clock.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

// Cgroups that the container made beneath its own, depth first.
Result<> remove_children(const std::string& directory) {
  Result<UniqueFd> opened = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) return {};
  const UniqueFd fd = std::move(opened).take();
  for (const sys::Entry& entry : TRY(sys::list(fd))) {
    if (entry.type != DT_DIR) continue;
    const std::string child = str::cat(directory, "/", entry.name);
    TRY(remove_children(child));
    (void)sys::unlinkat(Fd::cwd(), child.c_str(),
                        AT_REMOVEDIR);  // if it is busy, so is its parent: reported there
  }
  return {};
}

// Sleeps until the cgroup may have become empty: v2 tells (cgroup.events), v1 has to be asked again.
void wait_for_change(const std::string& directory, int64_t nap_us) {
  const Result<std::string> events = read_file(directory, "cgroup.events");
  const bool populated = events.ok() && value_of(events.value(), "populated") == "1";
  if (!populated || !wait_for_event(directory, 100)) nap(nap_us);
}

Result<> destroy_one(const std::string& directory, int64_t wait_ms) {
  const int64_t deadline = clocks::monotonic_ms() + wait_ms;
  for (int64_t nap_us = 100;; nap_us = std::min<int64_t>(nap_us * 2, 20000)) {
    Result<> removed = sys::unlinkat(Fd::cwd(), directory.c_str(), AT_REMOVEDIR);
    if (removed.ok() || removed.error().errnum == ENOENT) return {};
    if (removed.error().errnum != EBUSY) return removed;
    TRY(remove_children(directory));
    if (clocks::monotonic_ms() >= deadline)
      return Error(Kind::conflict, EBUSY,
                   str::cat("the cgroup '", directory, "' still holds processes after ", wait_ms, " ms"));
    wait_for_change(directory, nap_us);
  }
}

}  // namespace

Result<> destroy(const std::vector<std::string>& created, int64_t wait_ms) {
  Result<> result;
  for (auto directory = created.rbegin(); directory != created.rend(); ++directory) {
    // A shared default parent is left to the last container in it.
    const bool shared_parent = std::any_of(created.begin(), created.end(), [&](const std::string& other) {
      return other.size() > directory->size() && other.starts_with(*directory + "/");
    });
    if (shared_parent) {
      (void)sys::unlinkat(Fd::cwd(), directory->c_str(), AT_REMOVEDIR);
      continue;
    }
    Result<> removed = destroy_one(*directory, wait_ms);
    if (!removed.ok() && result.ok()) result = std::move(removed);
  }
  return result;
}

}  // namespace cgroups
