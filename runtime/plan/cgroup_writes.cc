#include "runtime/plan/cgroup_writes.h"

#include <algorithm>

#include "spec/base/errors.h"

namespace plan {

namespace {

bool has_controller(const CgroupDirectory& directory, std::string_view controller) {
  return std::find(directory.controllers.begin(), directory.controllers.end(), controller) !=
         directory.controllers.end();
}

// One property as a control file of both versions; an empty name: the version has none.
struct Item {
  std::string_view v1_file, v2_file;
  std::string value;
  bool optional = false;                          // CgroupWrite::optional
  std::string_view v1_other = {}, v2_other = {};  // CgroupWrite::other_file
  std::string v2_other_value = {};                // the same value, if empty
  std::string unset = {};                         // CgroupWrite::unset
};

// Collects the writes of one controller; does nothing at all until the first is asked for.
class Writer {
 public:
  Writer(Cgroup& plan, std::string_view controller, std::string_view v2_controller = {})
      : plan_(plan), controller_(controller), directory_(find_directory(plan, controller)) {
    if (!directory_ && !v2_controller.empty()) directory_ = find_directory(plan, v2_controller);
  }

  [[nodiscard]] bool v2() const { return directory_ && directory_->v2; }

  Result<> write(std::string_view property, const Item& item) {
    const std::string path = plan_.name(property);
    if (!directory_ && plan_.delegated)
      return Error(Kind::unsupported,
                   str::cat(path, ": the controller '", controller_,
                            "' was not given to this user; root can, by `systemctl edit user@.service` with "
                            "'[Service]' and 'Delegate=cpu cpuset io memory pids'; or remove the property"));
    if (!directory_)
      return Error(Kind::unsupported,
                   str::cat(path, ": this host has no '", controller_,
                            "' cgroup controller; remove the property or mount the controller"));
    const std::string_view file = v2() ? item.v2_file : item.v1_file;
    if (file.empty())
      return Error(Kind::unsupported,
                   str::cat(path, ": exists only in cgroup ", v2() ? "v1" : "v2", ", and this host has '",
                            controller_, "' in ", v2() ? "v2" : "v1"));
    CgroupWrite w{.file = std::string(file),
                  .value = item.value,
                  .property = path,
                  .optional = item.optional,
                  .other_file = std::string(v2() ? item.v2_other : item.v1_other),
                  .other_value = v2() && !item.v2_other_value.empty() ? item.v2_other_value : item.value,
                  .unset = item.unset};
    directory_->writes.push_back(std::move(w));
    return {};
  }

