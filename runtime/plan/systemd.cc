#include "runtime/plan/systemd.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "runtime/plan/cgroup_writes.h"
#include "runtime/plan/process.h"
#include "spec/base/names.h"

namespace plan {

namespace {

using systemd::Property;
using Values = std::vector<std::string>;

const std::string kUnlimited = str::cat(std::numeric_limits<uint64_t>::max());

Property flag(std::string_view name) { return {std::string(name), "b", {"true"}}; }
Property text(std::string_view name, std::string value) {
  return {std::string(name), "s", {std::move(value)}};
}

// ---- the unit ----

constexpr std::string_view kPath = "linux.cgroupsPath";
constexpr size_t kLongestUnit = 255;  // UNIT_NAME_MAX, with its end

// systemd-escape(1) of what a container's id may hold and a unit's name may not.
std::string escaped(std::string_view name) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view(":-_.\\@").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out += str::cat("\\x", kHex.substr(byte >> 4, 1), kHex.substr(byte & 15, 1));
  }
  return out;
}

Error not_a_unit(std::string_view given, std::string_view why) {
  return Error(Kind::invalid, str::cat(kPath, ": '", str::printable(given), "' ", why,
                                       "; with the systemd cgroup manager it is SLICE:PREFIX:NAME, such as "
                                       "system.slice:runtime:web"));
}

Result<> check_slice(std::string_view slice, std::string_view given) {
  const bool plain = slice == escaped(slice) && slice.ends_with(".slice") && slice.size() <= kLongestUnit;
  if (!plain) return not_a_unit(given, str::cat("names no slice ('", str::printable(slice), "')"));
  const std::string_view stem = slice.substr(0, slice.rfind('.'));
  // The dash stands for nesting: a-b.slice is in a.slice.
  if (stem != "-" && (stem.empty() || stem.front() == '-' || stem.back() == '-' ||
                      stem.find("--") != std::string_view::npos))
    return not_a_unit(given, str::cat("has a slice that nests in nothing ('", str::printable(slice), "')"));
  return {};
}

// The cgroup of a slice: "a-b.slice" is "/a.slice/a-b.slice", and "-.slice" the root.
std::string nested(std::string_view slice) {
  std::string path;
  if (slice == "-.slice") return path;
  for (size_t dash = slice.find('-'); dash != std::string_view::npos; dash = slice.find('-', dash + 1))
    path += str::cat("/", slice.substr(0, dash), ".slice");
  return str::cat(path, "/", slice);
}

// ---- annotations ----

// Whoever writes an annotation need not be who writes the configuration (CVE-2024-3154: a pod's author, who then had commands
// run on the host): what is not here is refused.  No property that executes, starts, mounts or gives rights.
constexpr names::Table<std::string_view> kAllowed[] = {
    {"s", "CollectMode"},
    {"s", "Description"},
    {"i", "KillSignal"},
    {"s", "ManagedOOMMemoryPressure"},
    {"u", "ManagedOOMMemoryPressureLimit"},
    {"s", "ManagedOOMPreference"},
    {"s", "ManagedOOMSwap"},
    {"s", "OOMPolicy"},
    {"t", "RuntimeMaxUSec"},
    {"b", "SendSIGHUP"},
    {"b", "SendSIGKILL"},
    {"t", "TimeoutStopUSec"},
    {"as", "After"},
    {"as", "Before"},
};

Error bad_annotation(const std::string& key, std::string_view why) {
  return Error(Kind::invalid, str::cat("annotations['", str::printable(key), "']: ", why));
}

// 'text' or "text" of GVariant's text format, as far as properties need it.
std::optional<std::string> quoted(std::string_view value) {
  if (value.size() < 2 || (value.front() != '\'' && value.front() != '"') || value.back() != value.front())
    return std::nullopt;
  const std::string_view inside = value.substr(1, value.size() - 2);
  if (inside.find(value.front()) != std::string_view::npos || inside.find('\\') != std::string_view::npos)
    return std::nullopt;
  return std::string(inside);
}

std::optional<Values> list_of_texts(std::string_view value) {
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') return std::nullopt;
  Values out;
  const std::string_view inside = str::trim(value.substr(1, value.size() - 2));
  if (inside.empty()) return out;
  for (const std::string_view item : str::split(inside, ',')) {
    std::optional<std::string> one = quoted(str::trim(item));
    if (!one) return std::nullopt;
    out.push_back(std::move(*one));
  }
  return out;
}

