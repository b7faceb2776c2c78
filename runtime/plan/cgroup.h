// Which cgroups the container gets and what is written into them, decided before anything is made.
//
// One plan serves cgroup v1, v2 and hybrid hosts: each property of linux.resources looks for its controller first among
// the v1 hierarchies, then in the unified one, and becomes a write to that hierarchy's file in that version's units.
// A controller that no hierarchy has is an error with the property's JSON path.
//
// Where: cgroupsPath absolute = beneath the hierarchy's mount; relative = beneath "/runtime" (the specification leaves that
// to the runtime), so that "web" is /sys/fs/cgroup/…/runtime/web; absent = "/runtime-ID": each directory in between
// would have to be made in every hierarchy.  An ordinary user's are beneath what the user was given.  Where systemd makes
// the cgroups, it is SLICE:PREFIX:NAME.
// Units: config-linux.md.  0 means "not set" for shares, weights, limits and quotas, as every engine sends it; pids.limit
// 0 is a limit (1.3.0).  -1 is unlimited.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/systemd/request.h"
#include "spec/base/error.h"
#include "spec/config.h"
#include "spec/state.h"

namespace plan {

// A mounted hierarchy of the host (cgroups(7)).
struct HostHierarchy {
  std::string mount_point;               // "/sys/fs/cgroup/memory"
  std::vector<std::string> controllers;  // "memory"; "name=systemd"; of v2: what cgroup.controllers lists
  bool v2 = false;
  bool writable = true;  // its root; only looked at where the host is tolerant
};

struct CgroupHost {
  std::vector<HostHierarchy> hierarchies;
  bool writable = true;   // false for an ordinary user
  bool tolerant = false;  // what we may not make is done without, unless it is to hold limits
  // Where the user's systemd is ("/user.slice/user-1000.slice/user@1000.service"), if it is that which makes cgroups;
  // nullopt: it is the host's.
  std::optional<std::string> user_manager;
  // v2 alone, not as the host's root: where beneath the hierarchy's root the one above is, whose cgroups are this user's
  // ("/user.slice/user-1000.slice/user@1000.service").  Paths are beneath that, and its controllers those that were delegated.
  std::optional<std::string> delegated;
  bool gives_away = true;  // whether a container's user may be given its cgroup; an ordinary user cannot
  bool device_rules =
      true;  // false in a user namespace: its root may not set them, and makes no devices either

  [[nodiscard]] bool only_v2() const { return hierarchies.size() == 1 && hierarchies.front().v2; }
};

struct CgroupWrite {
  std::string file, value;
  std::string property;   // JSON path, for messages
  bool optional = false;  // a kernel without the file is no error
  // Where the kernel has not `file` but this one, in its units.  Empty: there is no other.
  std::string other_file = {}, other_value = {};
  // Of a file with a line for each device or interface: what to write where this one had no line before.
  std::string unset = {};
};

struct CgroupDirectory {
  std::string mount_point;
  std::string path;  // beneath the mount point, "/runtime-web"
  std::vector<std::string> controllers;
  bool v2 = false;
  std::vector<CgroupWrite> writes;
};

// A unit of systemd's, whose cgroup is the container's (plan/systemd.h).
struct Unit {
  oci::SystemdUnit known_as;
  std::string cgroup;  // where it will be, beneath the mount point of a hierarchy
  std::vector<systemd::Property> properties;
};

// How messages call a property of linux.resources, "memory.limit": "linux.resources.memory.limit".
std::string name_in_config(std::string_view property);

struct Cgroup {
  std::vector<CgroupDirectory> directories;  // empty: the container stays in its caller's cgroups
  std::optional<Unit> unit;                  // systemd makes the directories, and says where
  bool tolerant = false;                     // the same for each of them that we have no right to make
  bool delegated = false;                    // its controllers are those that the user was given
  bool default_parent = false;               // the parent directory is ours to remove when it is empty
  std::optional<std::vector<oci::DeviceRule>> device_filter;  // for v2: wants an eBPF program
  std::optional<uint32_t> owner;  // user of the host who may make cgroups beneath the container's; v2 alone
  std::vector<std::string> warnings;  // what went on regardless
  std::string (*name)(std::string_view property) = name_in_config;
};

// Rules every container gets behind its own: the devices config-linux.md makes available by default.
std::vector<oci::DeviceRule> default_device_rules();

// Kind::invalid and Kind::unsupported name linux.cgroupsPath or linux.resources….
Result<Cgroup> make_cgroup(const oci::Config& config, std::string_view id, const CgroupHost& host,
                           bool systemd);

// cpu.shares (2…262144) as cpu.weight (1…10000) by the formula the runtimes agreed on in 2025: 1024 becomes 100.
uint64_t weight_of_shares(uint64_t shares);
// The lines a rule becomes for devices.allow and devices.deny (Documentation/admin-guide/cgroup-v1/devices.rst).
std::vector<std::string> device_lines(const oci::DeviceRule& rule);

}  // namespace plan
