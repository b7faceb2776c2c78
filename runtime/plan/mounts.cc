#include "runtime/plan/mounts.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <iterator>

#include "runtime/plan/mount_options.h"
#include "spec/base/errors.h"

namespace plan {

namespace {

constexpr size_t kMostSteps = 100'000;  // sysctl fs.mount-max: what the kernel lets one namespace have
constexpr size_t kLongestOption =
    64 << 10;  // mount(2) takes a page for all of them, fsconfig(2) 256 bytes for one

Error invalid(size_t index, std::string_view field, std::string_view problem) {
  return Error(Kind::invalid, str::cat("mounts[", index, "]", field, ": ", problem));
}

// Without empty and "." components.  ".." stays: what it means is known only where links are followed.
std::string beneath_root(std::string_view path) {
  std::string clean;
  bool only_up = true;
  for (const std::string_view part : str::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") only_up = false;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return only_up ? std::string() : clean;
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Superblocks that the host, or other containers of the same namespace, mount too.
bool shares_superblock(std::string_view type) {
  return one_of(type, {"proc", "sysfs", "mqueue", "cgroup", "cgroup2"});
}

// ---- bind mounts ----

bool is_shared(const std::vector<unsigned long>& propagation) {
  return std::any_of(propagation.begin(), propagation.end(),
                     [](unsigned long flag) { return flag & MS_SHARED; });
}

bool is_of_tmpfs(const MountData& data) {
  return data.value &&
         one_of(data.key, {"mode", "size", "nr_blocks", "nr_inodes", "uid", "gid", "huge", "mpol"});
}

Result<> check_bind(const MountStep& step, const oci::Mount& mount, const ParsedOptions& options) {
  if (!mount.source || mount.source->empty())
    return invalid(step.index, ".source", "a bind mount needs the path of what it shows");
  if (options.superblock_option)
    return invalid(step.index, str::cat(".options[", *options.superblock_option, "]"),
                   str::cat("'", str::printable(mount.options[*options.superblock_option]),
                            "' is of a whole file system, so a bind mount cannot have it"));
  if (options.copy_up)
    return invalid(step.index, ".options", "'tmpcopyup' is for tmpfs, not for bind mounts");
  for (const MountData& data : options.data)
    if (!is_of_tmpfs(data))
      return invalid(
          step.index, str::cat(".options[", *data.option, "]"),
          str::cat("unknown option '", str::printable(mount.options[*data.option]), "' for a bind mount"));
  return {};
}

constexpr uint64_t kRestrictions =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

// The options are all that the mount is to have, but for access times, which stay unless one of the choices is made.
MountAttributes of_bind(const ParsedOptions& options) {
  if (!options.own_given) return {};
  const uint64_t set = options.own.set;
  MountAttributes own{set, kRestrictions & ~set};
  constexpr uint64_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
  if (options.time_chosen || set & MOUNT_ATTR_NODIRATIME)
    own.clear |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~set);
  else
    own.set &= ~kTimes;
  return own;
}

// Configurations in the wild give all mounts the options of a tmpfs; the kernel does not look at them here.
std::string warning_of_bind(const MountStep& step, const ParsedOptions& options) {
  if (options.data.empty()) return "";
  const MountData& data = options.data.front();
  return str::cat("mounts[", step.index, "].options[", *data.option, "]: '", str::printable(data.key),
                  "' has no effect on a bind mount, ignoring");
}

Result<MountStep> make_bind(MountStep step, const oci::Mount& mount, const ParsedOptions& options,
                            const MountFacts& facts) {
  TRY(check_bind(step, mount, options));
  step.kind = MountKind::bind;
  step.warning = warning_of_bind(step, options);
  step.source = mount.source->starts_with('/') ? *mount.source : str::cat(facts.bundle, "/", *mount.source);
  step.recursive = options.recursive;
  step.own = of_bind(options);
  step.lifted = options.own.clear & kRestrictions;
  step.source_nofollow = options.source_nofollow;
  // In a user namespace mounts only receive from the host; there is no peer group to be copied.
  step.open_early = is_shared(step.propagation) && !facts.user_namespace;
  step.open_outside = facts.privileged && !step.open_early && (facts.user_namespace || step.idmap);
  return step;
}

// ---- file systems ----

void add_label(MountStep& step, const MountFacts& facts) {
  if (facts.mount_label.empty() || shares_superblock(step.type)) return;
  step.data.push_back({"context", facts.mount_label, std::nullopt});
}

// A new user namespace may only mount these where it owns the namespace they show; else the host's are shown.
bool must_show_hosts(std::string_view type, const MountFacts& facts) {
  if (!facts.user_namespace) return false;
  return (type == "sysfs" && !facts.own_network) || (type == "proc" && !facts.own_pid) ||
         (type == "mqueue" && !facts.own_ipc);
}

MountStep show_hosts(MountStep step) {
  step.kind = MountKind::bind;
  step.source = step.type == "sysfs" ? "/sys" : step.type == "proc" ? "/proc" : "/dev/mqueue";
  step.recursive = true;
  // What is mounted beneath, the host's cgroups above all, must not stay writable (CVE-2023-25809).
  step.tree.set |= step.own.set;
  step.tree.clear = 0;
  step.own = {};
  step.superblock = step.superblock_clear = 0;
  step.data.clear();
  return step;
}

void fit_devpts(MountStep& step, const MountFacts& facts) {
  if (!facts.user_namespace) return;
  std::erase_if(step.data, [&](const MountData& data) {
    const std::optional<uint32_t> gid = data.value ? str::number<uint32_t>(*data.value) : std::nullopt;
    return data.key == "gid" && gid && !oci::host_id(facts.gid_mappings, *gid);
  });
}

Result<MountStep> make_filesystem(MountStep step, const oci::Mount& mount, const ParsedOptions& options,
                                  const MountFacts& facts) {
  if (step.type.empty())
    return invalid(step.index, ".type", "missing; only bind mounts (option 'bind' or 'rbind') have no type");
  if (step.type == "bind" || step.type == "rbind")
    return invalid(step.index, ".type",
                   str::cat("'", step.type, "' alone mounts nothing; add 'bind' or 'rbind' to the options"));
  if (options.copy_up && step.type != "tmpfs")
    return invalid(step.index, ".options", "'tmpcopyup' is for tmpfs");
  if (step.target == "proc" && step.type != "proc")
    return invalid(step.index, ".destination",
                   str::cat("'/proc' can only be a procfs, not ", str::printable(step.type)));
  step.source = mount.source.value_or("");
  step.superblock = options.superblock;
  step.superblock_clear = options.superblock_clear;
  step.data = options.data;
  step.copy_up = options.copy_up;
  step.links_refused |= one_of(step.type, {"proc", "sysfs"});
  if (must_show_hosts(step.type, facts)) return show_hosts(std::move(step));
  if (shares_superblock(step.type)) step.superblock &= ~static_cast<unsigned long>(MS_RDONLY);
  if (step.type == "devpts") fit_devpts(step, facts);
  if (step.type == "tmpfs" && step.own.set & MOUNT_ATTR_RDONLY) {
    // Mount points and devices may still have to be made in it.
    step.superblock &= ~static_cast<unsigned long>(MS_RDONLY);
    step.own.set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
    step.seal_later = true;
  }
  add_label(step, facts);
  return step;
}

// Without the copies that an initializer list makes.
std::vector<MountStep> alone(MountStep step) {
  std::vector<MountStep> steps;
  steps.push_back(std::move(step));
  return steps;
}

// ---- cgroups ----

bool is_unified(const CgroupHierarchy& hierarchy) { return hierarchy.controllers.empty(); }

// "" is the root.
std::string below(std::string_view target, std::string_view name) {
  return target.empty() ? std::string(name) : str::cat(target, "/", name);
}

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// One hierarchy at step.target: mounted anew where a cgroup namespace makes the container's cgroup its root, else a
// bind of the container's cgroup.  Never a new mount in the host's cgroup namespace: it would show the host's whole tree,
// and the kernel waits 10 ms for it.
MountStep make_hierarchy(MountStep step, const CgroupHierarchy& hierarchy, const MountFacts& facts) {
  step.data.clear();
  step.superblock = 0;
  if (!facts.own_cgroup) {
    step.kind = MountKind::bind;
    step.source = str::cat(hierarchy.mount_point, hierarchy.container_path);
    step.own.clear = step.own.set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
    return step;
  }
  step.kind = MountKind::filesystem;
  step.type = is_unified(hierarchy) ? "cgroup2" : "cgroup";
  step.source = step.type;
  for (const std::string& controller : hierarchy.controllers) {
    if (controller.starts_with("name=")) {
      step.data.push_back({"none", std::nullopt, std::nullopt});
      step.data.push_back({"name", controller.substr(5), std::nullopt});
    } else {
      step.data.push_back({controller, std::nullopt, std::nullopt});
    }
  }
  return step;
}

std::vector<MountStep> make_cgroup_v1(const MountStep& entry, const MountFacts& facts) {
  std::vector<MountStep> steps;
  MountStep base = entry;
  base.type = base.source = "tmpfs";
  base.data = {{"mode", "755", std::nullopt}};
  base.superblock = 0;
  base.seal_later = entry.own.set & MOUNT_ATTR_RDONLY;
  base.own.set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  add_label(base, facts);
  steps.push_back(base);
  for (const CgroupHierarchy& hierarchy : facts.cgroups) {
    const std::string_view name = last_component(hierarchy.mount_point);
    MountStep step = make_hierarchy(entry, hierarchy, facts);
    step.target = below(entry.target, name);
    steps.push_back(std::move(step));
    for (const std::string& controller : hierarchy.controllers) {
      if (controller == name || controller.starts_with("name=")) continue;
      MountStep link;
      link.index = entry.index;
      link.destination = entry.destination;
      link.kind = MountKind::link;
      link.target = below(entry.target, controller);
      link.source = name;
      steps.push_back(std::move(link));
    }
  }
  return steps;
}

Result<std::vector<MountStep>> make_cgroups(const MountStep& entry, const MountFacts& facts) {
  if (facts.cgroups.empty())
    return invalid(entry.index, ".type", "this host has no cgroup file system mounted");
  if (facts.cgroups.size() == 1 && is_unified(facts.cgroups.front()))
    return alone(make_hierarchy(entry, facts.cgroups.front(), facts));
  return make_cgroup_v1(entry, facts);
}

// ---- one entry ----

Result<> check_lengths(const oci::Mount& mount, size_t index) {
  for (size_t i = 0; i < mount.options.size(); ++i)
    if (mount.options[i].size() > kLongestOption)
      return invalid(index, str::cat(".options[", i, "]"),
                     str::cat("longer than ", kLongestOption, " bytes, which no file system takes"));
  return {};
}

Result<> map_ids(MountStep& step, const oci::Mount& mount, const ParsedOptions& options,
                 const oci::Config& config, const MountFacts& facts) {
  step.idmap = options.idmap || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  step.idmap_tree = options.idmap_tree;
  if (!step.idmap) return {};
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
    return invalid(step.index, mount.uid_mappings.empty() ? ".uidMappings" : ".gidMappings",
                   "missing; uidMappings and gidMappings only go together");
  if (!options.bind || options.remount)
    return invalid(step.index, ".options", "ids can only be mapped on bind mounts");
  step.uid_mappings = mount.uid_mappings;
  step.gid_mappings = mount.gid_mappings;
  if (step.uid_mappings.empty() && config.linux_ && !facts.joins_user) {
    step.uid_mappings = config.linux_->uid_mappings;
    step.gid_mappings = config.linux_->gid_mappings;
  }
  if (!facts.joins_user && (step.uid_mappings.empty() || step.gid_mappings.empty()))
    return invalid(step.index, ".options", "'idmap' needs uidMappings and gidMappings, here or in linux");
  if (!facts.privileged)
    return Error(Kind::denied,
                 str::cat("mounts[", step.index, "].options: only root may map the ids of a mount"));
  return {};
}

Result<std::vector<MountStep>> make_entry(size_t index, const oci::Config& config, const MountFacts& facts) {
  const oci::Mount& mount = config.mounts[index];
  TRY(check_lengths(mount, index));
  const ParsedOptions options = parse_options(mount.options);
  MountStep step;
  step.index = index;
  step.destination = mount.destination;
  step.target = beneath_root(mount.destination);
  step.type = mount.type.value_or("");
  step.own = options.own;
  step.tree = options.tree;
  step.propagation = options.propagation;
  step.links_refused = options.target_nofollow || one_of(step.target, {"proc", "sys", "dev"});
  if (mount.destination.empty()) return invalid(index, ".destination", "empty");
  TRY(map_ids(step, mount, options, config, facts));
  if (options.remount) {
    step.kind = options.bind ? MountKind::rebind : MountKind::remount;
    step.superblock = options.superblock;
    step.superblock_clear = options.superblock_clear;
    step.data = options.data;
    return alone(std::move(step));
  }
  if (options.bind) return alone(TRY(make_bind(std::move(step), mount, options, facts)));
  MountStep made = TRY(make_filesystem(std::move(step), mount, options, facts));
  if (mount.type == "cgroup") return make_cgroups(made, facts);
  return alone(std::move(made));
}

}  // namespace

bool is_beneath(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<std::vector<MountStep>> make_mounts(const oci::Config& config, const MountFacts& facts) {
  std::vector<MountStep> steps;
  Errors errors;
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    std::vector<MountStep> entry = errors.keep(make_entry(i, config, facts));
    std::move(entry.begin(), entry.end(), std::back_inserter(steps));
    if (steps.size() > kMostSteps)
      return Error(Kind::invalid,
                   str::cat("mounts: more than the ", kMostSteps, " mounts that a container can have"));
  }
  TRY(std::move(errors).finish());
  return steps;
}

Result<RootfsPlan> make_rootfs(const oci::Config& config, const MountFacts& facts, bool no_pivot,
                               const std::vector<MountStep>& steps) {
  RootfsPlan rootfs;
  rootfs.path =
      config.root->path.starts_with('/') ? config.root->path : str::cat(facts.bundle, "/", config.root->path);
  rootfs.readonly = config.root->readonly.value_or(false);
  rootfs.no_pivot = no_pivot;
  rootfs.open_outside = facts.user_namespace && facts.privileged;
  rootfs.replaced = !steps.empty() && steps.front().target.empty() &&
                    (steps.front().kind == MountKind::filesystem || steps.front().kind == MountKind::bind);
  if (config.linux_ && config.linux_->rootfs_propagation && !config.linux_->rootfs_propagation->empty()) {
    const std::string& text = *config.linux_->rootfs_propagation;
    rootfs.propagation = propagation_flag(text);
    if (rootfs.propagation == 0)
      return Error(Kind::invalid, str::cat("linux.rootfsPropagation: '", text,
                                           "' is none of shared, slave, private, unbindable (or rshared…)"));
  }
  return rootfs;
}

}  // namespace plan