// "uint64 7" or "7"; the type, if it is said, has to be the property's.
std::optional<Values> number_of(std::string_view value, std::string_view signature, bool seconds) {
  const std::string_view type = signature == "t" ? "uint64 " : signature == "u" ? "uint32 " : "int32 ";
  const bool typed = value.starts_with(type);
  if (typed) value = str::trim(value.substr(type.size()));
  const auto limit = signature == "t"   ? std::numeric_limits<uint64_t>::max()
                     : signature == "u" ? std::numeric_limits<uint32_t>::max()
                                        : uint64_t{std::numeric_limits<int32_t>::max()};
  const std::optional<uint64_t> n = str::number<uint64_t>(value);
  constexpr uint64_t kMicroseconds = 1'000'000;
  if (!n || *n > limit || (seconds && *n > limit / kMicroseconds)) return std::nullopt;
  return Values{str::cat(seconds ? *n * kMicroseconds : *n)};
}

std::optional<Values> values_of(std::string_view text, std::string_view signature, bool seconds) {
  const std::string_view value = str::trim(text);
  if (signature == "as") return list_of_texts(value);
  if (signature == "b")
    return value == "true" || value == "false" ? std::optional(Values{std::string(value)}) : std::nullopt;
  if (signature != "s") return number_of(value, signature, seconds);
  std::optional<std::string> one = quoted(value);
  return one ? std::optional(Values{std::move(*one)}) : std::nullopt;
}

// NAMESec is NAMEUSec in seconds, as in unit files.
std::string usec_name(std::string_view name) {
  if (!name.ends_with("Sec") || name.ends_with("USec")) return std::string(name);
  return str::cat(name.substr(0, name.size() - 3), "USec");
}

Result<Property> property_of(const std::string& key, std::string_view value) {
  const std::string_view written = std::string_view(key).substr(kSystemdAnnotations.size());
  const std::string name = usec_name(written);
  const auto* row =
      std::find_if(std::begin(kAllowed), std::end(kAllowed), [&](const auto& r) { return r.text == name; });
  if (row == std::end(kAllowed)) {
    std::string known;
    for (const auto& r : kAllowed) known += str::cat(known.empty() ? "" : ", ", r.text);
    return bad_annotation(key, str::cat("systemd's property '", str::printable(written),
                                        "' cannot be set by an annotation; these can: ", known));
  }
  std::optional<Values> values = values_of(value, row->value, name != written);
  if (values) return Property{name, std::string(row->value), std::move(*values)};
  const std::string_view like = row->value == "s"    ? "'text' in quotes"
                                : row->value == "as" ? "['text', 'text']"
                                : row->value == "b"  ? "true or false"
                                : row->value == "t"  ? "uint64 7"
                                : row->value == "u"  ? "uint32 7"
                                                     : "7";
  return bad_annotation(key, str::cat("expected ", like, ", got '", str::printable(value), "'"));
}

// ---- limits ----

std::string or_unlimited(std::string_view value) {
  return value == "max" || value == "-1" ? kUnlimited : std::string(value);
}

// Control file → property of the same meaning and unit.
struct Plain {
  std::string_view file, property;
  uint32_t since = 0;
};
constexpr Plain kPlain[] = {
    {"memory.max", "MemoryMax"},
    {"memory.high", "MemoryHigh"},
    {"memory.low", "MemoryLow"},
    {"memory.min", "MemoryMin"},
    {"memory.swap.max", "MemorySwapMax"},
    {"memory.zswap.max", "MemoryZSwapMax", 253},
    {"cpu.weight", "CPUWeight"},
    {"pids.max", "TasksMax"},
    {"io.weight", "IOWeight"},
    {"memory.limit_in_bytes", "MemoryLimit"},
    {"cpu.shares", "CPUShares"},
    {"blkio.weight", "BlockIOWeight"},
};

// "0-2,7" as systemd's bit mask.  nullopt: not a list of numbers.
std::optional<Values> mask_of(std::string_view list) {
  if (str::is_blank(list)) return Values();
  const std::optional<std::vector<unsigned>> numbers = parse_cpu_list(list);
  if (!numbers) return std::nullopt;
  std::vector<unsigned> bytes(numbers->back() / 8 + 1);
  for (const unsigned n : *numbers) bytes[n / 8] |= 1U << (n % 8);
  Values out;
  for (const unsigned byte : bytes) out.push_back(str::cat(byte));
  return out;
}

constexpr uint64_t kSecond = 1'000'000;
constexpr std::string_view kDefaultPeriod = "100000";

