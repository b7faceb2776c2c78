// Field tables for the "resources" object of linux.h (config-linux.md, "Control groups").
#include <algorithm>

#include "spec/checks.h"
#include "spec/linux.h"
#include "spec/tables.h"

namespace oci {

// ---- checks ----

static constexpr std::string_view kDeviceRuleTypes[] = {"a", "b", "c", ""};

static std::string major_number_or_all(const int64_t& n) { return n == -1 ? "" : checks::major_number(n); }
static std::string minor_number_or_all(const int64_t& n) { return n == -1 ? "" : checks::minor_number(n); }

static std::string device_access(const std::string& access) {
  const size_t wrong = access.find_first_not_of("rwm");
  if (wrong != std::string::npos)
    return str::cat("'", str::printable(access), "' must be made of 'r', 'w' and 'm'");
  for (const char c : access)
    if (std::count(access.begin(), access.end(), c) > 1)
      return str::cat("'", access, "' names '", c, "' twice");
  return {};
}

static std::string swappiness(const uint64_t& n) {
  return n > 200 ? str::cat(n, " is out of range 0..200") : "";
}

static std::string idle(const int64_t& n) { return n == 0 || n == 1 ? "" : str::cat(n, " must be 0 or 1"); }

static std::string page_size(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  const bool unit =
      digits != std::string::npos &&
      (text.substr(digits) == "KB" || text.substr(digits) == "MB" || text.substr(digits) == "GB");
  if (unit && digits > 0 && text[0] != '0') return {};
  return str::cat("'", str::printable(text), "' is not a page size such as '2MB'");
}

static std::string file_name(const std::string& key) {
  if (key.empty() || key == "." || key == "..") return "is not the name of a cgroup file";
  return key.find_first_of("/\n") == std::string::npos ? ""
                                                       : "a cgroup file's name holds no '/' and no line feed";
}

}  // namespace oci

using namespace oci;  // the tables below are about nothing else

// ---- tables ----

template <>
struct json::Schema<DeviceRule> {
  using D = DeviceRule;
  static constexpr auto fields = std::tuple{
      required("allow", &D::allow),
      optional("type", &D::type, one_of<kDeviceRuleTypes>),
      optional("major", &D::major, major_number_or_all),
      optional("minor", &D::minor, minor_number_or_all),
      optional("access", &D::access, device_access),
  };
};

template <>
struct json::Schema<Memory> {
  using M = Memory;
  static constexpr auto fields = std::tuple{
      optional("limit", &M::limit, checks::at_least_minus_one),
      optional("reservation", &M::reservation, checks::at_least_minus_one),
      optional("swap", &M::swap, checks::at_least_minus_one),
      optional("kernel", &M::kernel, checks::at_least_minus_one),
      optional("kernelTCP", &M::kernel_tcp, checks::at_least_minus_one),
      optional("swappiness", &M::swappiness, swappiness),
      optional("disableOOMKiller", &M::disable_oom_killer),
      optional("useHierarchy", &M::use_hierarchy),
      optional("checkBeforeUpdate", &M::check_before_update),
  };
};

template <>
struct json::Schema<Cpu> {
  static constexpr auto fields = std::tuple{
      optional("shares", &Cpu::shares),
      optional("quota", &Cpu::quota, checks::at_least_minus_one),
      optional("burst", &Cpu::burst),
      optional("period", &Cpu::period),
      optional("realtimeRuntime", &Cpu::realtime_runtime, checks::at_least_minus_one),
      optional("realtimePeriod", &Cpu::realtime_period),
      optional("cpus", &Cpu::cpus, checks::cpu_list),
      optional("mems", &Cpu::mems, checks::cpu_list),
      optional("idle", &Cpu::idle, idle),
  };
};

template <>
struct json::Schema<Pids> {
  static constexpr auto fields = std::tuple{
      optional("limit", &Pids::limit, checks::at_least_minus_one),
  };
};

template <>
struct json::Schema<WeightDevice> {
  using W = WeightDevice;
  static constexpr auto fields = std::tuple{
      required("major", &W::major, checks::major_number),
      required("minor", &W::minor, checks::minor_number),
      optional("weight", &W::weight),
      optional("leafWeight", &W::leaf_weight),
  };
};

template <>
struct json::Schema<ThrottleDevice> {
  using T = ThrottleDevice;
  static constexpr auto fields = std::tuple{
      required("major", &T::major, checks::major_number),
      required("minor", &T::minor, checks::minor_number),
      required("rate", &T::rate),
  };
};

template <>
struct json::Schema<BlockIo> {
  using B = BlockIo;
  static constexpr auto fields = std::tuple{
      optional("weight", &B::weight),
      optional("leafWeight", &B::leaf_weight),
      optional("weightDevice", &B::weight_device),
      optional("throttleReadBpsDevice", &B::throttle_read_bps_device),
      optional("throttleWriteBpsDevice", &B::throttle_write_bps_device),
      optional("throttleReadIOPSDevice", &B::throttle_read_iops_device),
      optional("throttleWriteIOPSDevice", &B::throttle_write_iops_device),
  };
};

template <>
struct json::Schema<HugepageLimit> {
  static constexpr auto fields = std::tuple{
      required("pageSize", &HugepageLimit::page_size, page_size),
      required("limit", &HugepageLimit::limit),
  };
};

template <>
struct json::Schema<InterfacePriority> {
  static constexpr auto fields = std::tuple{
      required("name", &InterfacePriority::name, checks::interface_name),
      required("priority", &InterfacePriority::priority),
  };
};

template <>
struct json::Schema<NetworkResources> {
  static constexpr auto fields = std::tuple{
      optional("classID", &NetworkResources::class_id),
      optional("priorities", &NetworkResources::priorities),
  };
};

template <>
struct json::Schema<Rdma> {
  static constexpr auto fields = std::tuple{
      optional("hcaHandles", &Rdma::hca_handles),
      optional("hcaObjects", &Rdma::hca_objects),
  };
};

template <>
struct json::Schema<Resources> {
  using R = Resources;
  static constexpr auto fields = std::tuple{
      optional("devices", &R::devices),
      optional("memory", &R::memory),
      optional("cpu", &R::cpu),
      optional("pids", &R::pids),
      optional("blockIO", &R::block_io),
      optional("hugepageLimits", &R::hugepage_limits),
      optional("network", &R::network),
      optional("rdma", &R::rdma, KeyCheck{checks::one_line}),
      optional("unified", &R::unified, KeyCheck{file_name}),
  };
};

namespace json {
template <>
Table table<Resources>() {
  return detail::make_table<Resources>();
}
}  // namespace json
