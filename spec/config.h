// config.json of the OCI runtime specification 1.3.0, as structs: config.md here, config-linux.md in linux.h.
//
// An absent property is an empty optional, never a zero: "not asked for" and "zero" differ.  Decoding is strict
// (spec/json.h, spec/schema.h); what spans fields is checked by spec/rules.h; what depends on the host is decided by
// runtime/plan.  Names are those of the specification, in snake_case.
//
// Where the specification leaves a question open, our answer:
//   ociVersion     any 0.x and 1.x is accepted, with a warning above ours; another major version is refused
//   process        may be absent for `create` (config.md); `start` then fails
//   cwd            must be absolute; a missing directory is created, as runc and crun do
//   mounts at "/"  replace the root file system (imagetool's overlay bundles rely on it; runc and crun agree)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/linux.h"

namespace oci {

inline constexpr std::string_view kSpecVersion = "1.3.0";
inline constexpr unsigned kSpecMinor = 3;

struct Root {
  std::string path;  // absolute, or relative to the bundle
  std::optional<bool> readonly;
  bool operator==(const Root&) const = default;
};

struct Mount {
  std::string destination;
  std::optional<std::string> type;
  std::optional<std::string> source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  bool operator==(const Mount&) const = default;
};

struct ConsoleSize {
  uint32_t height = 0, width = 0;  // characters
  bool operator==(const ConsoleSize&) const = default;
};

struct User {
  uint32_t uid = 0, gid = 0;
  std::optional<uint32_t> umask;
  std::vector<uint32_t> additional_gids;
  bool operator==(const User&) const = default;
};

struct Capabilities {  // names as in capabilities(7): "CAP_CHOWN"
  std::optional<std::vector<std::string>> effective, bounding, inheritable, permitted, ambient;
  bool operator==(const Capabilities&) const = default;
};

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  uint64_t soft = 0, hard = 0;
  bool operator==(const Rlimit&) const = default;
};

struct Scheduler {
  std::string policy;
  std::optional<int32_t> nice, priority;
  std::vector<std::string> flags;
  std::optional<uint64_t> runtime, deadline, period;  // nanoseconds
  bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
  std::string io_class;
  std::optional<int32_t> priority;
  bool operator==(const IoPriority&) const = default;
};

struct ExecCpuAffinity {
  std::optional<std::string> initial, final;
  bool operator==(const ExecCpuAffinity&) const = default;
};

struct Process {
  std::optional<bool> terminal;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::optional<std::string> command_line;  // Windows only; refused
  std::vector<std::string> env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  std::optional<bool> no_new_privileges;
  std::optional<std::string> apparmor_profile;
  std::optional<int32_t> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<std::string> selinux_label;
  std::optional<IoPriority> io_priority;
  std::optional<ExecCpuAffinity> exec_cpu_affinity;
  bool operator==(const Process&) const = default;
};

struct Hook {
  std::string path;
  std::vector<std::string> args, env;
  std::optional<int32_t> timeout;  // seconds
  bool operator==(const Hook&) const = default;
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
  bool operator==(const Hooks&) const = default;
};

struct Config {
  std::string oci_version;
  std::optional<Root> root;
  std::vector<Mount> mounts;
  std::optional<Process> process;
  std::optional<std::string> hostname, domainname;
  std::optional<Hooks> hooks;
  std::map<std::string, std::string> annotations;
  std::optional<Linux> linux_;
  bool operator==(const Config&) const = default;
};

// A document, and what is odd in it but no mistake: unknown properties and the like, to be logged as warnings.
template <class T>
struct Checked {
  T value;
  std::vector<std::string>
      warnings;  // "config.json:3:5: proces: unknown property (did you mean 'process'?), ignoring"
};

// Decodes and checks (schema, then rules).  Every mistake is reported, one to a line, with place and JSON path:
//   config.json:12:9: linux.namespaces[1].type: unknown value 'netwrk' (did you mean 'network'?)
// `name` stands for the document in messages: callers need not say it again.  Kind::invalid.
Result<Checked<Config>> check_config(std::string_view text, std::string_view name);
// A process file as `exec --process` takes it.
Result<Checked<Process>> check_process(std::string_view text, std::string_view name);
// Resources as `update --resources` takes them: what is there changes, what is not stays.
Result<Checked<Resources>> check_resources(std::string_view text, std::string_view name);
// The same without the warnings; the document is called 'config.json' or 'process.json'.
Result<Config> parse_config(std::string_view text);
Result<Process> parse_process(std::string_view text);
// Indented, without a line feed at the end.
std::string encode(const Config& config);
std::string encode(const Process& process);

}  // namespace oci
