// What `runtime events` prints: one JSON object a line, in the form that runc gave it and that engines read.
//
//   {"type":"stats","id":"web","data":{"cpu":{…},"memory":{…},…}}      {"type":"oom","id":"web"}
//
// A part that this host does not measure is left out.  Both versions of cgroups fill the same properties; what only one
// of them knows is 0 on the other.  Times are in nanoseconds, sizes in bytes; a limit that there is not is 2^64 - 1, but
// for processes, where it is 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace oci {

// A share of time in hundredths of a percent, 1234 for "12.34".
struct Percentage {
  uint64_t hundredths = 0;
  bool operator==(const Percentage&) const = default;
};

// Pressure stall information (Documentation/accounting/psi.rst): how long some, or all, processes had to wait.
struct Stall {
  Percentage avg10, avg60, avg300;
  uint64_t total = 0;  // microseconds
  bool operator==(const Stall&) const = default;
};
struct Pressure {
  Stall some, full;
  bool operator==(const Pressure&) const = default;
};

struct CpuUsage {
  uint64_t total = 0, kernel = 0, user = 0;
  std::vector<uint64_t> percpu, percpu_kernel, percpu_user;
  bool operator==(const CpuUsage&) const = default;
};
struct Throttling {
  uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
  bool operator==(const Throttling&) const = default;
};
struct CpuStats {
  CpuUsage usage;
  Throttling throttling;
  std::optional<Pressure> pressure;
  bool operator==(const CpuStats&) const = default;
};

struct CpusetStats {
  std::vector<uint32_t> cpus, mems;
  uint64_t cpu_exclusive = 0, mem_hardwall = 0, mem_exclusive = 0, memory_migrate = 0, memory_spread_page = 0,
           memory_spread_slab = 0, memory_pressure = 0, sched_load_balance = 0;
  int64_t sched_relax_domain_level = 0;
  bool operator==(const CpusetStats&) const = default;
};

struct MemoryEntry {
  uint64_t limit = 0, usage = 0, max = 0,
           failcnt = 0;  // max: the most so far; failcnt: times the limit was hit
  bool operator==(const MemoryEntry&) const = default;
};
struct MemoryStats {
  uint64_t cache = 0;
  MemoryEntry usage, swap, kernel, kernel_tcp;  // swap: memory and swap together
  std::map<std::string, uint64_t> raw;          // memory.stat
  std::optional<Pressure> pressure;
  bool operator==(const MemoryStats&) const = default;
};

struct PidsStats {
  uint64_t current = 0, limit = 0;
  bool operator==(const PidsStats&) const = default;
};

struct BlkioEntry {
  uint64_t major = 0, minor = 0;
  std::string op;  // "Read", "Write", "Total"…; "" where the kernel tells none
  uint64_t value = 0;
  bool operator==(const BlkioEntry&) const = default;
};
struct BlkioStats {
  std::vector<BlkioEntry> service_bytes, serviced, queued, service_time, wait_time, merged, time, sectors;
  std::optional<Pressure> pressure;
  bool operator==(const BlkioStats&) const = default;
};

struct HugetlbStats {
  uint64_t usage = 0, max = 0, failcnt = 0;
  bool operator==(const HugetlbStats&) const = default;
};

struct RdmaEntry {
  std::string device;
  uint32_t hca_handles = 0, hca_objects = 0;  // 2^32 - 1: no limit
  bool operator==(const RdmaEntry&) const = default;
};
struct RdmaStats {
  std::vector<RdmaEntry> limit, current;
  bool operator==(const RdmaStats&) const = default;
};

// As seen from inside the container.
struct InterfaceStats {
  std::string name;
  uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
  uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
  bool operator==(const InterfaceStats&) const = default;
};

struct Stats {
  std::optional<CpuStats> cpu;
  std::optional<CpusetStats> cpuset;
  std::optional<MemoryStats> memory;
  std::optional<PidsStats> pids;
  std::optional<BlkioStats> blkio;
  std::map<std::string, HugetlbStats> hugetlb;  // by page size, "2MB"
  std::optional<RdmaStats> rdma;
  std::vector<InterfaceStats> network_interfaces;  // none where the container has its creator's network
  bool operator==(const Stats&) const = default;
};

struct Event {
  std::string type;  // "stats", "oom"
  std::string id;
  std::optional<Stats> data;
  bool operator==(const Event&) const = default;
};

Result<Event> parse_event(std::string_view text);
std::string encode(const Event& event);  // on one line

}  // namespace oci
