#include "runtime/plan/cgroup_writes.h"

#include <algorithm>

namespace plan {

namespace {

constexpr std::string_view kResources = "linux.resources.";

bool has_controller(const CgroupDirectory& directory, std::string_view controller) {
  return std::find(directory.controllers.begin(), directory.controllers.end(), controller) !=
         directory.controllers.end();
}

// Collects the writes of one controller; does nothing at all until the first is asked for.
class Writer {
 public:
  Writer(Cgroup& plan, std::string_view controller, std::string_view v2_controller = {})
      : controller_(controller), directory_(find_directory(plan, controller)) {
    if (!directory_ && !v2_controller.empty()) directory_ = find_directory(plan, v2_controller);
  }

  [[nodiscard]] bool v2() const { return directory_ && directory_->v2; }

  Result<> write(std::string_view property, std::string_view v1_file, std::string_view v2_file,
                 std::string value, bool optional = false) {
    const std::string path = str::cat(kResources, property);
    if (!directory_)
      return Error(Kind::unsupported,
                   str::cat(path, ": this host has no '", controller_,
                            "' cgroup controller; remove the property or mount the controller"));
    const std::string_view file = v2() ? v2_file : v1_file;
    if (file.empty())
      return Error(Kind::unsupported,
                   str::cat(path, ": exists only in cgroup ", v2() ? "v1" : "v2", ", and this host has '",
                            controller_, "' in ", v2() ? "v2" : "v1"));
    directory_->writes.push_back({std::string(file), std::move(value), path, optional});
    return {};
  }

