// The plan: everything a container needs, decided before anything is done.
//
// plan::make is pure: config.json, facts of the host and the command line go in; a plain struct comes out in which
// flags are parsed, ids mapped, the seccomp program compiled, the environment built.  After it nothing parses, looks
// up or guesses.  What is not supported is refused here with its JSON path, before anything has been touched.
// The chapters have files of their own (namespaces, mounts, devices, process, cgroup, seccomp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/cgroup.h"
#include "runtime/plan/devices.h"
#include "runtime/plan/intel_rdt.h"
#include "runtime/plan/masks.h"
#include "runtime/plan/mounts.h"
#include "runtime/plan/namespaces.h"
#include "runtime/plan/net_devices.h"
#include "runtime/plan/process.h"
#include "runtime/plan/seccomp.h"
#include "runtime/plan/sysctls.h"
#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

// What the command line asks for (create and run).
struct CreateArgs {
  std::string id;
  std::string bundle;  // absolute
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool systemd_cgroup = false;
  unsigned preserve_fds = 0;
};

// Facts of the host that decisions depend on, read once by life/host.
struct Host {
  uint32_t euid = 0, egid = 0;
  uint64_t capabilities = 0;  // the runtime's own permitted set
  unsigned listen_fds = 0;
  bool mount_labels =
      true;  // false: SELinux is not there to know linux.mountLabel, which is left out with a warning
  CgroupHost cgroups;
};

struct Plan {
  std::string id, bundle;
  Namespaces namespaces;
  RootfsPlan rootfs;
  std::vector<MountStep> mounts;
  std::string mount_label;  // SELinux's, in the options of `mounts` already; empty: none
  std::vector<DeviceStep> devices;
  MaskPlan masks;
  std::vector<SysctlStep> sysctls;
  std::vector<NetDevice> net_devices;
  std::string hostname, domainname;
  std::optional<Process> process;  // absent: `create` is legal, `start` is not
  std::optional<SeccompProgram> seccomp;
  Cgroup cgroup;
  IntelRdt intel_rdt;
  oci::Hooks hooks;
  bool new_keyring = true;
  std::vector<std::string> warnings;
};

Result<Plan> make(const oci::Config& config, const Host& host, const CreateArgs& args);

// A plan as far as it could be made, and every mistake, a line for each: for `validate`, which looks further.
struct Draft {
  Plan plan;
  Result<> wrong;
};
Draft draft(const oci::Config& config, const Host& host, const CreateArgs& args);

}  // namespace plan
