// Field tables for linux.h (config-linux.md of the runtime specification 1.3.0).
#include "spec/linux.h"

#include "spec/checks.h"
#include "spec/tables.h"

namespace oci {

// ---- checks ----

static constexpr std::string_view kDeviceTypes[] = {"c", "b", "u", "p"};
static constexpr std::string_view kPropagations[] = {
    "", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"};
static constexpr std::string_view kSeccompArchitectures[] = {
    "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64",      "SCMP_ARCH_X32",     "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",     "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",       "SCMP_ARCH_SH",      "SCMP_ARCH_SHEB",
    "SCMP_ARCH_PARISC",      "SCMP_ARCH_PARISC64",    "SCMP_ARCH_RISCV64",
};
static constexpr std::string_view kSeccompFlags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                                     "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                                     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
static constexpr std::string_view kMemoryPolicyModes[] = {
    "MPOL_DEFAULT",   "MPOL_BIND",           "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"};
static constexpr std::string_view kMemoryPolicyFlags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                                          "MPOL_F_STATIC_NODES"};
static constexpr std::string_view kPersonalityDomains[] = {"LINUX", "LINUX32"};

std::optional<uint32_t> host_id(const std::vector<IdMapping>& mappings, uint64_t id) {
  for (const IdMapping& m : mappings)
    if (id >= m.container_id && id - m.container_id < m.size)
      return static_cast<uint32_t>(m.host_id + (id - m.container_id));
  return std::nullopt;
}

std::span<const std::string_view> seccomp_architectures() { return kSeccompArchitectures; }
std::span<const std::string_view> seccomp_flags() { return kSeccompFlags; }
std::span<const std::string_view> memory_policy_modes() { return kMemoryPolicyModes; }
std::span<const std::string_view> memory_policy_flags() { return kMemoryPolicyFlags; }

// Empty: as if the property were absent, which is how programs in Go may write it.
static std::string absolute_or_empty(const std::string& path) {
  return path.empty() ? "" : checks::absolute(path);
}

// Some engines keep the bits of the file type in it; the permissions are what counts.
static std::string file_mode(const uint32_t& mode) {
  return mode > 0177777 ? str::cat(mode, " is not a file mode (the largest is 4095, octal 7777)") : "";
}

static std::string nanoseconds(const uint32_t& n) {
  return n > 999'999'999 ? str::cat(n, " is out of range 0..999999999") : "";
}

static std::string clock_name(const std::string& key) {
  static constexpr std::string_view kClocks[] = {"monotonic", "boottime"};
  return json::one_of<kClocks>(key);
}

static std::string sysctl_key(const std::string& key) {
  if (key.empty()) return "the name of a sysctl must not be empty";
  if (key.find('\n') != std::string::npos) return "the name of a sysctl must not hold a line feed";
  if (key.find("..") != std::string::npos || key.front() == '/' || key.front() == '.')
    return "the name of a sysctl must not hold '..', nor start with '.' or '/'";
  return {};
}

// The kernel takes one "%d", for a number of its own choice; the specification has it at the end.
static std::string interface_name_or_empty(const std::string& name) {
  if (name.empty()) return {};
  if (const size_t percent = name.find('%'); percent != std::string::npos && name.substr(percent) != "%d")
    return str::cat("'", str::printable(name), "' may hold '%' only in a '%d' at its end");
  return checks::interface_name(name);
}

static std::string cgroups_path(const std::string& path) {
  for (const std::string_view part : str::split(path, '/'))
    if (part == "..") return str::cat("'", str::printable(path), "' must not lead upwards by '..'");
  return checks::one_line(path);
}

static std::string rdt_line(const std::string& schema) { return checks::one_line(schema); }

static std::string bandwidth_schema(const std::string& schema) {
  return schema.starts_with("MB:") ? checks::one_line(schema) : "must start with 'MB:'";
}

// A directory below the resctrl file system, or "/", which is its root.
static std::string class_id(const std::string& name) {
  if (name == "/") return {};
  if (name == "." || name == ".." || name.find_first_of("/\n") != std::string::npos)
    return str::cat("'", str::printable(name), "' must be the name of one directory");
  return {};
}

// An errno (at most 4095), or the 16-bit message of SCMP_ACT_TRACE.
static std::string errno_value(const uint32_t& n) {
  return n > UINT16_MAX ? str::cat(n, " is out of range 0..65535") : "";
}

static std::string argument_index(const uint32_t& n) {
  return n > 5 ? str::cat(n, " is out of range 0..5") : "";
}

static std::string not_no_names(const std::vector<std::string>& names) {
  return names.empty() ? "must name a system call" : "";
}

}  // namespace oci

using namespace oci;  // the tables below are about nothing else

// ---- tables ----

template <>
struct json::Names<SeccompAction> {
  static constexpr const auto& table = kSeccompActions;
};
template <>
struct json::Names<SeccompOperator> {
  static constexpr const auto& table = kSeccompOperators;
};

template <>
struct json::Schema<IdMapping> {
  using M = IdMapping;
  static constexpr auto fields = std::tuple{
      required("containerID", &M::container_id, checks::id),
      required("hostID", &M::host_id, checks::id),
      required("size", &M::size),
  };
};

