#include "runtime/cgroups/oom.h"

#include <fcntl.h>

#include "runtime/cgroups/control.h"
#include "runtime/cgroups/stats_text.h"
#include "spec/base/sys.h"

namespace cgroups {

// From the descriptor that is polled: reading it is what makes it wait for the next change.
uint64_t OomWatch::killed() const {
  char text[4096];
  const Result<size_t> size = sys::pread(signal_, text, sizeof text, 0);
  if (!size.ok()) return killed_;  // the cgroup is gone
  return parse_amount(value_of(std::string_view(text, size.value()), "oom_kill")).value_or(0);
}

Result<OomWatch> OomWatch::begin(const Paths& paths) {
  if (const auto v1 = paths.find("memory"); v1 != paths.end()) {
    OomWatch watch(v1->second, false);
    watch.control_ = TRY(sys::open(str::cat(v1->second, "/memory.oom_control").c_str(), O_RDONLY));
    watch.signal_ = TRY(sys::eventfd());
    TRY(write_file(v1->second, "cgroup.event_control",
                   str::cat(watch.signal_.raw(), " ", watch.control_.raw())));
    return watch;
  }
  const auto unified = paths.find("");
  Result<UniqueFd> events = unified == paths.end()
                                ? Result<UniqueFd>(Error(Kind::not_found, "there is no unified hierarchy"))
                                : sys::open(str::cat(unified->second, "/memory.events").c_str(), O_RDONLY);
  if (!events.ok()) return Error(Kind::unsupported, "it is in no memory cgroup");
  OomWatch watch(unified->second, true);
  watch.signal_ = std::move(events).take();
  watch.killed_ = watch.killed();
  return watch;
}

pollfd OomWatch::wait_for() const { return {signal_.raw(), static_cast<short>(v2_ ? POLLPRI : POLLIN), 0}; }

bool OomWatch::happened() {
  if (v2_) {
    const uint64_t before = std::exchange(killed_, killed());
    return killed_ > before;
  }
  uint64_t signals = 0;
  const Result<size_t> got = sys::read(signal_, &signals, sizeof signals);
  return got.ok() && signals > 0 && read_file(directory_, "memory.oom_control").ok();
}

}  // namespace cgroups
