#include "runtime/cgroups/limits.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "runtime/plan/cgroup_writes.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

// ---- one value ----

// Why the kernel would not have it, as far as the errno alone does not say.
std::string reason(const plan::CgroupWrite& w, const std::string& directory, int err) {
  if (err != EBUSY || !w.file.starts_with("memory.")) return {};
  const Result<std::string> usage = read_file(directory, "memory.usage_in_bytes");
  return usage.ok() ? str::cat(" (it uses ", str::trim(usage.value()), " bytes now)") : std::string();
}

// The file written last, still open: a container has a dozen lines for one of them, devices.allow.
struct LastFile {
  std::string name;
  UniqueFd fd;
};

Result<> write_file(const std::string& directory, const std::string& file, std::string_view value,
                    LastFile& last) {
  if (!last.fd.valid() || last.name != file) {
    last.fd.reset();
    last.fd = TRY(open_file(directory, file));
    last.name = file;
  }
  return sys::write_all(last.fd, value);
}

Result<> write_one(const plan::CgroupWrite& w, const std::string& directory, LastFile& last) {
  Result<> written = write_file(directory, w.file, w.value, last);
  if (!written.ok() && written.error().errnum == ENOENT && !w.other_file.empty())
    written = write_file(directory, w.other_file, w.other_value, last);
  if (written.ok()) return {};
  const int err = written.error().errnum;
  // An old limit of kernel memory is EOPNOTSUPP today; a file that is not there was never one.
  if (w.optional && (err == ENOENT || err == EOPNOTSUPP || err == 524 /* ENOTSUPP, the kernel's own */))
    return {};
  if (err == ENOENT)
    return Error(Kind::unsupported,
                 str::cat(w.property, ": this kernel has no '", w.file, "' in '", directory, "'"));
  return Error::os(str::cat(w.property, ": writing '", str::printable(w.value), "' to '", directory, "/",
                            w.file, "'", reason(w, directory, err)),
                   err);
}

// All of them, in rounds: see limits.h.
Result<> write_all(const std::vector<const plan::CgroupWrite*>& writes, const std::string& directory) {
  std::vector<const plan::CgroupWrite*> left = writes;
  LastFile last;
  while (!left.empty()) {
    std::vector<const plan::CgroupWrite*> refused;
    std::optional<Error> first;
    for (const plan::CgroupWrite* w : left) {
      Result<> written = write_one(*w, directory, last);
      if (written.ok()) continue;
      if (written.error().errnum != EINVAL) return written;
      refused.push_back(w);
      if (!first) first = written.take_error();
    }
    if (refused.size() == left.size()) return std::move(*first);
    left = std::move(refused);
  }
  return {};
}

// ---- and back ----

// What to write, line by line, to have the values back that stand in `text` now.
std::vector<std::string> old_values(const plan::CgroupWrite& w, std::string_view text) {
  if (!w.unset.empty()) {  // a line for each device or interface
    const std::string key = w.value.substr(0, w.value.find(' '));
    const std::string_view old = value_of(text, key);
    return {old.empty() ? w.unset : str::cat(key, " ", str::trim(old))};
  }
  // Reads as a list, of which the first value is the one that is written.
  if (w.file == "memory.oom_control") return {std::string(value_of(text, "oom_kill_disable"))};
  std::vector<std::string> lines;
  for (const std::string_view line : str::split(str::trim(text), '\n')) lines.emplace_back(str::trim(line));
  return lines;
}

// What it then reads as a weight cannot be written.
bool has_no_weight(const std::string& directory) {
  const Result<std::string> idle = read_file(directory, plan::kCpuIdle);
  return idle.ok() && str::trim(idle.value()) == "1";
}

// What can be read can be put back; what cannot (cgroup.kill) has no old value.
void remember(const plan::CgroupWrite& w, const std::string& directory, plan::CgroupDirectory& old) {
  if (plan::is_cpu_weight(w.file) && has_no_weight(directory)) return;
  for (const std::string& file : {w.file, w.other_file}) {
    if (file.empty()) continue;
    const Result<std::string> text = read_file(directory, file);
    if (!text.ok()) continue;
    for (std::string& value : old_values(w, text.value()))
      old.writes.push_back(
          {.file = file, .value = std::move(value), .property = w.property, .optional = true});
    return;
  }
}

}  // namespace

