#include "imagetool/bundle/config.h"

#include <algorithm>
#include <iterator>

#include "imagetool/bundle/defaults.h"
#include "imagetool/bundle/environment.h"
#include "imagetool/bundle/seccomp_profile.h"
#include "spec/base/text.h"

namespace bundle_config {

namespace {

// Annotations that make a runtime or an engine do something.  An image does not get to say them.
constexpr std::string_view kCommanding[] = {
    "cdi.k8s.io/",
    "com.github.containers.",
    "containerd.io/",
    "dev.gvisor.",
    "io.containerd.",
    "io.container.manager",
    "io.containers.",
    "io.crio.",
    "io.github.containers.",
    "io.katacontainers.",
    "io.kubernetes.",
    "io.podman.",
    "krun.",
    "module.wasm.",
    "nvidia.",
    "org.criu.",
    "org.systemd.property.",
    "run.oci.",
};

// Where the kernel shows itself.
constexpr std::string_view kKernels[] = {"/proc", "/sys", "/dev"};

// The oldest version that has all we write: runtimes refuse what is newer than they (crun 1.8 knows nothing after 1.1).
constexpr std::string_view kWrittenVersion = "1.1.0";

// ---- the process ----

Result<std::vector<std::string>> command(const oci::ImageProcess& image, const Wishes& wishes,
                                         const std::vector<std::string>& arguments, const std::string& name) {
  std::vector<std::string> args;
  if (wishes.entrypoint) {
    if (!wishes.entrypoint->empty()) args.push_back(*wishes.entrypoint);
  } else if (image.entrypoint) {
    args = *image.entrypoint;
  }
  if (!arguments.empty())
    args.insert(args.end(), arguments.begin(), arguments.end());
  else if (!wishes.entrypoint && image.cmd)
    args.insert(args.end(), image.cmd->begin(), image.cmd->end());
  if (args.empty())
    return Error(Kind::invalid, str::cat("image '", name,
                                         "' names no command: say what to run behind it, as in -- /bin/sh"));
  if (args[0].empty())
    return Error(Kind::invalid, str::cat("image '", name, "': the command to run is an empty name"));
  return args;
}

std::string working_directory(const oci::ImageProcess& image, const Wishes& wishes) {
  if (wishes.workdir) return *wishes.workdir;
  const std::string wanted = image.working_dir.value_or("/");
  return options::clean(wanted.starts_with('/') ? wanted : "/" + wanted).value_or("/");
}

oci::Capabilities capabilities(const Wishes& wishes, uint32_t uid) {
  oci::Capabilities sets;
  sets.bounding = wishes.capabilities;
  // For anybody but root exec() would clear these two anyway.
  sets.effective = uid == 0 ? wishes.capabilities : std::vector<std::string>();
  sets.permitted = sets.effective;
  return sets;
}

// ---- annotations ----

bool commands_something(std::string_view label) {
  return std::any_of(std::begin(kCommanding), std::end(kCommanding),
                     [&](std::string_view prefix) { return label.starts_with(prefix); });
}

std::map<std::string, std::string> annotations(const oci::ImageConfig& image, const Wishes& wishes,
                                               const Facts& facts, std::vector<std::string>& warnings) {
  std::map<std::string, std::string> notes;
  const auto note = [&notes](std::string_view name, const std::optional<std::string>& value) {
    if (value && !value->empty()) notes[str::cat("org.opencontainers.image.", name)] = *value;
  };
  note("os", image.os);
  note("architecture", image.architecture);
  note("variant", image.variant);
  note("author", image.author);
  note("created", image.created);
  note("stopSignal", image.config.stop_signal);
  note("exposedPorts", str::join(image.config.exposed_ports, ","));
  for (const auto& [name, value] : image.config.labels) {
    if (name.empty())  // which config.md forbids: no runtime would take the bundle
      warnings.emplace_back("a label of the image has no name, ignoring");
    else if (wishes.trust_labels || !commands_something(name))
      notes[name] = value;
    else
      warnings.push_back(
          str::cat("label '", str::printable(name),
                   "' of the image could command a runtime, ignoring; --trust-labels takes it"));
  }
  note("ref.name", facts.image_name);  // what the user asked for, whatever the image calls itself
  for (const auto& [name, value] : wishes.labels) notes[name] = value;
  for (const auto& [name, value] : wishes.annotations) notes[name] = value;
  return notes;
}

// ---- mounts ----

oci::Mount overlay(const Facts& facts, bool rootless) {
  std::string lower = "lowerdir=";
  for (const std::string& dir : facts.lower_dirs) {
    if (lower.back() != '=') lower += ':';
    lower += overlay_quoted(dir);
  }
  const std::string quoted = overlay_quoted(facts.bundle);
  oci::Mount mount{.destination = "/", .type = "overlay", .source = "overlay"};
  mount.options = {lower, str::cat("upperdir=", quoted, "/upper"), str::cat("workdir=", quoted, "/work")};
  if (rootless) mount.options.emplace_back("userxattr");  // trusted.* is not for user namespaces
  return mount;
}

oci::Mount bound(const BoundPath& path) {
  oci::Mount mount{.destination = path.destination, .type = "bind", .source = path.source};
  mount.options = {"rbind", "rprivate"};
  if (path.readonly) mount.options.emplace_back("ro");
  return mount;
}

// A user namespace may bind the host's /sys, and not mount its own; and where it has one id, tty's gid is none of it.
void edit_for_rootless(oci::Mount& mount, const Machine& machine) {
  if (mount.destination == "/sys") {
    mount.type = "bind";
    mount.source = "/sys";
    mount.options = {"rbind", "nosuid", "noexec", "nodev", "ro"};
  }
  if (!machine.caller.has_range())
    std::erase_if(mount.options,
                  [](const std::string& o) { return o.starts_with("gid=") || o.starts_with("uid="); });
}

size_t depth(const oci::Mount& mount) {
  return static_cast<size_t>(std::count(mount.destination.begin(), mount.destination.end(), '/'));
}

std::vector<oci::Mount> mounts(const Wishes& wishes, const Machine& machine, const Facts& facts) {
  std::vector<oci::Mount> list = defaults::mounts();
  for (oci::Mount& mount : list) {
    if (machine.rootless()) edit_for_rootless(mount, machine);
    if (wishes.shm_size && mount.destination == "/dev/shm")
      for (std::string& option : mount.options)
        if (option.starts_with("size=")) option = *wishes.shm_size;
  }
  for (const BoundPath& file : facts.files) list.push_back(bound(file));
  for (const BoundPath& volume : facts.volumes) list.push_back(bound(volume));
  for (const oci::Mount& mount : wishes.mounts) {
    std::erase_if(list, [&](const oci::Mount& m) { return m.destination == mount.destination; });
    list.push_back(mount);
  }
  // What is nearer to the root first, so that nothing is mounted over what lies below it.
  std::stable_sort(list.begin(), list.end(),
                   [](const oci::Mount& a, const oci::Mount& b) { return depth(a) < depth(b); });
  if (!facts.lower_dirs.empty()) list.insert(list.begin(), overlay(facts, machine.rootless()));
  return list;
}

// ---- linux ----

std::vector<oci::Namespace> namespaces(const Wishes& wishes, const Machine& machine) {
  using Type = oci::NamespaceType;
  std::vector<oci::Namespace> list;
  for (const Type type : {Type::pid, Type::ipc, Type::uts, Type::mount, Type::cgroup})
    list.push_back({.type = type});
  if (wishes.network == Network::none) list.push_back({.type = Type::network});
  if (machine.rootless()) list.push_back({.type = Type::user});
  return list;
}

Result<oci::Linux> linux_part(const Wishes& wishes, const Machine& machine) {
  oci::Linux result;
  result.namespaces = namespaces(wishes, machine);
  result.masked_paths = defaults::masked_paths();
  result.masked_paths.insert(result.masked_paths.end(), machine.thermal_paths.begin(),
                             machine.thermal_paths.end());
  result.readonly_paths = defaults::readonly_paths();
  result.devices = wishes.devices;
  if (machine.rootless()) {
    result.uid_mappings = machine.caller.uids;
    result.gid_mappings = machine.caller.gids;
    const oci::Resources& r = wishes.resources;
    if (r.memory || r.cpu || r.pids) result.resources = r;
  } else {
    result.resources = wishes.resources;
    result.resources->devices = defaults::device_rules();
    result.resources->devices.insert(result.resources->devices.end(), wishes.device_rules.begin(),
                                     wishes.device_rules.end());
  }
  if (wishes.seccomp == SeccompChoice::docker)
    result.seccomp = seccomp_profile::make(machine.processor, wishes.capabilities);
  else if (wishes.seccomp == SeccompChoice::given)
    result.seccomp = wishes.given_seccomp;
  return result;
}

Result<> check_identity(const users::Identity& who, const Machine& machine) {
  if (!machine.rootless() ||
      (oci::host_id(machine.caller.uids, who.uid) && oci::host_id(machine.caller.gids, who.gid)))
    return {};
  return Error(Kind::unsupported,
               str::cat("user ", who.uid, ":", who.gid,
                        " is not among the ids that you may have in a container: add --user 0; ",
                        machine.caller.more_ids));
}

std::vector<uint32_t> groups(const users::Identity& who, const Machine& machine) {
  if (!machine.rootless()) return who.groups;
  std::vector<uint32_t> mapped;  // setgroups(2) is for those who have a range
  if (machine.caller.has_range())
    std::ranges::copy_if(who.groups, std::back_inserter(mapped),
                         [&](uint32_t gid) { return oci::host_id(machine.caller.gids, gid).has_value(); });
  return mapped;
}

}  // namespace

std::string overlay_quoted(std::string_view path) {
  std::string quoted;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

std::string hostname(std::string_view name) {
  std::string result;
  for (const char c : name.substr(0, 63)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (plain || !result.empty()) result += plain ? c : '-';
  }
  while (result.ends_with('-') || result.ends_with('.')) result.pop_back();
  while (result.starts_with('.')) result.erase(0, 1);
  return result.empty() ? "container" : result;
}

std::vector<std::string> volumes(const oci::ImageConfig& image, const Wishes& wishes,
                                 std::vector<std::string>& warnings) {
  std::vector<std::string> list;
  const auto add = [&](const std::string& target) {
    const bool taken = std::find(list.begin(), list.end(), target) != list.end() ||
                       std::any_of(wishes.mounts.begin(), wishes.mounts.end(),
                                   [&](const oci::Mount& m) { return m.destination == target; });
    if (!taken) list.push_back(target);
  };
  for (const std::string& volume : image.config.volumes) {
    const std::string target = options::clean(volume.starts_with('/') ? volume : "/" + volume).value_or("/");
    const bool hides =
        target == "/" || std::any_of(std::begin(kKernels), std::end(kKernels), [&](std::string_view k) {
          return target == k || target.starts_with(str::cat(k, "/"));
        });
    if (hides)
      warnings.push_back(str::cat("volume '", str::printable(volume),
                                  "' of the image would hide what the kernel shows there, ignoring"));
    else
      add(target);
  }
  for (const std::string& target : wishes.volumes) add(target);
  return list;
}

Result<MadeConfig> make(const oci::ImageConfig& image, const Wishes& wishes,
                        const std::vector<std::string>& arguments, const Machine& machine,
                        const Facts& facts) {
  TRY(check_identity(facts.identity, machine).within("image '", facts.image_name, "'"));
  MadeConfig made;
  oci::Config& config = made.config;
  config.oci_version = kWrittenVersion;
  config.root = oci::Root{.path = "rootfs", .readonly = wishes.read_only};
  config.hostname = wishes.hostname.value_or(facts.hostname);
  config.mounts = mounts(wishes, machine, facts);
  config.annotations = annotations(image, wishes, facts, made.warnings);
  config.linux_ = TRY(linux_part(wishes, machine));

  oci::Process& process = config.process.emplace();
  process.terminal = wishes.tty;
  process.user = {.uid = facts.identity.uid, .gid = facts.identity.gid};
  process.user.additional_gids = groups(facts.identity, machine);
  process.args = TRY(command(image.config, wishes, arguments, facts.image_name));
  process.env = environment::make({.image = image.config.env,
                                   .wished = wishes.env,
                                   .hostname = *config.hostname,
                                   .home = facts.identity.home,
                                   .terminal = wishes.tty},
                                  made.warnings);
  process.cwd = working_directory(image.config, wishes);
  process.capabilities = capabilities(wishes, facts.identity.uid);
  process.rlimits = wishes.rlimits;
  process.no_new_privileges = wishes.no_new_privileges;

  if (!facts.remove_command.empty())
    config.hooks.emplace().poststop = {
        {.path = facts.remove_command.front(), .args = facts.remove_command, .env = {}, .timeout = {}}};
  return made;
}

}  // namespace bundle_config
