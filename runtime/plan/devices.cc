#include "runtime/plan/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "spec/base/errors.h"

namespace plan {

namespace {

constexpr struct {
  const char* name;
  unsigned major, minor;
} kNodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
              {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

constexpr struct {
  const char* name;
  const char* target;
} kLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

// "/dev/./null" → "dev/null"; empty if it is no absolute path of a file, or goes up.
std::string beneath_root(std::string_view path) {
  if (!path.starts_with('/') || path.ends_with('/')) return {};
  std::string clean;
  for (const std::string_view part : str::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return {};
    clean += str::cat(clean.empty() ? "" : "/", part);
  }
  return clean;
}

mode_t file_type(std::string_view type) {
  if (type == "c" || type == "u") return S_IFCHR;
  return type == "b" ? S_IFBLK : S_IFIFO;
}

// The last mount at exactly /dev is what is seen there.
bool dev_is_bound(const std::vector<MountStep>& mounts) {
  bool bound = false;
  for (const MountStep& step : mounts)
    if (step.target == "dev" && (step.kind == MountKind::bind || step.kind == MountKind::filesystem))
      bound = step.kind == MountKind::bind;
  return bound;
}

Result<DeviceStep> make_device(size_t index, const oci::Device& device, bool user_namespace, bool bound) {
  DeviceStep step;
  step.origin = str::cat("linux.devices[", index, "]");
  step.path = beneath_root(device.path);
  if (step.path.empty())
    return Error(Kind::invalid, str::cat(step.origin, ".path: '", str::printable(device.path),
                                         "' is not an absolute path of a device"));
  step.type = file_type(device.type);
  if (step.type != S_IFIFO)
    step.number = ::makedev(static_cast<unsigned>(*device.major), static_cast<unsigned>(*device.minor));
  if (device.file_mode)
    step.mode = static_cast<mode_t>(*device.file_mode) & 07777;  // some authors add the file type
  step.uid = device.uid;
  step.gid = device.gid;
  step.from_host = user_namespace && step.type != S_IFIFO;
  step.must_exist = bound && step.path.starts_with("dev/");
  return step;
}

bool contains(const std::vector<DeviceStep>& steps, std::string_view path) {
  return std::any_of(steps.begin(), steps.end(), [&](const DeviceStep& step) { return step.path == path; });
}

void add_defaults(std::vector<DeviceStep>& steps, bool user_namespace) {
  std::vector<DeviceStep> defaults;
  for (const auto& node : kNodes) {
    DeviceStep step;
    step.path = str::cat("dev/", node.name);
    step.type = S_IFCHR;
    step.number = ::makedev(node.major, node.minor);
    step.from_host = user_namespace;
    defaults.push_back(step);
  }
  for (const auto& link : kLinks) {
    DeviceStep step;
    step.kind = DeviceKind::link;
    step.path = str::cat("dev/", link.name);
    step.link = link.target;
    defaults.push_back(step);
  }
  DeviceStep ptmx;
  ptmx.kind = DeviceKind::ptmx;
  ptmx.path = "dev/ptmx";
  ptmx.link = "pts/ptmx";
  ptmx.type = S_IFCHR;
  ptmx.number = ::makedev(5, 2);
  defaults.push_back(ptmx);
  for (DeviceStep& step : defaults) {
    step.origin = "default device";
    if (!contains(steps, step.path)) steps.push_back(std::move(step));
  }
}

}  // namespace

Result<std::vector<DeviceStep>> make_devices(const oci::Config& config, const MountFacts& facts,
                                             const std::vector<MountStep>& mounts) {
  const bool bound = dev_is_bound(mounts);
  std::vector<DeviceStep> steps;
  Errors errors;
  if (config.linux_) {
    for (size_t i = 0; i < config.linux_->devices.size(); ++i)
      steps.push_back(errors.keep(make_device(i, config.linux_->devices[i], facts.user_namespace, bound)));
  }
  TRY(std::move(errors).finish());
  if (!bound) add_defaults(steps, facts.user_namespace);
  return steps;
}

}  // namespace plan