template <>
struct json::Schema<Namespace> {
  static constexpr auto fields = std::tuple{
      required("type", &Namespace::type),
      optional("path", &Namespace::path, absolute_or_empty),
  };
};

template <>
struct json::Schema<TimeOffset> {
  static constexpr auto fields = std::tuple{
      optional("secs", &TimeOffset::secs),
      optional("nanosecs", &TimeOffset::nanosecs, nanoseconds),
  };
};

template <>
struct json::Schema<Device> {
  using D = Device;
  static constexpr auto fields = std::tuple{
      required("type", &D::type, one_of<kDeviceTypes>),
      required("path", &D::path, checks::absolute),
      optional("major", &D::major, checks::major_number),
      optional("minor", &D::minor, checks::minor_number),
      optional("fileMode", &D::file_mode, file_mode),
      optional("uid", &D::uid, checks::id),
      optional("gid", &D::gid, checks::id),
  };
};

template <>
struct json::Schema<NetDevice> {
  static constexpr auto fields = std::tuple{
      optional("name", &NetDevice::name, interface_name_or_empty),
  };
};

template <>
struct json::Schema<SeccompArg> {
  using A = SeccompArg;
  static constexpr auto fields = std::tuple{
      required("index", &A::index, argument_index),
      required("value", &A::value),
      optional("valueTwo", &A::value_two),
      required("op", &A::op),
  };
};

template <>
struct json::Schema<SeccompSyscall> {
  using S = SeccompSyscall;
  static constexpr auto fields = std::tuple{
      required("names", &S::names, not_no_names),
      required("action", &S::action),
      optional("errnoRet", &S::errno_ret, errno_value),
      optional("args", &S::args),
  };
};

template <>
struct json::Schema<Seccomp> {
  using S = Seccomp;
  static constexpr auto fields = std::tuple{
      required("defaultAction", &S::default_action),
      optional("defaultErrnoRet", &S::default_errno_ret, errno_value),
      optional("architectures", &S::architectures, one_of<kSeccompArchitectures>),
      optional("flags", &S::flags, one_of<kSeccompFlags>),
      optional("listenerPath", &S::listener_path, absolute_or_empty),
      optional("listenerMetadata", &S::listener_metadata),
      optional("syscalls", &S::syscalls),
  };
};

template <>
struct json::Schema<IntelRdt> {
  using I = IntelRdt;
  static constexpr auto fields = std::tuple{
      optional("closID", &I::clos_id, class_id),
      optional("schemata", &I::schemata, rdt_line),
      optional("l3CacheSchema", &I::l3_cache_schema, rdt_line),
      optional("memBwSchema", &I::mem_bw_schema, bandwidth_schema),
      optional("enableMonitoring", &I::enable_monitoring),
  };
};

template <>
struct json::Schema<MemoryPolicy> {
  using P = MemoryPolicy;
  static constexpr auto fields = std::tuple{
      required("mode", &P::mode, one_of<kMemoryPolicyModes>),
      optional("nodes", &P::nodes, checks::cpu_list),
      optional("flags", &P::flags, one_of<kMemoryPolicyFlags>),
  };
};

template <>
struct json::Schema<Personality> {
  static constexpr auto fields = std::tuple{
      required("domain", &Personality::domain, one_of<kPersonalityDomains>),
      optional("flags", &Personality::flags),
  };
};

template <>
struct json::Schema<Linux> {
  using L = Linux;
  static constexpr auto fields = std::tuple{
      optional("uidMappings", &L::uid_mappings),
      optional("gidMappings", &L::gid_mappings),
      optional("sysctl", &L::sysctl, KeyCheck{sysctl_key}),
      optional("resources", &L::resources),
      optional("cgroupsPath", &L::cgroups_path, cgroups_path),
      optional("namespaces", &L::namespaces),
      optional("devices", &L::devices),
      optional("netDevices", &L::net_devices, KeyCheck{checks::interface_name}),
      optional("seccomp", &L::seccomp),
      optional("rootfsPropagation", &L::rootfs_propagation, one_of<kPropagations>),
      optional("maskedPaths", &L::masked_paths, checks::absolute),
      optional("readonlyPaths", &L::readonly_paths, checks::absolute),
      optional("mountLabel", &L::mount_label),
      optional("intelRdt", &L::intel_rdt),
      optional("memoryPolicy", &L::memory_policy),
      optional("personality", &L::personality),
      optional("timeOffsets", &L::time_offsets, KeyCheck{clock_name}),
  };
};

namespace json {
template <>
Table table<MemoryPolicy>() {
  return detail::make_table<MemoryPolicy>();
}
template <>
Table table<Personality>() {
  return detail::make_table<Personality>();
}
template <>
Table table<IdMapping>() {
  return detail::make_table<IdMapping>();
}
template <>
Table table<Seccomp>() {
  return detail::make_table<Seccomp>();
}
template <>
Table table<Linux>() {
  return detail::make_table<Linux>();
}
}  // namespace json
