// Decides what is mounted: config.mounts and linux.rootfsPropagation as a list of steps with everything resolved.
//
// One entry of config.mounts becomes one step, but for type "cgroup" on a host with cgroup v1 hierarchies, which
// becomes a tmpfs, one mount for each hierarchy, and links.  Options are sorted into what they act on: attributes of
// the mount (MOUNT_ATTR_*), flags of the superblock (MS_*), propagation, and data for the file system.
//
// Where the specification (config.md, "Mounts") leaves a question open, our answer:
//   ro rw nosuid suid dev…    a bind mount with any of them has exactly those restrictions that its options name, not
//                             those of the source's mount as well (as runc); with none of them it is like its source.
//                             Where the kernel keeps restrictions locked (user namespaces), those stay that no option
//                             takes away by name, and to take one away is an error.  A remount changes what it names.
//   atime norelatime…         on a bind mount: as the source has it; only noatime, relatime, strictatime, nodiratime choose
//   rro rnosuid…              of the mount and all beneath it, whatever the options without 'r' say of the mount
//   silent, loud              accepted without effect: file systems report to us, not to the kernel's log
//   sync, lazytime, iversion… belong to a superblock: refused on a bind mount, which has none of its own
//   x-…                       is for mount(8) only and ignored, as there
//   no propagation option     a bind mount receives what the host mounts beneath its source, and sends nothing
//   type "bind" alone         is refused: the options make a bind mount, and forgetting them is the usual mistake
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

// What mount_setattr(2) is told: bits to set and bits to clear (MOUNT_ATTR_*).
struct MountAttributes {
  uint64_t set = 0, clear = 0;
  [[nodiscard]] bool empty() const { return (set | clear) == 0; }
  bool operator==(const MountAttributes&) const = default;
};

// An option for the file system: "size=64k" or "newinstance".
struct MountData {
  std::string key;
  std::optional<std::string> value;
  std::optional<size_t> option;  // its index in the entry's options; absent: not from there
};

enum class MountKind {
  filesystem,  // a new mount of a file system of `type`
  bind,        // a mount of what `source` names on the host
  remount,     // changes the mount and the superblock at `target`
  rebind,      // changes the mount at `target` alone (remount with bind)
  link,        // a symbolic link to `source`
};

struct MountStep {
  size_t index = 0;         // in config.mounts, for messages
  std::string destination;  // as written, for messages
  std::string target;       // beneath the root, without '/' at its ends; empty: the root itself
  MountKind kind = MountKind::filesystem;
  std::string type;
  std::string source;         // a bind's is absolute
  bool recursive = false;     // bind: with the mounts beneath the source
  MountAttributes own, tree;  // of the mount alone; of the mount and all beneath it (r… options)
  // MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME, MS_I_VERSION
  unsigned long superblock = 0, superblock_clear = 0;
  std::vector<unsigned long> propagation;  // MS_SHARED…, with MS_REC; applied in this order
  std::vector<MountData> data;
  bool copy_up = false;        // tmpcopyup
  bool links_refused = false;  // no symbolic link may be on the way to the target (/proc, /sys, /dev)
  bool source_nofollow = false;
  bool seal_later = false;  // becomes read-only only when all later steps are done
  bool kept = false;        // later steps look for something beneath it: /dev, and what has masks
  uint64_t lifted = 0;      // bind: restrictions that an option takes away by name (MOUNT_ATTR_*)
  bool open_early = false;  // by mounts::open_sources: it stays in the host's peer group
  bool open_outside =
      false;  // with the runtime's rights, by stages/sources: in a user namespace, and for idmap
  bool idmap = false, idmap_tree = false;
  // Of idmap: the mount's own, or the container's; empty: those of the user namespace that the container joins.
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;
  std::string warning;  // what of the entry has no effect; for people
};

// A cgroup hierarchy of the host.
struct CgroupHierarchy {
  std::string mount_point;               // "/sys/fs/cgroup/cpu,cpuacct"
  std::vector<std::string> controllers;  // "cpu", "cpuacct"; or "name=systemd"; empty: version 2
  std::string container_path;            // of the container's cgroup beneath mount_point: "/user/web"
};

struct MountFacts {
  std::string bundle;                         // absolute
  bool user_namespace = false;                // the container is in another one than we are
  bool joins_user = false;                    // … which exists already
  bool privileged = false;                    // we may join a mount namespace: CAP_SYS_ADMIN
  bool own_pid = false, own_network = false;  // … has a namespace of its own, new or by path
  bool own_ipc = false, own_cgroup = false;
  std::vector<oci::IdMapping> gid_mappings;  // of its user namespace
  std::vector<CgroupHierarchy> cgroups;      // of the host; the one of version 2 included
  std::string mount_label;                   // linux.mountLabel; empty: none
};

// How the root file system comes about.
struct RootfsPlan {
  std::string path;       // absolute
  bool replaced = false;  // the first step mounts something at "/": `path` only has to be a directory
  bool readonly = false;
  bool no_pivot = false;
  bool open_outside = false;      // as MountStep's
  unsigned long propagation = 0;  // linux.rootfsPropagation as MS_*, with MS_REC; 0: not given
};

// Whether `path` is `directory` or lies beneath it; both as MountStep::target.
bool is_beneath(std::string_view path, std::string_view directory);

// Kind::invalid with the JSON path: "mounts[2].options[1]: …".
Result<std::vector<MountStep>> make_mounts(const oci::Config& config, const MountFacts& facts);

// Precondition: config.root is there.  Kind::invalid naming linux.rootfsPropagation.
Result<RootfsPlan> make_rootfs(const oci::Config& config, const MountFacts& facts, bool no_pivot,
                               const std::vector<MountStep>& steps);

// Every option that make_mounts understands by itself, sorted: what `features` lists.
std::vector<std::string_view> mount_options();

}  // namespace plan