 private:
  Cgroup& plan_;
  std::string_view controller_;
  CgroupDirectory* directory_;
};

std::string limit_text(int64_t n, bool v2) { return n < 0 ? std::string(v2 ? "max" : "-1") : str::cat(n); }

constexpr const char* kSwapV1 = "memory.memsw.limit_in_bytes";
constexpr const char* kSwapV2 = "memory.swap.max";

// v1 limits memory and swap together, v2 swap alone.
Result<> add_swap(const oci::Memory& from, const Cgroup& plan, Writer& memory) {
  const int64_t limit = from.limit.value_or(0), swap = from.swap.value_or(0);
  if (!memory.v2() || swap < 0)  // without swap there is nothing that would have to be unlimited
    return memory.write("memory.swap", {kSwapV1, kSwapV2, limit_text(swap, memory.v2()), memory.v2()});
  if (limit <= 0)
    return Error(Kind::invalid,
                 str::cat(plan.name("memory.swap"), ": on cgroup v2 a limit of memory and swap ",
                          "needs one of memory as well"));
  return memory.write("memory.swap", {kSwapV1, kSwapV2, str::cat(swap - limit), swap == limit});
}

// v1 before Linux 5.11 can count a cgroup's children by themselves, and nothing since.
Result<> add_hierarchy(bool wanted, const Cgroup& plan, Writer& memory) {
  if (!memory.v2())
    return memory.write("memory.useHierarchy", {"memory.use_hierarchy", "", wanted ? "1" : "0"});
  if (wanted) return {};
  return Error(Kind::unsupported, plan.name("memory.useHierarchy") +
                                      ": on cgroup v2 what children use counts as their parent's, too; "
                                      "remove it, or say true");
}

// Limits of the kernel's own memory alone: NOT RECOMMENDED by the specification, never there on v2, and given up on v1.
Result<> add_kernel_memory(std::string_view property, const std::optional<int64_t>& limit,
                           std::string_view file, Cgroup& plan, Writer& memory) {
  if (!limit.value_or(0)) return {};
  plan.warnings.push_back(
      str::cat(plan.name(property), ": only kernels before Linux 5.16 limit this by itself, ignoring"));
  return memory.v2() ? Result<>() : memory.write(property, {file, "", str::cat(*limit), true});
}

Result<> add_memory(const oci::Memory& from, Cgroup& plan) {
  Writer memory(plan, "memory");
  const int64_t limit = from.limit.value_or(0);
  if (limit)
    TRY(memory.write("memory.limit",
                     {"memory.limit_in_bytes", "memory.max", limit_text(limit, memory.v2())}));
  if (from.reservation.value_or(0))
    TRY(memory.write("memory.reservation", {"memory.soft_limit_in_bytes", "memory.low",
                                            limit_text(*from.reservation, memory.v2())}));
  if (from.swap.value_or(0)) TRY(add_swap(from, plan, memory));
  // Who takes the limit away means that of memory and swap as well: on v1 the one cannot be above the other.
  if (limit < 0 && !from.swap.value_or(0))
    TRY(memory.write("memory.limit", {kSwapV1, kSwapV2, limit_text(-1, memory.v2()), true}));
  TRY(add_kernel_memory("memory.kernel", from.kernel, "memory.kmem.limit_in_bytes", plan, memory));
  TRY(add_kernel_memory("memory.kernelTCP", from.kernel_tcp, "memory.kmem.tcp.limit_in_bytes", plan, memory));
  if (from.use_hierarchy) TRY(add_hierarchy(*from.use_hierarchy, plan, memory));
  if (from.swappiness)
    TRY(memory.write("memory.swappiness", {"memory.swappiness", "", str::cat(*from.swappiness)}));
  if (from.disable_oom_killer.value_or(false))
    TRY(memory.write("memory.disableOOMKiller", {"memory.oom_control", "", "1"}));
  return {};
}

Result<> add_cpu_bandwidth(const oci::Cpu& from, Writer& cpu) {
  const bool quota = from.quota.value_or(0) != 0, period = from.period.value_or(0) != 0;
  if (!quota && !period) return {};
  if (cpu.v2()) {
    const std::string amount = quota ? limit_text(*from.quota, true) : "max";
    return cpu.write(quota ? "cpu.quota" : "cpu.period",
                     {"", "cpu.max", period ? str::cat(amount, " ", *from.period) : amount});
  }
  if (period) TRY(cpu.write("cpu.period", {"cpu.cfs_period_us", "", str::cat(*from.period)}));
  if (quota) TRY(cpu.write("cpu.quota", {"cpu.cfs_quota_us", "", str::cat(*from.quota)}));
  return {};
}

// The v1 file takes any number, and changes it to the nearest it can have.
Result<> add_shares(uint64_t shares, const Cgroup& plan, Writer& cpu) {
  constexpr uint64_t kLeast = 2, kMost = 262144;
  if (cpu.v2()) return cpu.write("cpu.shares", {"", "cpu.weight", str::cat(weight_of_shares(shares))});
  if (shares < kLeast || shares > kMost)
    return Error(Kind::invalid,
                 str::cat(plan.name("cpu.shares"), ": ", shares, " is out of range ", kLeast, "..", kMost));
  return cpu.write("cpu.shares", {"cpu.shares", "", str::cat(shares)});
}

Result<> add_cpu(const oci::Cpu& from, Cgroup& plan) {
  Writer cpu(plan, "cpu");
  if (from.idle) TRY(cpu.write("cpu.idle", {"cpu.idle", "cpu.idle", str::cat(*from.idle)}));
  if (from.shares.value_or(0)) TRY(add_shares(*from.shares, plan, cpu));
  TRY(add_cpu_bandwidth(from, cpu));
  if (from.burst) TRY(cpu.write("cpu.burst", {"cpu.cfs_burst_us", "cpu.max.burst", str::cat(*from.burst)}));
  if (from.realtime_period.value_or(0))
    TRY(cpu.write("cpu.realtimePeriod", {"cpu.rt_period_us", "", str::cat(*from.realtime_period)}));
  if (from.realtime_runtime.value_or(0))
    TRY(cpu.write("cpu.realtimeRuntime", {"cpu.rt_runtime_us", "", str::cat(*from.realtime_runtime)}));
  Writer cpuset(plan, "cpuset");
  if (from.cpus && !from.cpus->empty())
    TRY(cpuset.write("cpu.cpus", {"cpuset.cpus", "cpuset.cpus", *from.cpus}));
  if (from.mems && !from.mems->empty())
    TRY(cpuset.write("cpu.mems", {"cpuset.mems", "cpuset.mems", *from.mems}));
  return {};
}

// The container's own process is always there, so that 0 and 1 allow the same: nothing more.  With 0 it could not even
// be born in its cgroup.
Result<> add_pids(int64_t limit, Cgroup& plan) {
  Writer pids(plan, "pids");
  const std::string text = limit < 0 ? std::string("max") : str::cat(std::max<int64_t>(limit, 1));
  return pids.write("pids.limit", {"pids.max", "pids.max", text});
}

Result<> add_throttles(const std::vector<oci::ThrottleDevice>& from, std::string_view name,
                       std::string_view v1_file, std::string_view v2_key, Writer& io) {
  for (size_t i = 0; i < from.size(); ++i) {
    const std::string device = str::cat(from[i].major, ":", from[i].minor, " ");
    const std::string none = io.v2() ? str::cat(device, v2_key, "=max") : device + "0";
    const std::string some =
        io.v2() ? str::cat(device, v2_key, "=", from[i].rate) : str::cat(device, from[i].rate);
    TRY(io.write(
        str::cat("blockIO.", name, "[", i, "]"),
        {.v1_file = v1_file, .v2_file = "io.max", .value = from[i].rate ? some : none, .unset = none}));
  }
  return {};
}

// 10…1000 of blkio (and bfq) as 1…10000 of io.weight, both ends and everything between in proportion.
uint64_t io_weight(uint64_t blkio) { return 1 + (blkio < 10 ? 0 : blkio - 10) * 9999 / 990; }

Result<> add_weights(const oci::BlockIo& from, const Cgroup& plan, Writer& io) {
  // Two schedulers know weights: bfq, in files of its own, and what was before it (v1) or beside it (v2: iocost).
  if (from.weight.value_or(0))
    TRY(io.write("blockIO.weight", {.v1_file = "blkio.weight",
                                    .v2_file = "io.bfq.weight",
                                    .value = str::cat(*from.weight),
                                    .v1_other = "blkio.bfq.weight",
                                    .v2_other = "io.weight",
                                    .v2_other_value = str::cat(io_weight(*from.weight))}));
  if (from.leaf_weight.value_or(0))
    TRY(io.write("blockIO.leafWeight", {"blkio.leaf_weight", "", str::cat(*from.leaf_weight)}));
  for (size_t i = 0; i < from.weight_device.size(); ++i) {
    const oci::WeightDevice& device = from.weight_device[i];
    const std::string name = str::cat(device.major, ":", device.minor, " ");
    const std::string at = str::cat("blockIO.weightDevice[", i, "].");
    const std::string none = name + "default";
    if (!device.weight && !device.leaf_weight)
      return Error(Kind::invalid, str::cat(plan.name(str::cat("blockIO.weightDevice[", i, "]")),
                                           ": needs 'weight' or 'leafWeight'"));
    if (device.weight)
      TRY(io.write(at + "weight",
                   {.v1_file = "blkio.weight_device",
                    .v2_file = "io.bfq.weight",
                    .value = *device.weight ? str::cat(name, *device.weight) : none,
                    .v1_other = "blkio.bfq.weight_device",
                    .v2_other = "io.weight",
                    .v2_other_value = *device.weight ? str::cat(name, io_weight(*device.weight)) : none,
                    .unset = none}));
    if (device.leaf_weight)
      TRY(io.write(at + "leafWeight",
                   {.v1_file = "blkio.leaf_weight_device",
                    .v2_file = "",
                    .value = *device.leaf_weight ? str::cat(name, *device.leaf_weight) : none,
                    .unset = none}));
  }
  return {};
}

Result<> add_block_io(const oci::BlockIo& from, Cgroup& plan) {
  Writer io(plan, "blkio", "io");
  TRY(add_weights(from, plan, io));
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
    TRY(hugetlb.write(property, {base + ".rsvd.limit_in_bytes", base + ".rsvd.max", limit, true}));
    TRY(hugetlb.write(property, {base + ".limit_in_bytes", base + ".max", limit}));
  }
  return {};
}

Result<> add_network(const oci::NetworkResources& from, Cgroup& plan) {
  Writer net_cls(plan, "net_cls"), net_prio(plan, "net_prio");
  if (from.class_id) TRY(net_cls.write("network.classID", {"net_cls.classid", "", str::cat(*from.class_id)}));
  for (size_t i = 0; i < from.priorities.size(); ++i)
    TRY(net_prio.write(str::cat("network.priorities[", i, "]"),
                       {.v1_file = "net_prio.ifpriomap",
                        .v2_file = "",
                        .value = str::cat(from.priorities[i].name, " ", from.priorities[i].priority),
                        .unset = from.priorities[i].name + " 0"}));
  return {};
}

Result<> add_rdma(const std::map<std::string, oci::Rdma>& from, Cgroup& plan) {
  Writer rdma(plan, "rdma");
  for (const auto& [device, limits] : from) {
    const std::string property = str::cat("rdma['", str::printable(device), "']");
    if (!limits.hca_handles && !limits.hca_objects)
      return Error(Kind::invalid, plan.name(property) + ": needs 'hcaHandles' or 'hcaObjects'");
    std::string text = device;
    if (limits.hca_handles) text += str::cat(" hca_handle=", *limits.hca_handles);
    if (limits.hca_objects) text += str::cat(" hca_object=", *limits.hca_objects);
    TRY(rdma.write(property, {.v1_file = "rdma.max",
                              .v2_file = "rdma.max",
                              .value = std::move(text),
                              .unset = device + " hca_handle=max hca_object=max"}));
  }
  return {};
}

// Files of the unified hierarchy by their own names; the controller is what stands before the first dot.
Result<> add_unified(const std::map<std::string, std::string>& from, Cgroup& plan) {
  if (from.empty()) return {};
  const auto v2 = std::find_if(plan.directories.begin(), plan.directories.end(),
                               [](const CgroupDirectory& d) { return d.v2; });
  for (const auto& [file, value] : from) {
    const std::string property = plan.name(str::cat("unified['", str::printable(file), "']"));
    if (v2 == plan.directories.end())
      return Error(Kind::unsupported, property + ": this host has no cgroup v2");
    if (file.empty() || file.find('/') != std::string::npos || file.find('.') == std::string::npos)
      return Error(Kind::invalid, property + ": is no name of a cgroup file, such as memory.high");
    const std::string controller = file.substr(0, file.find('.'));
    if (controller != "cgroup" && !has_controller(*v2, controller))
      return Error(Kind::unsupported, str::cat(property, ": the controller '", controller,
                                               "' is not available in this host's cgroup v2"));
    // Files with a line for each device take one at a time.
    std::vector<std::string_view> lines = str::split(str::trim(value), '\n');
    if (lines.empty()) lines.emplace_back();
    for (const std::string_view line : lines)
      if (lines.size() == 1 || !str::is_blank(line))
        v2->writes.push_back({.file = file, .value = std::string(line), .property = property});
  }
  return {};
}

// The kernel takes no weight from what is idle, and systemd has one property for both.
void leave_out_weight_of_idle(Cgroup& plan) {
  CgroupDirectory* cpu = find_directory(plan, "cpu");
  if (!cpu) return;
  const auto idle = std::ranges::find_if(
      cpu->writes, [](const CgroupWrite& w) { return w.file == kCpuIdle && str::trim(w.value) == "1"; });
  if (idle == cpu->writes.end()) return;
  const std::string property = idle->property;
  std::erase_if(cpu->writes, [&](const CgroupWrite& w) {
    if (!is_cpu_weight(w.file)) return false;
    plan.warnings.push_back(str::cat(w.property, ": unable to apply both this and ", property,
                                     ", as what is idle has no weight of its own, ignoring"));
    return true;
  });
}

}  // namespace

CgroupDirectory* find_directory(Cgroup& plan, std::string_view controller) {
  for (const bool v2 : {false, true})
    for (CgroupDirectory& directory : plan.directories)
      if (directory.v2 == v2 && has_controller(directory, controller)) return &directory;
  return nullptr;
}

Result<> add_writes(const oci::Resources& resources, Cgroup& plan) {
  Errors errors;
  if (resources.memory) errors.keep(add_memory(*resources.memory, plan));
  if (resources.cpu) errors.keep(add_cpu(*resources.cpu, plan));
  if (resources.pids && resources.pids->limit) errors.keep(add_pids(*resources.pids->limit, plan));
  if (resources.block_io) errors.keep(add_block_io(*resources.block_io, plan));
  errors.keep(add_hugepages(resources.hugepage_limits, plan));
  if (resources.network) errors.keep(add_network(*resources.network, plan));
  errors.keep(add_rdma(resources.rdma, plan));
  errors.keep(add_unified(resources.unified, plan));
  leave_out_weight_of_idle(plan);
  return std::move(errors).finish();
}

}  // namespace plan