// The quota for a second, which is what systemd counts, in percents: what is no whole percent is rounded up.  nullopt: unlimited.
std::optional<uint64_t> per_second(std::string_view quota, std::string_view period) {
  constexpr uint64_t kPercent = kSecond / 100;
  const auto per_period = str::number<uint64_t>(quota), length = str::number<uint64_t>(period);
  constexpr uint64_t kLongest = UINT64_MAX / kSecond / 2;  // what is larger does not fit, and limits nothing
  if (!per_period || !length || !*length || *per_period >= kLongest || *length >= kLongest)
    return std::nullopt;
  const uint64_t exact = (*per_period * kSecond + *length - 1) / *length;
  return (exact + kPercent - 1) / kPercent * kPercent;
}

void add_bandwidth(std::string_view quota, std::string_view period, std::vector<Property>& out) {
  const std::optional<uint64_t> all = per_second(quota, period);
  out.push_back({"CPUQuotaPerSecUSec", "t", {all ? str::cat(*all) : kUnlimited}});
  if (const auto length = str::number<uint64_t>(period))
    out.push_back({"CPUQuotaPeriodUSec", "t", {str::cat(*length)}, 242});
}

// "QUOTA PERIOD" of cpu.max.
std::pair<std::string_view, std::string_view> v2_bandwidth(std::string_view value) {
  const size_t space = value.find(' ');
  return {value.substr(0, space), space == std::string_view::npos ? kDefaultPeriod : value.substr(space + 1)};
}

// "8:0 rbps=1000": one of four properties, for the device by its number.
void add_io(std::string_view line, std::vector<Property>& out) {
  constexpr names::Table<std::string_view> kKeys[] = {{"IOReadBandwidthMax", "rbps"},
                                                      {"IOWriteBandwidthMax", "wbps"},
                                                      {"IOReadIOPSMax", "riops"},
                                                      {"IOWriteIOPSMax", "wiops"}};
  const std::vector<std::string_view> words = str::split(str::trim(line), ' ');
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const auto name = names::value(kKeys, words[i].substr(0, equals));
    if (name && equals != std::string_view::npos)
      out.push_back({std::string(*name),
                     "a(st)",
                     {str::cat("/dev/block/", words.front()), or_unlimited(words[i].substr(equals + 1))}});
  }
}