 private:
  std::string_view controller_;
  CgroupDirectory* directory_;
};

std::string limit_text(int64_t n, bool v2) { return n < 0 ? std::string(v2 ? "max" : "-1") : str::cat(n); }

Result<> add_memory(const oci::Memory& from, Cgroup& plan) {
  Writer memory(plan, "memory");
  const int64_t limit = from.limit.value_or(0);
  if (limit)
    TRY(memory.write("memory.limit", "memory.limit_in_bytes", "memory.max", limit_text(limit, memory.v2())));
  if (from.reservation.value_or(0))
    TRY(memory.write("memory.reservation", "memory.soft_limit_in_bytes", "memory.low",
                     limit_text(*from.reservation, memory.v2())));
  if (const int64_t swap = from.swap.value_or(0)) {
    // v1 limits memory and swap together, v2 swap alone.
    if (memory.v2() && swap > 0 && limit <= 0)
      return Error(
          Kind::invalid,
          str::cat(kResources,
                   "memory.swap: on cgroup v2 a limit of memory and swap needs memory.limit as well"));
    const std::string text = memory.v2() && swap > 0 ? str::cat(swap - limit) : limit_text(swap, memory.v2());
    TRY(memory.write("memory.swap", "memory.memsw.limit_in_bytes", "memory.swap.max", text));
  }
  // The kernel removed separate limits of its own memory (5.16, 6.1): asked for, they are accepted as runc does.
  if (from.kernel.value_or(0) && !memory.v2())
    TRY(memory.write("memory.kernel", "memory.kmem.limit_in_bytes", "", str::cat(*from.kernel), true));
  if (from.kernel_tcp.value_or(0) && !memory.v2())
    TRY(memory.write("memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", "", str::cat(*from.kernel_tcp),
                     true));
  if (from.swappiness)
    TRY(memory.write("memory.swappiness", "memory.swappiness", "", str::cat(*from.swappiness)));
  if (from.disable_oom_killer.value_or(false))
    TRY(memory.write("memory.disableOOMKiller", "memory.oom_control", "", "1"));
  return {};
}

Result<> add_cpu_bandwidth(const oci::Cpu& from, Writer& cpu) {
  const bool quota = from.quota.value_or(0) != 0, period = from.period.value_or(0) != 0;
  if (!quota && !period) return {};
  if (cpu.v2()) {
    const std::string amount = quota ? limit_text(*from.quota, true) : "max";
    return cpu.write(quota ? "cpu.quota" : "cpu.period", "", "cpu.max",
                     period ? str::cat(amount, " ", *from.period) : amount);
  }
  if (period) TRY(cpu.write("cpu.period", "cpu.cfs_period_us", "", str::cat(*from.period)));
  if (quota) TRY(cpu.write("cpu.quota", "cpu.cfs_quota_us", "", str::cat(*from.quota)));
  return {};
}

Result<> add_cpu(const oci::Cpu& from, Cgroup& plan) {
  Writer cpu(plan, "cpu");
  if (from.shares.value_or(0))
    TRY(cpu.write("cpu.shares", "cpu.shares", "cpu.weight",
                  str::cat(cpu.v2() ? weight_of_shares(*from.shares) : *from.shares)));
  TRY(add_cpu_bandwidth(from, cpu));
  if (from.burst) TRY(cpu.write("cpu.burst", "cpu.cfs_burst_us", "cpu.max.burst", str::cat(*from.burst)));
  if (from.realtime_period.value_or(0))
    TRY(cpu.write("cpu.realtimePeriod", "cpu.rt_period_us", "", str::cat(*from.realtime_period)));
  if (from.realtime_runtime.value_or(0))
    TRY(cpu.write("cpu.realtimeRuntime", "cpu.rt_runtime_us", "", str::cat(*from.realtime_runtime)));
  if (from.idle) TRY(cpu.write("cpu.idle", "cpu.idle", "cpu.idle", str::cat(*from.idle)));
  Writer cpuset(plan, "cpuset");
  if (from.cpus && !from.cpus->empty())
    TRY(cpuset.write("cpu.cpus", "cpuset.cpus", "cpuset.cpus", *from.cpus));
  if (from.mems && !from.mems->empty())
    TRY(cpuset.write("cpu.mems", "cpuset.mems", "cpuset.mems", *from.mems));
  return {};
}

Result<> add_throttles(const std::vector<oci::ThrottleDevice>& from, std::string_view name,
                       std::string_view v1_file, std::string_view v2_key, Writer& io) {
  for (size_t i = 0; i < from.size(); ++i) {
    const std::string device = str::cat(from[i].major, ":", from[i].minor, " ");
    const std::string amount =
        io.v2() ? str::cat(v2_key, "=", from[i].rate ? str::cat(from[i].rate) : std::string("max"))
                : str::cat(from[i].rate);
    TRY(io.write(str::cat("blockIO.", name, "[", i, "]"), v1_file, "io.max", device + amount));
  }
  return {};
}

Result<> add_weights(const oci::BlockIo& from, Writer& io) {
  if (from.weight.value_or(0))
    TRY(io.write("blockIO.weight", "blkio.weight", "io.bfq.weight", str::cat(*from.weight)));
  if (from.leaf_weight.value_or(0))
    TRY(io.write("blockIO.leafWeight", "blkio.leaf_weight", "", str::cat(*from.leaf_weight)));
  for (size_t i = 0; i < from.weight_device.size(); ++i) {
    const oci::WeightDevice& device = from.weight_device[i];
    const std::string name = str::cat(device.major, ":", device.minor, " ");
    const std::string at = str::cat("blockIO.weightDevice[", i, "].");
    if (device.weight)
      TRY(io.write(at + "weight", "blkio.weight_device", "io.bfq.weight", str::cat(name, *device.weight)));
    if (device.leaf_weight)
      TRY(io.write(at + "leafWeight", "blkio.leaf_weight_device", "", str::cat(name, *device.leaf_weight)));
  }
  return {};
}

Result<> add_block_io(const oci::BlockIo& from, Cgroup& plan) {
  Writer io(plan, "blkio", "io");
  TRY(add_weights(from, io));
  TRY(add_throttles(from.throttle_read_bps_device, "throttleReadBpsDevice", "blkio.throttle.read_bps_device",
                    "rbps", io));
  TRY(add_throttles(from.throttle_write_bps_device, "throttleWriteBpsDevice",
                    "blkio.throttle.write_bps_device", "wbps", io));
  TRY(add_throttles(from.throttle_read_iops_device, "throttleReadIOPSDevice",
                    "blkio.throttle.read_iops_device", "riops", io));
  return add_throttles(from.throttle_write_iops_device, "throttleWriteIOPSDevice",
                       "blkio.throttle.write_iops_device", "wiops", io);
}

Result<> add_hugepages(const std::vector<oci::HugepageLimit>& from, Cgroup& plan) {
  Writer hugetlb(plan, "hugetlb");
  for (size_t i = 0; i < from.size(); ++i) {
    const std::string base = str::cat("hugetlb.", from[i].page_size),
                      property = str::cat("hugepageLimits[", i, "]");
    const std::string limit = str::cat(from[i].limit);
    // Reservations, where the kernel counts them (5.7), as well as use: config-linux.md.
    TRY(hugetlb.write(property, base + ".rsvd.limit_in_bytes", base + ".rsvd.max", limit, true));
    TRY(hugetlb.write(property, base + ".limit_in_bytes", base + ".max", limit));
  }
  return {};
}

Result<> add_network(const oci::NetworkResources& from, Cgroup& plan) {
  Writer net_cls(plan, "net_cls"), net_prio(plan, "net_prio");
  if (from.class_id) TRY(net_cls.write("network.classID", "net_cls.classid", "", str::cat(*from.class_id)));
  for (size_t i = 0; i < from.priorities.size(); ++i)
    TRY(net_prio.write(str::cat("network.priorities[", i, "]"), "net_prio.ifpriomap", "",
                       str::cat(from.priorities[i].name, " ", from.priorities[i].priority)));
  return {};
}

Result<> add_rdma(const std::map<std::string, oci::Rdma>& from, Cgroup& plan) {
  Writer rdma(plan, "rdma");
  for (const auto& [device, limits] : from) {
    std::string text = device;
    if (limits.hca_handles) text += str::cat(" hca_handle=", *limits.hca_handles);
    if (limits.hca_objects) text += str::cat(" hca_object=", *limits.hca_objects);
    TRY(rdma.write(str::cat("rdma['", device, "']"), "rdma.max", "rdma.max", std::move(text)));
  }
  return {};
}

// Files of the unified hierarchy by their own names; the controller is what stands before the first dot.
Result<> add_unified(const std::map<std::string, std::string>& from, Cgroup& plan) {
  if (from.empty()) return {};
  const auto v2 = std::find_if(plan.directories.begin(), plan.directories.end(),
                               [](const CgroupDirectory& d) { return d.v2; });
  for (const auto& [file, value] : from) {
    const std::string property = str::cat(kResources, "unified['", str::printable(file), "']");
    if (v2 == plan.directories.end())
      return Error(Kind::unsupported, property + ": this host has no cgroup v2");
    if (file.empty() || file.find('/') != std::string::npos || file.find('.') == std::string::npos)
      return Error(Kind::invalid, property + ": is no name of a cgroup file, such as memory.high");
    const std::string controller = file.substr(0, file.find('.'));
    if (controller != "cgroup" && !has_controller(*v2, controller))
      return Error(Kind::unsupported, str::cat(property, ": the controller '", controller,
                                               "' is not available in this host's cgroup v2"));
    v2->writes.push_back({file, value, property, false});
  }
  return {};
}

}  // namespace

CgroupDirectory* find_directory(Cgroup& plan, std::string_view controller) {
  for (const bool v2 : {false, true})
    for (CgroupDirectory& directory : plan.directories)
      if (directory.v2 == v2 && has_controller(directory, controller)) return &directory;
  return nullptr;
}

Result<> add_writes(const oci::Resources& resources, Cgroup& plan) {
  if (resources.memory) TRY(add_memory(*resources.memory, plan));
  if (resources.cpu) TRY(add_cpu(*resources.cpu, plan));
  if (resources.pids && resources.pids->limit) {
    Writer pids(plan, "pids");
    TRY(pids.write("pids.limit", "pids.max", "pids.max",
                   *resources.pids->limit < 0 ? std::string("max") : str::cat(*resources.pids->limit)));
  }
  if (resources.block_io) TRY(add_block_io(*resources.block_io, plan));
  TRY(add_hugepages(resources.hugepage_limits, plan));
  if (resources.network) TRY(add_network(*resources.network, plan));
  TRY(add_rdma(resources.rdma, plan));
  return add_unified(resources.unified, plan);
}

}  // namespace plan
