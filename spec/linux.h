// The "linux" object of config.json (config-linux.md of the OCI runtime specification 1.3.0), as structs.
// Quantities are in the units of the specification: bytes, microseconds, or as the kernel file takes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace oci {

struct IdMapping {
  uint32_t container_id = 0, host_id = 0, size = 0;
  bool operator==(const IdMapping&) const = default;
};

enum class NamespaceType { pid, network, mount, ipc, uts, user, cgroup, time };

struct Namespace {
  NamespaceType type{};
  std::optional<std::string> path;  // absent: a new one
};

struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};

struct Device {
  std::string type;  // "c", "b", "u", "p"
  std::string path;
  std::optional<int64_t> major, minor;
  std::optional<uint32_t> file_mode, uid, gid;
};

struct NetDevice {
  std::optional<std::string> name;
};

struct DeviceRule {
  bool allow = false;
  std::optional<std::string> type;          // "a", "b", "c"; absent = all
  std::optional<int64_t> major, minor;      // absent or -1 = all
  std::optional<std::string> access;        // of "rwm"
};

struct Memory {
  std::optional<int64_t> limit, reservation, swap, kernel, kernel_tcp;  // bytes, -1 = unlimited
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
};

struct Cpu {
  std::optional<uint64_t> shares, burst, realtime_period, period;  // µs but for shares
  std::optional<int64_t> quota, realtime_runtime;
  std::optional<std::string> cpus, mems;
  std::optional<int64_t> idle;
};

struct Pids {
  std::optional<int64_t> limit;
};

struct WeightDevice {
  int64_t major = 0, minor = 0;
  std::optional<uint16_t> weight, leaf_weight;
};

struct ThrottleDevice {
  int64_t major = 0, minor = 0;
  uint64_t rate = 0;
};

struct BlockIo {
  std::optional<uint16_t> weight, leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps_device, throttle_write_bps_device, throttle_read_iops_device,
      throttle_write_iops_device;
};

struct HugepageLimit {
  std::string page_size;
  uint64_t limit = 0;  // bytes
};

struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
};

struct NetworkResources {
  std::optional<uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
};

struct Rdma {
  std::optional<uint32_t> hca_handles, hca_objects;
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
};

enum class SeccompAction { kill, kill_process, kill_thread, trap, error_number, trace, allow, log, notify };
enum class SeccompOperator { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };

struct SeccompArg {
  uint32_t index = 0;
  uint64_t value = 0;
  std::optional<uint64_t> value_two;
  SeccompOperator op{};
};

struct SeccompSyscall {
  std::vector<std::string> names;
  SeccompAction action{};
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArg> args;
};

struct Seccomp {
  SeccompAction default_action{};
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures, flags;
  std::optional<std::string> listener_path, listener_metadata;
  std::vector<SeccompSyscall> syscalls;
};

struct IntelRdt {
  std::optional<std::string> clos_id, l3_cache_schema, mem_bw_schema;
  std::vector<std::string> schemata;
  std::optional<bool> enable_monitoring;
};

struct MemoryPolicy {
  std::string mode, nodes;
  std::vector<std::string> flags;
};

struct Personality {
  std::string domain;
  std::vector<std::string> flags;
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
};

}  // namespace oci
