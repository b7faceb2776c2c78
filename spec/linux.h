// The "linux" object of config.json (config-linux.md of the OCI runtime specification 1.3.0), as structs.
// Quantities are in the units of the specification: bytes, microseconds, or as the kernel file takes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/names.h"

namespace oci {

struct IdMapping {
  uint32_t container_id = 0, host_id = 0, size = 0;
  bool operator==(const IdMapping&) const = default;
};
// What `id` of the container is on the host; nullopt: no mapping has it.
std::optional<uint32_t> host_id(const std::vector<IdMapping>& mappings, uint64_t id);

enum class NamespaceType { pid, network, mount, ipc, uts, user, cgroup, time };
inline constexpr names::Table<NamespaceType> kNamespaceTypes[] = {
    {NamespaceType::pid, "pid"},       {NamespaceType::network, "network"}, {NamespaceType::mount, "mount"},
    {NamespaceType::ipc, "ipc"},       {NamespaceType::uts, "uts"},         {NamespaceType::user, "user"},
    {NamespaceType::cgroup, "cgroup"}, {NamespaceType::time, "time"},
};

struct Namespace {
  NamespaceType type{};
  std::optional<std::string> path;  // absent: a new one
  bool operator==(const Namespace&) const = default;
};

struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
  bool operator==(const TimeOffset&) const = default;
};

struct Device {
  std::string type;  // "c", "b", "u", "p"
  std::string path;
  std::optional<int64_t> major, minor;
  std::optional<uint32_t> file_mode, uid, gid;
  bool operator==(const Device&) const = default;
};

struct NetDevice {
  std::optional<std::string> name;
  bool operator==(const NetDevice&) const = default;
};

struct DeviceRule {
  bool allow = false;
  std::optional<std::string> type;      // "a", "b", "c"; absent = all
  std::optional<int64_t> major, minor;  // absent or -1 = all
  std::optional<std::string> access;    // of "rwm"
  bool operator==(const DeviceRule&) const = default;
};

struct Memory {
  std::optional<int64_t> limit, reservation, swap, kernel, kernel_tcp;  // bytes, -1 = unlimited
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
  bool operator==(const Memory&) const = default;
};

struct Cpu {
  std::optional<uint64_t> shares, burst, realtime_period, period;  // µs but for shares
  std::optional<int64_t> quota, realtime_runtime;
  std::optional<std::string> cpus, mems;
  std::optional<int64_t> idle;
  bool operator==(const Cpu&) const = default;
};

struct Pids {
  std::optional<int64_t> limit;
  bool operator==(const Pids&) const = default;
};

struct WeightDevice {
  int64_t major = 0, minor = 0;
  std::optional<uint16_t> weight, leaf_weight;
  bool operator==(const WeightDevice&) const = default;
};

struct ThrottleDevice {
  int64_t major = 0, minor = 0;
  uint64_t rate = 0;
  bool operator==(const ThrottleDevice&) const = default;
};

struct BlockIo {
  std::optional<uint16_t> weight, leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps_device, throttle_write_bps_device, throttle_read_iops_device,
      throttle_write_iops_device;
  bool operator==(const BlockIo&) const = default;
};

struct HugepageLimit {
  std::string page_size;
  uint64_t limit = 0;  // bytes
  bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
  bool operator==(const InterfacePriority&) const = default;
};

struct NetworkResources {
  std::optional<uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
  bool operator==(const NetworkResources&) const = default;
};

struct Rdma {
  std::optional<uint32_t> hca_handles, hca_objects;
  bool operator==(const Rdma&) const = default;
};

struct Resources {
  std::vector<DeviceRule> devices;
  std::optional<Memory> memory;
  std::optional<Cpu> cpu;
  std::optional<Pids> pids;
  std::optional<BlockIo> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<NetworkResources> network;
  std::map<std::string, Rdma> rdma;
  std::map<std::string, std::string> unified;
  bool operator==(const Resources&) const = default;
};

enum class SeccompAction { kill, kill_process, kill_thread, trap, error_number, trace, allow, log, notify };
enum class SeccompOperator { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };
inline constexpr names::Table<SeccompAction> kSeccompActions[] = {
    {SeccompAction::kill, "SCMP_ACT_KILL"},
    {SeccompAction::kill_process, "SCMP_ACT_KILL_PROCESS"},
    {SeccompAction::kill_thread, "SCMP_ACT_KILL_THREAD"},
    {SeccompAction::trap, "SCMP_ACT_TRAP"},
    {SeccompAction::error_number, "SCMP_ACT_ERRNO"},
    {SeccompAction::trace, "SCMP_ACT_TRACE"},
    {SeccompAction::allow, "SCMP_ACT_ALLOW"},
    {SeccompAction::log, "SCMP_ACT_LOG"},
    {SeccompAction::notify, "SCMP_ACT_NOTIFY"},
};
inline constexpr names::Table<SeccompOperator> kSeccompOperators[] = {
    {SeccompOperator::not_equal, "SCMP_CMP_NE"},           {SeccompOperator::less, "SCMP_CMP_LT"},
    {SeccompOperator::less_equal, "SCMP_CMP_LE"},          {SeccompOperator::equal, "SCMP_CMP_EQ"},
    {SeccompOperator::greater_equal, "SCMP_CMP_GE"},       {SeccompOperator::greater, "SCMP_CMP_GT"},
    {SeccompOperator::masked_equal, "SCMP_CMP_MASKED_EQ"},
};

struct SeccompArg {
  uint32_t index = 0;
  uint64_t value = 0;
  std::optional<uint64_t> value_two;
  SeccompOperator op{};
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompSyscall {
  std::vector<std::string> names;
  SeccompAction action{};
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArg> args;
  bool operator==(const SeccompSyscall&) const = default;
};

struct Seccomp {
  SeccompAction default_action{};
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures, flags;
  std::optional<std::string> listener_path, listener_metadata;
  std::vector<SeccompSyscall> syscalls;
  bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
  std::optional<std::string> clos_id, l3_cache_schema, mem_bw_schema;
  std::vector<std::string> schemata;
  std::optional<bool> enable_monitoring;
  bool operator==(const IntelRdt&) const = default;
};

struct MemoryPolicy {
  std::string mode, nodes;
  std::vector<std::string> flags;
  bool operator==(const MemoryPolicy&) const = default;
};

struct Personality {
  std::string domain;
  std::vector<std::string> flags;
  bool operator==(const Personality&) const = default;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;
  std::optional<std::string> cgroups_path;
  std::optional<Resources> resources;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::map<std::string, std::string> sysctl;
  std::optional<Seccomp> seccomp;
  std::optional<std::string> rootfs_propagation, mount_label;
  std::vector<std::string> masked_paths, readonly_paths;
  std::optional<Personality> personality;
  bool operator==(const Linux&) const = default;
};

// The words that the tables of linux.cc take for linux.seccomp and linux.memoryPolicy.
std::span<const std::string_view> seccomp_architectures();
std::span<const std::string_view> seccomp_flags();
std::span<const std::string_view> memory_policy_modes();
std::span<const std::string_view> memory_policy_flags();

}  // namespace oci
