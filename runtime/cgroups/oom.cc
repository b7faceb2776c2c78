#include "runtime/cgroups/oom.h"

#include <fcntl.h>

#include <optional>

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

// ---- afterwards ----

namespace {

std::optional<uint64_t> amount(const std::string& directory, std::string_view file) {
  const Result<std::string> text = read_file(directory, file);
  return text.ok() ? parse_amount(str::trim(text.value())) : std::nullopt;
}

uint64_t counted(const std::string& directory, std::string_view file, std::string_view key) {
  const Result<std::string> text = read_file(directory, file);
  return text.ok() ? parse_amount(value_of(text.value(), key)).value_or(0) : 0;
}

// v1 counts failures as well (memory.failcnt), but not on every kernel those of memory and swap together.
bool met_its_limit(const std::string& directory, bool v2) {
  constexpr uint64_t kCharge = 256 << 10;  // what the kernel takes at once, and may not find
  if (v2) return counted(directory, "memory.events.local", "oom") > 0;
  const auto limit = amount(directory, "memory.limit_in_bytes");
  return limit && amount(directory, "memory.max_usage_in_bytes").value_or(0) + kCharge >= *limit;
}

// The nearest that had no more to give.  Empty: none; it was the host that had not.
std::string limiting_cgroup(std::string directory, bool v2) {
  while (!directory.empty() && !met_its_limit(directory, v2)) directory.resize(directory.rfind('/'));
  return directory;
}

}  // namespace

uint64_t OomCount::killed() const {
  return counted(directory_, v2_ ? "memory.events" : "memory.oom_control", "oom_kill");
}

OomCount OomCount::begin(const Paths& paths, bool watched, std::string_view limit) {
  OomCount count;
  count.limit_ = limit;
  const auto v1 = paths.find("memory"), unified = paths.find("");
  if (v1 == paths.end() && unified == paths.end()) return count;
  count.v2_ = v1 == paths.end();
  count.directory_ = count.v2_ ? unified->second : v1->second;
  count.before_ = count.killed();
  if (!watched || !count.v2_) return count;
  Result<UniqueFd> events = sys::open(str::cat(count.directory_, "/memory.events").c_str(), O_RDONLY);
  if (events.ok()) count.events_ = std::move(events).take();
  count.note();
  return count;
}

// Reading is what makes poll wait for the next change.  Of a cgroup that has gone there is none, and poll would return at once.
void OomCount::note() {
  char text[4096];
  if (events_.valid() && !sys::pread(events_, text, sizeof text, 0).ok()) events_.reset();
  if (std::string now = tell(); killed() > before_) noted_ = std::move(now);
}

std::string OomCount::told() const {
  std::string now = tell();
  return noted_.empty() || killed() > before_ ? now : noted_;
}

std::string OomCount::tell() const {
  if (directory_.empty() || killed() <= before_) return {};
  const std::string cgroup = limiting_cgroup(directory_, v2_);
  if (!killed()) return "it ran out of memory";  // systemd has taken it away meanwhile
  if (cgroup.empty()) return "it ran out of memory: the host had none left";
  const auto limit = amount(cgroup, v2_ ? "memory.max" : "memory.limit_in_bytes");
  const auto most = amount(cgroup, v2_ ? "memory.peak" : "memory.max_usage_in_bytes");
  return str::cat("it ran out of memory: the cgroup '", cgroup, "' is limited to ", limit.value_or(0),
                  " bytes and needs more", most ? str::cat(" than the ", *most, " it had") : "", "; raise ",
                  cgroup == directory_ ? limit_ : "its limit");
}

Error OomCount::explain(Error error) const {
  if (error.kind != Kind::protocol) return error;
  if (const std::string why = told(); !why.empty()) error.message += str::cat(": ", why);
  return error;
}

}  // namespace cgroups