Result<> write_limits(const plan::CgroupDirectory& plan, const std::string& directory) {
  std::vector<const plan::CgroupWrite*> writes;
  for (const plan::CgroupWrite& w : plan.writes) writes.push_back(&w);
  return write_all(writes, directory);
}

Result<> check_memory(const plan::MemoryCheck& check) {
  const auto in_use = [&](std::string_view file) {
    const Result<std::string> text = read_file(check.directory, file);
    return text.ok() ? str::number<int64_t>(str::trim(text.value())).value_or(0) : 0;
  };
  const int64_t memory = in_use("memory.current"), swap = in_use("memory.swap.current");
  // The words in the middle are runc's, which callers know.
  if (check.memory_and_swap > 0 && check.memory_and_swap < memory + swap)
    return Error(Kind::conflict, str::cat(check.swap_property, ": rejecting memory+swap limit ",
                                          check.memory_and_swap, ": ", memory + swap, " bytes are in use"));
  if (check.limit > 0 && check.limit < memory)
    return Error(Kind::conflict, str::cat(check.limit_property, ": rejecting memory limit ", check.limit,
                                          ": ", memory, " bytes are in use"));
  return {};
}

// Those that systemd writes whenever it is told of another one of the same controller (src/core/cgroup.c), v1's behind
// v2's.  Before Linux 6.10 a write to cpu.max changes cpu.max.burst.
constexpr std::string_view kSystemdsToo[] = {
    "cpu.idle",         "cpu.weight",
    "cpu.max",          "cpu.max.burst",
    "cpuset.cpus",      "cpuset.mems",
    "io.weight",        "io.bfq.weight",
    "io.max",           "memory.min",
    "memory.low",       "memory.high",
    "memory.max",       "memory.swap.max",
    "memory.zswap.max", "pids.max",
    "cpu.shares",       "cpu.cfs_period_us",
    "cpu.cfs_quota_us", "blkio.weight",
    "blkio.bfq.weight", "memory.limit_in_bytes",
};

std::vector<plan::CgroupDirectory> shared_with_systemd(
    const std::vector<plan::CgroupDirectory>& directories) {
  std::vector<plan::CgroupDirectory> all;
  for (const plan::CgroupDirectory& directory : directories) {
    const std::string path = directory.mount_point + directory.path;
    plan::CgroupDirectory now{
        .mount_point = {}, .path = path, .controllers = {}, .v2 = directory.v2, .writes = {}};
    for (const std::string_view file : kSystemdsToo)
      remember({.file = std::string(file), .value = {}, .property = str::cat("'", file, "'")}, path, now);
    all.push_back(std::move(now));
  }
  return all;
}

Result<> write_where_changed(const std::vector<plan::CgroupDirectory>& before) {
  for (plan::CgroupDirectory directory : before) {
    std::erase_if(directory.writes, [&](const plan::CgroupWrite& w) {
      const Result<std::string> now = read_file(directory.path, w.file);
      if (!now.ok()) return true;
      const std::vector<std::string> lines = old_values(w, now.value());
      return std::ranges::find(lines, w.value) != lines.end();
    });
    TRY(write_limits(directory, directory.path));
  }
  return {};
}

Result<Undo> apply(const plan::Cgroup& plan) {
  const auto old = std::make_shared<std::vector<plan::CgroupDirectory>>();
  Undo restore([old] {
    for (auto directory = old->rbegin(); directory != old->rend(); ++directory) {
      const Result<> restored = write_limits(*directory, directory->path);
      if (!restored.ok()) logs::warn("putting back the old limits: ", restored.error().message, ", ignoring");
    }
  });
  for (const plan::CgroupDirectory& part : plan.directories) {
    const std::string directory = part.mount_point + part.path;
    plan::CgroupDirectory before{
        .mount_point = {}, .path = directory, .controllers = {}, .v2 = part.v2, .writes = {}};
    for (const plan::CgroupWrite& w : part.writes) remember(w, directory, before);
    old->push_back(std::move(before));
    TRY(write_limits(part, directory));
  }
  return restore;
}

}  // namespace cgroups
