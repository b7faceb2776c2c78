// What <root>/<id>/ holds of a container, in two files, and what `state` and `list` print of it (runtime.md, "State").
//
//   state.json  State: what every command needs.  Small: `list` reads a thousand of them
//   exec.json   ExecDefaults: what `exec` and `update` need besides, with Docker's seccomp profile some 30 KiB
//
// Both name their format, by a number that changes with their meaning; another number is refused, not guessed at.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/config.h"

namespace oci {

enum class Status { creating, created, running, stopped, paused };
std::string_view text(Status status);

struct Exit {
  int32_t code = 0;   // 0–255, or 128 + the signal that ended it
  std::string ended;  // RFC 3339
  bool operator==(const Exit&) const = default;
};

// A unit that systemd made for a container.
struct SystemdUnit {
  std::string name;   // "runtime-web.scope"
  bool user = false;  // of a user's manager, not the host's
  bool operator==(const SystemdUnit&) const = default;
};

// The formats that this program writes and reads.
inline constexpr uint32_t kStateFormat = 2;

// Kept on disk between commands; written at create, and again only when the process of a kept container has ended.
struct State {
  uint32_t format = kStateFormat;
  std::string oci_version{kSpecVersion};
  std::string id;
  int32_t pid = 0;
  uint64_t pid_start_time = 0;  // field 22 of /proc/PID/stat: tells a reused pid from ours
  std::string bundle;           // absolute
  std::string rootfs;           // absolute
  // Mount id of the root where the container has no mount namespace of its own, or 0: it is mounted in ours then.
  uint64_t host_root = 0;
  std::string created;  // RFC 3339
  std::string owner;    // user name or number
  uint32_t owner_uid = 0;
  Status status = Status::created;  // as last written; the true one also depends on the process
  std::map<std::string, std::string> annotations;
  // Controller ("" for v2) → absolute path of the cgroup's directory.
  std::map<std::string, std::string> cgroup_paths;
  std::vector<std::string> created_cgroups;  // those of them that we made, and so may remove
  std::optional<SystemdUnit> unit;           // whose cgroups they are
  std::vector<std::string> rdt_tasks;    // files of resctrl that every process of the container is written to
  std::vector<std::string> created_rdt;  // directories there that go with the container
  std::optional<Hooks> hooks;  // config.json's: startContainer, poststart and poststop are still to come
  bool no_process = false;     // config.json had none: it cannot be started
  bool keep = false;           // run --keep: a stopped container stays until it is deleted
  std::optional<Exit> exit;
  bool no_pivot = false;
  bool shared_pids = false;  // no pid namespace of its own: its processes outlive the first
  bool operator==(const State&) const = default;
};

// What a further process takes over and must not be looked up again: it is frozen at create (runtime.md, step 2); and
// the limits all of them share, which `update` changes.
struct ExecDefaults {
  uint32_t format = kStateFormat;
  std::vector<NamespaceType> namespaces;  // those that it joins
  std::optional<Process> process;         // capabilities, env, user, cwd…
  std::optional<Seccomp> seccomp;
  std::optional<Resources> resources;  // its limits as last applied: `update` adds to them
  std::optional<Personality> personality;
  std::optional<MemoryPolicy> memory_policy;
  bool operator==(const ExecDefaults&) const = default;
};

Result<State> parse_state(std::string_view text);
// Without what `list` has no use for: hooks, and the cgroups but for the one that may be frozen.
Result<State> parse_listed(std::string_view text);
std::string encode(const State& state);  // state.json
Result<ExecDefaults> parse_exec_defaults(std::string_view text);
std::string encode(const ExecDefaults& defaults);  // exec.json

// The JSON of runtime.md's state: ociVersion, id, status, pid (0 when stopped), bundle, annotations, and what runc adds:
// rootfs, created, owner; ours: exitCode, ended.  `indent`: as `state` prints it; otherwise one line, for hooks.
std::string public_state(const State& state, Status now, bool indent);

// The JSON of config-linux.md's container process state; `fds` names the descriptors that travel with it.
std::string process_state(const State& state, Status now, int32_t pid, const std::vector<std::string>& fds,
                          std::string_view metadata);

}  // namespace oci
