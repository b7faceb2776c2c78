// What the control files say of a container: its use of each resource, as events.h has it.
//
// A file that is not there is a number that stays 0: which files there are depends on the kernel, its configuration and
// the version of the hierarchy.  Each part is read where its controller is, v1 before v2, as limits are written.
#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <limits>
#include <optional>
#include <string>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "runtime/cgroups/stats_text.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace cgroups {

namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// One cgroup's directory, of which any file may be missing.
class Files {
 public:
  Files(const std::string& directory, bool v2) : directory_(directory), v2_(v2) {}

  [[nodiscard]] bool v2() const { return v2_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::optional<std::string> text(std::string_view file) const {
    Result<std::string> found = read_file(directory_, file);
    if (found.ok()) return std::move(found).take();
    // Pressure that is switched off, and old limits of kernel memory, are files that cannot be read.
    if (!is_gone(found.error()) && found.error().errnum != EOPNOTSUPP)
      logs::debug("reading '", directory_, "/", file, "': ", found.error().message, ", ignoring");
    return std::nullopt;
  }
  [[nodiscard]] uint64_t number(std::string_view file) const {
    return parse_amount(text(file).value_or("")).value_or(0);
  }
  // Of a list of keys and values.
  [[nodiscard]] uint64_t number(std::string_view file, std::string_view key) const {
    const std::string list = text(file).value_or("");
    return parse_amount(value_of(list, key)).value_or(0);
  }
  [[nodiscard]] std::optional<oci::Pressure> pressure(std::string_view file) const {
    return parse_pressure(text(file).value_or(""));
  }

 private:
  const std::string& directory_;
  bool v2_;
};

// Where a controller is: v1 if it has a hierarchy there, else in the unified one, if `v2_file` says that it is there.
std::optional<Files> find(const Paths& paths, const std::string& controller, std::string_view v2_file) {
  if (const auto v1 = paths.find(controller); v1 != paths.end()) return Files(v1->second, false);
  const auto unified = paths.find("");
  if (unified == paths.end() || !read_file(unified->second, v2_file).ok()) return std::nullopt;
  return Files(unified->second, true);
}

// Pressure is measured by v2, with or without the controller.
std::optional<oci::Pressure> pressure(const Paths& paths, std::string_view file) {
  const auto unified = paths.find("");
  return unified == paths.end() ? std::nullopt : Files(unified->second, true).pressure(file);
}

oci::CpuUsage cpu_usage(const Files& files) {
  constexpr uint64_t kNsInUs = 1000, kNsInTick = 10'000'000;  // USER_HZ is 100 everywhere Linux runs
  if (files.v2()) {
    const auto all = parse_flat(files.text("cpu.stat").value_or(""));
    const auto us = [&](const char* key) {
      const auto found = all.find(key);
      return found == all.end() ? 0 : found->second * kNsInUs;
    };
    return {.total = us("usage_usec"), .kernel = us("system_usec"), .user = us("user_usec")};
  }
  oci::CpuUsage usage{.total = files.number("cpuacct.usage"),
                      .kernel = files.number("cpuacct.stat", "system") * kNsInTick,
                      .user = files.number("cpuacct.stat", "user") * kNsInTick};
  usage.percpu = parse_numbers(files.text("cpuacct.usage_percpu").value_or(""));
  usage.percpu_kernel = parse_numbers(files.text("cpuacct.usage_percpu_sys").value_or(""));
  usage.percpu_user = parse_numbers(files.text("cpuacct.usage_percpu_user").value_or(""));
  return usage;
}

oci::Throttling throttling(const Files& files) {
  return {.periods = files.number("cpu.stat", "nr_periods"),
          .throttled_periods = files.number("cpu.stat", "nr_throttled"),
          .throttled_time = files.v2() ? files.number("cpu.stat", "throttled_usec") * 1000
                                       : files.number("cpu.stat", "throttled_time")};
}

std::optional<oci::CpuStats> cpu(const Paths& paths) {
  const auto usage = find(paths, "cpuacct", "cpu.stat"), limits = find(paths, "cpu", "cpu.stat");
  if (!usage && !limits) return std::nullopt;
  oci::CpuStats stats;
  if (usage) stats.usage = cpu_usage(*usage);
  if (limits) stats.throttling = throttling(*limits);
  stats.pressure = pressure(paths, "cpu.pressure");
  return stats;
}

std::optional<oci::CpusetStats> cpuset(const Paths& paths) {
  const auto files = find(paths, "cpuset", "cpuset.cpus.effective");
  if (!files) return std::nullopt;
  oci::CpusetStats stats;
  stats.cpus = parse_list(files->text(files->v2() ? "cpuset.cpus.effective" : "cpuset.cpus").value_or(""));
  stats.mems = parse_list(files->text(files->v2() ? "cpuset.mems.effective" : "cpuset.mems").value_or(""));
  if (files->v2()) return stats;
  stats.cpu_exclusive = files->number("cpuset.cpu_exclusive");
  stats.mem_hardwall = files->number("cpuset.mem_hardwall");
  stats.mem_exclusive = files->number("cpuset.mem_exclusive");
  stats.memory_migrate = files->number("cpuset.memory_migrate");
  stats.memory_spread_page = files->number("cpuset.memory_spread_page");
  stats.memory_spread_slab = files->number("cpuset.memory_spread_slab");
  stats.memory_pressure = files->number("cpuset.memory_pressure");
  stats.sched_load_balance = files->number("cpuset.sched_load_balance");
  const std::string level = files->text("cpuset.sched_relax_domain_level").value_or("");
  stats.sched_relax_domain_level = str::number<int64_t>(str::trim(level)).value_or(0);
  return stats;
}

// `name`: "memory", "memory.memsw", "memory.swap"…
oci::MemoryEntry memory_entry(const Files& files, const std::string& name) {
  if (files.v2())
    return {.limit = files.number(name + ".max"),
            .usage = files.number(name + ".current"),
            .max = files.number(name + ".peak"),
            .failcnt = files.number(name + ".events", "max")};
  return {.limit = files.number(name + ".limit_in_bytes"),
          .usage = files.number(name + ".usage_in_bytes"),
          .max = files.number(name + ".max_usage_in_bytes"),
          .failcnt = files.number(name + ".failcnt")};
}

// v2 counts swap alone: what both together had at most, nobody knows.
oci::MemoryEntry with_swap(const oci::MemoryEntry& memory, const oci::MemoryEntry& swap) {
  const bool unlimited = memory.limit == kUnlimited || swap.limit == kUnlimited;
  return {.limit = unlimited ? kUnlimited : memory.limit + swap.limit,
          .usage = memory.usage + swap.usage,
          .max = 0,
          .failcnt = swap.failcnt};
}

std::optional<oci::MemoryStats> memory(const Paths& paths) {
  const auto files = find(paths, "memory", "memory.current");
  if (!files) return std::nullopt;
  oci::MemoryStats stats;
  stats.raw = parse_flat(files->text("memory.stat").value_or(""));
  const auto raw = [&](const char* key) {
    const auto found = stats.raw.find(key);
    return found == stats.raw.end() ? 0 : found->second;
  };
  stats.usage = memory_entry(*files, "memory");
  stats.cache = raw(files->v2() ? "file" : "cache");
  if (files->v2()) {
    if (files->text("memory.swap.current"))
      stats.swap = with_swap(stats.usage, memory_entry(*files, "memory.swap"));
    stats.kernel.usage = raw("kernel");
    stats.kernel_tcp.usage = raw("sock");
  } else {
    stats.swap = memory_entry(*files, "memory.memsw");
    stats.kernel = memory_entry(*files, "memory.kmem");
    stats.kernel_tcp = memory_entry(*files, "memory.kmem.tcp");
  }
  stats.pressure = pressure(paths, "memory.pressure");
  return stats;
}

std::optional<oci::PidsStats> pids_stats(const Paths& paths) {
  const auto files = find(paths, "pids", "pids.current");
  if (!files) return std::nullopt;
  const uint64_t limit = files->number("pids.max");
  return oci::PidsStats{.current = files->number("pids.current"), .limit = limit == kUnlimited ? 0 : limit};
}

// The scheduler in use counts: bfq, before Linux 5.0 cfq, or none, of which only the throttle knows anything.
std::vector<oci::BlkioEntry> blkio_entries(const Files& files, const std::string& name) {
  for (const char* prefix : {"blkio.bfq.", "blkio.", "blkio.throttle."}) {
    const auto text = files.text(str::cat(prefix, name, "_recursive"));
    std::vector<oci::BlkioEntry> found = parse_blkio(text.value_or(""));
    if (!found.empty()) return found;
  }
  return {};
}

std::optional<oci::BlkioStats> blkio(const Paths& paths) {
  const auto files = find(paths, "blkio", "io.stat");
  if (!files) return std::nullopt;
  oci::BlkioStats stats;
  if (files->v2()) {
    add_io_stat(files->text("io.stat").value_or(""), stats);
  } else {
    stats.service_bytes = blkio_entries(*files, "io_service_bytes");
    stats.serviced = blkio_entries(*files, "io_serviced");
    stats.queued = blkio_entries(*files, "io_queued");
    stats.service_time = blkio_entries(*files, "io_service_time");
    stats.wait_time = blkio_entries(*files, "io_wait_time");
    stats.merged = blkio_entries(*files, "io_merged");
    stats.time = blkio_entries(*files, "time");
    stats.sectors = blkio_entries(*files, "sectors");
  }
  stats.pressure = pressure(paths, "io.pressure");
  return stats;
}

// Reservations, where the kernel counts them (Linux 5.7), as these are what is limited first.
oci::HugetlbStats huge_pages(const Files& files, const std::string& page_size) {
  const std::string base = str::cat("hugetlb.", page_size), reserved = base + ".rsvd";
  const std::string_view usage = files.v2() ? ".current" : ".usage_in_bytes";
  const std::string& from = files.text(str::cat(reserved, usage)) ? reserved : base;
  return {.usage = files.number(str::cat(from, usage)),
          .max = files.v2() ? 0 : files.number(from + ".max_usage_in_bytes"),
          .failcnt = files.v2() ? files.number(base + ".events", "max") : files.number(from + ".failcnt")};
}

// The sizes are those that there are files for.
void add_hugetlb(const Files& files, std::map<std::string, oci::HugetlbStats>& into) {
  const std::string_view suffix = files.v2() ? ".current" : ".usage_in_bytes";
  const Result<UniqueFd> directory = sys::open(files.directory().c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return;
  const auto entries = sys::list(directory.value());
  if (!entries.ok()) return;
  constexpr std::string_view kPrefix = "hugetlb.";
  for (const sys::Entry& entry : entries.value()) {
    if (!entry.name.starts_with(kPrefix) || !entry.name.ends_with(suffix)) continue;
    const std::string size =
        entry.name.substr(kPrefix.size(), entry.name.size() - kPrefix.size() - suffix.size());
    if (size.find('.') == std::string::npos) into[size] = huge_pages(files, size);
  }
}

std::optional<oci::RdmaStats> rdma(const Paths& paths) {
  const auto files = find(paths, "rdma", "rdma.current");
  if (!files) return std::nullopt;
  return oci::RdmaStats{.limit = parse_rdma(files->text("rdma.max").value_or("")),
                        .current = parse_rdma(files->text("rdma.current").value_or(""))};
}

}  // namespace

oci::Stats stats(const Paths& paths) {
  oci::Stats all;
  all.cpu = cpu(paths);
  all.cpuset = cpuset(paths);
  all.memory = memory(paths);
  all.pids = pids_stats(paths);
  all.blkio = blkio(paths);
  for (const char* controller : {"hugetlb", ""})
    if (const auto at = paths.find(controller); at != paths.end() && all.hugetlb.empty())
      add_hugetlb(Files(at->second, *controller == '\0'), all.hugetlb);
  all.rdma = rdma(paths);
  return all;
}

}  // namespace cgroups