// What is left of the files once those that have a property of their own are done.
void add_special(const CgroupWrite& write, std::vector<Property>& out) {
  if (write.file == "cpuset.cpus" || write.file == "cpuset.mems") {
    const auto mask = mask_of(write.value);
    if (mask)
      out.push_back({write.file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes", "ay", *mask, 244});
  } else if (write.file == "cpu.max") {
    const auto [quota, period] = v2_bandwidth(write.value);
    add_bandwidth(quota, period, out);
  } else if (write.file == "io.max") {
    add_io(write.value, out);
  } else if (write.file == "io.bfq.weight" && write.other_file == "io.weight" &&
             write.other_value.find(' ') == std::string::npos) {
    out.push_back({"IOWeight", "t", {write.other_value}});
  }
}

// 0 is systemd's word for idle.  What is idle no more has the weight that is written with that, or none in particular.
void add_idle(const CgroupDirectory& directory, std::vector<Property>& out) {
  for (const CgroupWrite& write : directory.writes) {
    const bool idle = str::trim(write.value) == "1";
    if (write.file == kCpuIdle && (idle || std::ranges::find(out, "CPUWeight", &Property::name) == out.end()))
      out.push_back({"CPUWeight", "t", {idle ? std::string("0") : kUnlimited}, 252});
  }
}

// Of v1, where quota and period have a file each.
void add_v1_bandwidth(const CgroupDirectory& directory, std::vector<Property>& out) {
  std::string_view quota, period = kDefaultPeriod;
  for (const CgroupWrite& write : directory.writes) {
    if (write.file == "cpu.cfs_quota_us") quota = write.value;
    if (write.file == "cpu.cfs_period_us") period = write.value;
  }
  if (!quota.empty()) add_bandwidth(quota, period, out);
}

}  // namespace

void count_as_systemd(Cgroup& cgroup) {
  constexpr uint64_t kMost = 1'000'000'000;  // no kernel takes more of either
  for (CgroupDirectory& directory : cgroup.directories) {
    for (CgroupWrite& write : directory.writes) {
      if (write.file != "cpu.max") continue;
      const auto [quota, period] = v2_bandwidth(write.value);
      const uint64_t all = per_second(quota, period).value_or(kMost);
      const uint64_t length = str::number<uint64_t>(period).value_or(kMost);
      if (all < kMost && length < kMost) write.value = str::cat(all * length / kSecond, " ", length);
    }
  }
}

std::vector<Property> limit_properties(const Cgroup& cgroup) {
  std::vector<Property> out;
  for (const CgroupDirectory& directory : cgroup.directories) {
    for (const CgroupWrite& write : directory.writes) {
      const auto* plain = std::find_if(std::begin(kPlain), std::end(kPlain),
                                       [&](const Plain& p) { return p.file == write.file; });
      if (plain == std::end(kPlain)) {
        if (directory.v2) add_special(write, out);
        continue;
      }
      const std::string value = or_unlimited(str::trim(write.value));
      if (str::number<uint64_t>(value))
        out.push_back({std::string(plain->property), "t", {value}, plain->since});
    }
    if (directory.v2)
      add_idle(directory, out);
    else
      add_v1_bandwidth(directory, out);
  }
  return out;
}

// systemd forbids everything and then allows: rules that allow, and forbid some of it again, cannot be said.
std::vector<Property> device_properties(const std::vector<oci::DeviceRule>& rules) {
  const auto is_everything = [](const oci::DeviceRule& rule) {
    return (!rule.type || *rule.type == "a" || rule.type->empty()) && rule.major.value_or(-1) < 0 &&
           rule.minor.value_or(-1) < 0;
  };
  const auto last_denial =
      std::find_if(rules.rbegin(), rules.rend(), [](const oci::DeviceRule& r) { return !r.allow; });
  if (last_denial == rules.rend() || !is_everything(*last_denial)) return {};
  Values allowed;
  for (auto rule = last_denial.base(); rule != rules.end(); ++rule) {
    const bool any_major = rule->major.value_or(-1) < 0, any_minor = rule->minor.value_or(-1) < 0;
    if (any_major && !any_minor) return {};
    const std::string access = rule->access.value_or("").empty() ? "rwm" : *rule->access;
    for (const auto& [letter, kind] :
         {std::pair<std::string_view, std::string_view>{"c", "char"}, {"b", "block"}}) {
      if (rule->type && !rule->type->empty() && *rule->type != "a" && *rule->type != letter) continue;
      if (any_major)
        allowed.insert(allowed.end(), {str::cat(kind, "-*"), access});
      else if (any_minor)
        allowed.insert(allowed.end(), {str::cat(kind, "-", *rule->major), access});
      else
        allowed.insert(allowed.end(),
                       {str::cat("/dev/", kind, "/", *rule->major, ":", *rule->minor), access});
    }
  }
  return {text("DevicePolicy", "strict"),
          {"DeviceAllow", "a(ss)", {}},
          {"DeviceAllow", "a(ss)", std::move(allowed)}};
}

Result<Unit> make_unit(std::string_view cgroups_path, std::string_view id,
                       const std::map<std::string, std::string>& annotations,
                       const std::optional<std::string>& user_manager) {
  std::string slice = user_manager ? "user.slice" : "system.slice", prefix = "runtime", name(id);
  if (!cgroups_path.empty()) {
    const std::vector<std::string_view> parts = str::split(cgroups_path, ':');
    if (parts.size() != 3 || cgroups_path.find('/') != std::string_view::npos)
      return not_a_unit(cgroups_path, "has not the three parts that systemd needs");
    if (!parts[0].empty()) slice = parts[0];
    prefix = parts[1];
    name = parts[2];
    if (name.empty()) return not_a_unit(cgroups_path, "has no name behind the last colon");
  }
  TRY(check_slice(slice, cgroups_path));
  Unit unit;
  unit.known_as.user = user_manager.has_value();
  const bool is_slice = name.ends_with(".slice");
  if (is_slice) TRY(check_slice(name, cgroups_path));
  unit.known_as.name =
      is_slice ? name : str::cat(escaped(prefix), prefix.empty() ? "" : "-", escaped(name), ".scope");
  if (unit.known_as.name.size() > kLongestUnit)
    return not_a_unit(cgroups_path, str::cat("would be a unit's name of more than ", kLongestUnit, " bytes"));
  unit.cgroup = str::cat(user_manager.value_or(""), is_slice ? "" : nested(slice),
                         is_slice ? nested(name) : "/" + unit.known_as.name);
  unit.properties.push_back(text("Description", str::cat("container ", id)));
  if (is_slice)
    unit.properties.push_back({"Wants", "as", {slice}});
  else
    unit.properties.insert(unit.properties.end(), {text("Slice", slice), flag("Delegate")});
  unit.properties.push_back({"DefaultDependencies", "b", {"false"}});
  for (const std::string_view accounting :
       {"MemoryAccounting", "CPUAccounting", "TasksAccounting", "IOAccounting"})
    unit.properties.push_back(flag(accounting));
  for (const auto& [key, value] : annotations)
    if (key.starts_with(kSystemdAnnotations)) unit.properties.push_back(TRY(property_of(key, value)));
  return unit;
}

}  // namespace plan
