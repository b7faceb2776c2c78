// The container's process, resolved: numbers instead of names, capability sets as bits, the environment complete.
// Made by plan::make for `create`, and by plan::make_process alone for `exec`.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

// capabilities(7) as bit sets, bit n for capability number n.
struct CapabilitySets {
  uint64_t bounding = 0, effective = 0, permitted = 0, inheritable = 0, ambient = 0;
};

struct RlimitStep {
  int resource = 0;
  std::string name;
  rlimit64 limit{};
};

struct SchedulerStep {
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
  std::string text;  // the policy's name, for messages
};

struct MemoryPolicyStep {
  int mode = 0;  // with its flags, as set_mempolicy(2) takes them
  std::vector<unsigned> nodes;
  std::string text;  // "MPOL_BIND with nodes 0-1", for messages
};

struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;  // each name once
  std::string cwd;
  uint32_t uid = 0, gid = 0;
  std::vector<gid_t> groups;
  bool set_groups = true;  // false where the user namespace forbids setgroups and none are asked for
  std::optional<mode_t> umask;
  std::optional<CapabilitySets> capabilities;  // absent: all sets are emptied, as runc and crun do
  bool new_user_namespace = false;
  std::vector<RlimitStep> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::optional<SchedulerStep> scheduler;
  std::optional<int> io_priority;  // as ioprio_set(2) takes it
  std::optional<unsigned long> personality;
  std::optional<MemoryPolicyStep> memory_policy;
  std::vector<unsigned> cpus_initial, cpus_final;  // exec only; empty: leave it
  std::string apparmor_profile, selinux_label;     // empty: none
  bool terminal = false;
  oci::ConsoleSize console_size;  // 0: leave it
  unsigned preserve_fds = 0;      // 3 … 3 + n - 1 stay open
};

struct ProcessFacts {
  uint64_t permitted = 0;       // the runtime's own permitted capabilities
  bool user_namespace = false;  // the process will live in a user namespace (it has all capabilities there)
  bool groups_denied = false;   // … whose setgroups is denied
  unsigned listen_fds = 0;      // $LISTEN_FDS given to us: they follow the standard three
  unsigned preserve_fds = 0;    // --preserve-fds
};

// `path` is the JSON path of the object, for messages ("process").  Unknown or ungrantable capabilities are warnings
// (config.md: "SHOULD log a warning"), returned in `warnings`.
Result<Process> make_process(const oci::Process& process, const ProcessFacts& facts, std::string_view path,
                             std::vector<std::string>& warnings);

// Every capability that make_process knows: "CAP_CHOWN"…
std::vector<std::string> capability_names();

// What linux.personality and linux.memoryPolicy ask of every process of the container, also of those that `exec` adds.
Result<> add_execution(const std::optional<oci::Personality>& personality,
                       const std::optional<oci::MemoryPolicy>& memory, Process& plan);

// "0-3,8" → {0,1,2,3,8} (cpuset(7) list format); nullopt if it is none.
std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text);

}  // namespace plan
