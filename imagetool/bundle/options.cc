#include "imagetool/bundle/options.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdint>

#include "imagetool/bundle/defaults.h"
#include "imagetool/bundle/mount_options.h"
#include "imagetool/bundle/seccomp_file.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace options {

namespace {

Error wrong(std::string_view option, std::string_view text, std::string_view why) {
  return Error(Kind::invalid, str::cat("--", option, " '", str::printable(text), "': ", why));
}

// ---- names and values ----

Result<> add_env(std::string_view text, const Machine& machine, Wishes& wishes) {
  const size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (name.empty()) return wrong("env", text, "the name is missing: write NAME=VALUE");
  std::optional<std::string>& value = wishes.env[name];
  if (equals != std::string_view::npos) {
    value = text.substr(equals + 1);
  } else {
    const std::optional<std::string_view> own = machine.variable(name);
    value = own ? std::optional<std::string>(*own) : std::nullopt;
  }
  return {};
}

Result<> add_pair(std::string_view option, std::string_view text, std::map<std::string, std::string>& into) {
  const size_t equals = text.find('=');
  if (equals == 0 || text.empty()) return wrong(option, text, "the name is missing: write NAME=VALUE");
  into[std::string(text.substr(0, equals))] =
      equals == std::string_view::npos ? std::string() : std::string(text.substr(equals + 1));
  return {};
}

// ---- capabilities ----

// "sys_admin" → "CAP_SYS_ADMIN"; "all" → "ALL".
Result<std::string> capability(std::string_view option, std::string_view text) {
  std::string name = str::lower(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (name == "ALL") return name;
  if (!name.starts_with("CAP_")) name = "CAP_" + name;
  const std::vector<std::string> all = defaults::all_capabilities();
  if (std::find(all.begin(), all.end(), name) != all.end()) return name;
  const std::vector<std::string_view> candidates(all.begin(), all.end());
  const std::optional<std::string_view> meant = str::did_you_mean(name, candidates);
  return wrong(option, text,
               meant ? str::cat("no such capability; did you mean '", *meant, "'?") : "no such capability");
}

// Docker's order: ALL first, then single ones are taken away and added; to add wins over to drop.
Result<std::vector<std::string>> capabilities(const BundleOptions& typed) {
  std::vector<std::string> added, dropped;
  for (const std::string& text : typed.cap_add) added.push_back(TRY(capability("cap-add", text)));
  for (const std::string& text : typed.cap_drop) dropped.push_back(TRY(capability("cap-drop", text)));
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  std::vector<std::string> result;
  if (has(added, "ALL"))
    result = defaults::all_capabilities();
  else if (!has(dropped, "ALL"))
    result = defaults::capabilities();
  std::erase_if(result, [&](const std::string& name) { return has(dropped, name); });
  for (const std::string& name : added)
    if (name != "ALL" && !has(result, name)) result.push_back(name);
  return result;
}

// ---- resources ----

Result<int64_t> size(std::string_view option, std::string_view text) {
  const std::optional<uint64_t> bytes = str::bytes(text);
  if (!bytes || *bytes == 0 || *bytes > INT64_MAX)
    return wrong(option, text, "not a size: write bytes, or a number with k, m or g behind it");
  return static_cast<int64_t>(*bytes);
}

// "1.5" → 150000 µs of each 100000.
Result<int64_t> quota(std::string_view text) {
  const size_t dot = text.find('.');
  const std::optional<uint32_t> whole = str::number<uint32_t>(dot == 0 ? "0" : text.substr(0, dot));
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  const bool some_digit = dot == std::string_view::npos || text.size() > 1;
  fraction.resize(std::max<size_t>(fraction.size(), 5), '0');
  const std::optional<uint32_t> part = str::number<uint32_t>(std::string_view(fraction).substr(0, 5));
  const bool rest_is_digits =
      std::all_of(fraction.begin(), fraction.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!whole || !part || !some_digit || !rest_is_digits)
    return wrong("cpus", text, "not a number of CPUs, as 2 or 0.5");
  const int64_t result = int64_t{*whole} * 100000 + *part;
  if (result < 1000) return wrong("cpus", text, "less than 0.01 CPU is more than the kernel can divide");
  return result;
}

Result<oci::Resources> resources(const BundleOptions& typed) {
  oci::Resources result;
  if (typed.memory) result.memory.emplace().limit = TRY(size("memory", *typed.memory));
  if (typed.memory_swap) {
    if (!typed.memory)
      return wrong("memory-swap", *typed.memory_swap, "needs --memory, of which it is the sum with swap");
    const int64_t swap = *typed.memory_swap == "-1" ? -1 : TRY(size("memory-swap", *typed.memory_swap));
    if (swap >= 0 && swap < result.memory->limit)
      return wrong("memory-swap", *typed.memory_swap, "less than --memory, which it includes");
    result.memory->swap = swap;
  }
  oci::Cpu cpu;
  if (typed.cpus) {
    cpu.quota = TRY(quota(*typed.cpus));
    cpu.period = 100000;
  }
  cpu.shares = typed.cpu_shares;
  cpu.cpus = typed.cpuset_cpus;
  if (cpu.quota || cpu.shares || cpu.cpus) result.cpu = cpu;
  if (typed.pids_limit) {
    if (*typed.pids_limit == 0 || *typed.pids_limit < -1)
      return wrong("pids-limit", str::cat(*typed.pids_limit), "write a positive number, or -1 for no limit");
    result.pids.emplace().limit = *typed.pids_limit;
  }
  return result;
}

constexpr std::string_view kLimits =
    "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack";

Result<uint64_t> limit(std::string_view text, std::string_view value) {
  if (value == "unlimited" || value == "-1") return UINT64_MAX;  // RLIM_INFINITY
  const std::optional<uint64_t> n = str::number<uint64_t>(value);
  return n ? Result<uint64_t>(*n)
           : wrong("ulimit", text, str::cat("'", value, "' is neither a number nor 'unlimited'"));
}

Result<> add_ulimit(std::string_view text, Wishes& wishes) {
  const size_t equals = text.find('=');
  const std::vector<std::string_view> known = str::split(kLimits, ' ');
  const std::string name = str::lower(text.substr(0, equals));
  if (equals == std::string_view::npos || equals + 1 == text.size())
    return wrong("ulimit", text, "write NAME=SOFT[:HARD]");
  if (std::find(known.begin(), known.end(), name) == known.end())
    return wrong("ulimit", text, str::cat("there is no limit '", name, "'; there are ", kLimits));
  const std::string_view values = text.substr(equals + 1);
  const size_t colon = values.find(':');
  oci::Rlimit result;
  result.type = "RLIMIT_" + name;
  std::transform(result.type.begin(), result.type.end(), result.type.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  result.soft = TRY(limit(text, values.substr(0, colon)));
  result.hard = colon == std::string_view::npos ? result.soft : TRY(limit(text, values.substr(colon + 1)));
  if (result.soft > result.hard) return wrong("ulimit", text, "the soft limit is above the hard one");
  std::erase_if(wishes.rlimits, [&](const oci::Rlimit& r) { return r.type == result.type; });
  wishes.rlimits.push_back(std::move(result));
  return {};
}

// ---- devices ----

Result<> add_device(std::string_view text, Wishes& wishes) {
  const std::vector<std::string_view> parts = str::split(text, ':');
  if (parts.empty() || parts.size() > 3) return wrong("device", text, "write PATH[:PATH-INSIDE[:rwm]]");
  const bool second_is_access = parts.size() == 2 && !parts[1].starts_with('/');
  const std::string_view access = parts.size() == 3 ? parts[2] : second_is_access ? parts[1] : "rwm";
  const std::string_view inside = parts.size() == 1 || second_is_access ? parts[0] : parts[1];
  if (access.empty() || access.find_first_not_of("rwm") != std::string_view::npos)
    return wrong("device", text, str::cat("'", access, "' is not made of r, w and m"));
  const std::optional<std::string> path = clean(inside);
  if (!path) return wrong("device", text, "paths of devices are absolute");
  const std::string on_host(parts[0]);
  const Result<struct stat> st = sys::fstatat(Fd::cwd(), on_host.c_str(), 0);
  if (!st.ok())
    return Error(Kind::not_found, str::cat("--device '", text, "': '", on_host, "' does not exist"));
  const mode_t kind = st.value().st_mode & S_IFMT;
  if (kind != S_IFCHR && kind != S_IFBLK)
    return wrong("device", text, str::cat("'", on_host, "' is not a device"));
  const oci::Device device{.type = kind == S_IFCHR ? "c" : "b",
                           .path = *path,
                           .major = major(st.value().st_rdev),
                           .minor = minor(st.value().st_rdev),
                           .file_mode = st.value().st_mode & 07777,
                           .uid = st.value().st_uid,
                           .gid = st.value().st_gid};
  std::erase_if(wishes.devices, [&](const oci::Device& d) { return d.path == *path; });
  wishes.devices.push_back(device);
  wishes.device_rules.push_back({.allow = true,
                                 .type = device.type,
                                 .major = device.major,
                                 .minor = device.minor,
                                 .access = std::string(access)});
  return {};
}

// ---- the rest ----

Result<> add_security(std::string_view text, const Machine& machine, Wishes& wishes) {
  if (text == "no-new-privileges" || text == "no-new-privileges=true" || text == "no-new-privileges:true") {
    wishes.no_new_privileges = true;
    return {};
  }
  constexpr std::string_view kSeccomp = "seccomp=";
  if (!text.starts_with(kSeccomp))
    return wrong("security-opt", text, "there are seccomp=unconfined, seccomp=FILE and no-new-privileges");
  const std::string_view what = text.substr(kSeccomp.size());
  wishes.given_seccomp.reset();
  wishes.seccomp = what == "unconfined" ? SeccompChoice::unconfined : SeccompChoice::docker;
  if (what == "unconfined" || what == "builtin") return {};
  wishes.given_seccomp =
      TRY(seccomp_file::load(what, machine.processor, wishes.capabilities).within("--security-opt"));
  wishes.seccomp = SeccompChoice::given;
  return {};
}

Result<> check_hostname(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                             c == '-' || c == '.' || c == '_';
                    });
  if (good) return {};
  return wrong("hostname", name,
               "a host name has 1 to 63 letters, digits, '-', '_' and '.', and no '-' at either end");
}

Result<> understand_lists(const BundleOptions& typed, const Machine& machine, Wishes& wishes) {
  for (const std::string& text : typed.env) TRY(add_env(text, machine, wishes));
  for (const std::string& text : typed.volumes)
    TRY(mount_options::add_volume(text, machine, wishes).within("--volume"));
  for (const std::string& text : typed.mounts)
    TRY(mount_options::add_mount(text, machine, wishes).within("--mount"));
  for (const std::string& text : typed.tmpfs) TRY(mount_options::add_tmpfs(text, wishes).within("--tmpfs"));
  for (const std::string& text : typed.annotations) TRY(add_pair("annotation", text, wishes.annotations));
  for (const std::string& text : typed.labels) TRY(add_pair("label", text, wishes.labels));
  for (const std::string& text : typed.devices) TRY(add_device(text, wishes));
  for (const std::string& text : typed.ulimits) TRY(add_ulimit(text, wishes));
  for (const std::string& text : typed.security) TRY(add_security(text, machine, wishes));
  return {};
}

}  // namespace

std::optional<std::string> clean(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> parts;
  for (const std::string_view part : str::split(path, '/')) {
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.emplace_back(part);
  }
  return "/" + str::join(parts, "/");
}

Result<Wishes> understand(const BundleOptions& typed, const Machine& machine) {
  Wishes wishes{.rootfs = typed.rootfs,
                .network = typed.network,
                .tty = typed.tty,
                .read_only = typed.read_only,
                .no_new_privileges = typed.no_new_privileges,
                .trust_labels = typed.trust_labels};
  if (!typed.entrypoint.empty()) wishes.entrypoint = typed.entrypoint.back();
  wishes.user = typed.user;
  if (typed.workdir) {
    wishes.workdir = clean(*typed.workdir);
    if (!wishes.workdir) return wrong("workdir", *typed.workdir, "the path must be absolute");
  }
  if (typed.hostname) TRY(check_hostname(*typed.hostname));
  wishes.hostname = typed.hostname;
  wishes.capabilities = TRY(capabilities(typed));
  wishes.resources = TRY(resources(typed));
  if (typed.shm_size) wishes.shm_size = str::cat("size=", TRY(size("shm-size", *typed.shm_size)));
  TRY(understand_lists(typed, machine, wishes));
  return wishes;
}

}  // namespace options
