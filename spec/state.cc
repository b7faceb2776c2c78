#include "spec/state.h"

#include <algorithm>

#include "spec/checks.h"
#include "spec/tables.h"

namespace oci {

static constexpr names::Table<Status> kStatuses[] = {
    {Status::creating, "creating"}, {Status::created, "created"}, {Status::running, "running"},
    {Status::stopped, "stopped"},   {Status::paused, "paused"},
};

std::string_view text(Status status) { return names::text(kStatuses, status); }

static std::string exit_code(const int32_t& code) {
  return code < 0 || code > 255 ? str::cat(code, " is out of range 0..255") : "";
}

static std::string format(const uint32_t& n) {
  if (n == kStateFormat) return "";
  return str::cat("written by another version of this program: format ", n, ", and this one knows ",
                  kStateFormat);
}

// What stands for all of `cgroupPaths` where we made all of it, as we mostly do: half of the text that `list` reads a thousand of.
constexpr std::string_view kAllOfThem = "all";

static std::string created_cgroup(const std::string& path) {
  return path == kAllOfThem ? "" : checks::absolute(path);
}

// Controllers whose directories differ in their names alone, or not at all, share an entry of `cgroupPaths`:
//   "cpu memory pids": "/sys/fs/cgroup/*/web"
// A key with a single name, as v2's "", has its path as it is.
using Paths = std::map<std::string, std::string>;

static Paths together(const Paths& paths) {
  Paths shared, controllers;  // by what is common to their paths
  for (const auto& [controller, path] : paths) {
    if (controller.empty() || path.find('*') != std::string::npos) {
      shared.emplace(controller, path);
      continue;
    }
    std::string common = path;
    const size_t at = path.find(str::cat("/", controller, "/"));
    if (at != std::string::npos) common.replace(at + 1, controller.size(), "*");
    std::string& names = controllers[common];
    names += str::cat(names.empty() ? "" : " ", controller);
  }
  for (const auto& [common, names] : controllers) {
    const bool several = names.find(' ') != std::string::npos;
    shared.emplace(names, several ? common : paths.at(names));
  }
  return shared;
}

// Of one of `names`, which share `path`.
static std::string path_of(std::string_view controller, std::string_view names, std::string_view path) {
  const size_t at = path.find('*');
  if (at == std::string_view::npos || names == controller) return std::string(path);
  return str::cat(path.substr(0, at), controller, path.substr(at + 1));
}

// Calls `each` for every one of them.
template <class Each>
static void for_each_controller(std::string_view names, Each each) {
  for (size_t end = names.find(' '); end != std::string_view::npos; end = names.find(' ')) {
    each(names.substr(0, end));
    names.remove_prefix(end + 1);
  }
  each(names);
}

static Paths apart(const Paths& shared) {
  Paths paths;
  for (const auto& entry : shared)
    for_each_controller(entry.first, [&](std::string_view controller) {
      paths.emplace(controller, path_of(controller, entry.first, entry.second));
    });
  return paths;
}

// Each directory once: hierarchies may be mounted together.
static std::vector<std::string> directories(const std::map<std::string, std::string>& cgroup_paths) {
  std::vector<std::string> all;
  for (const auto& [controller, directory] : cgroup_paths)
    if (std::find(all.begin(), all.end(), directory) == all.end()) all.push_back(directory);
  return all;
}

static std::string pid(const int32_t& n) { return n < 0 ? str::cat(n, " is no process id") : ""; }

}  // namespace oci

using namespace oci;  // the tables below are about nothing else

template <>
struct json::Names<Status> {
  static constexpr const auto& table = kStatuses;
};

template <>
struct json::Schema<Exit> {
  static constexpr auto fields = std::tuple{
      required("code", &Exit::code, exit_code),
      required("ended", &Exit::ended),
  };
};

template <>
struct json::Schema<SystemdUnit> {
  static constexpr auto fields = std::tuple{
      required("name", &SystemdUnit::name, checks::not_empty),
      optional("user", &SystemdUnit::user),
  };
};

template <>
struct json::Schema<State> {
  using S = State;
  static constexpr auto fields = std::tuple{
      required("format", &S::format, format),
      required("ociVersion", &S::oci_version),
      required("id", &S::id, checks::not_empty),
      required("status", &S::status),
      required("pid", &S::pid, pid),
      required("pidStartTime", &S::pid_start_time),
      required("bundle", &S::bundle, checks::absolute),
      required("rootfs", &S::rootfs, checks::absolute),
      optional("hostRoot", &S::host_root),
      required("created", &S::created),
      required("owner", &S::owner),
      required("ownerUid", &S::owner_uid),
      optional("annotations", &S::annotations),
      optional("cgroupPaths", &S::cgroup_paths, checks::absolute),
      optional("createdCgroups", &S::created_cgroups, created_cgroup),
      optional("systemdUnit", &S::unit),
      optional("rdtTasks", &S::rdt_tasks, checks::absolute),
      optional("createdRdt", &S::created_rdt, checks::absolute),
      optional("keep", &S::keep),
      optional("exit", &S::exit),
      optional("noPivot", &S::no_pivot),
      optional("sharedPids", &S::shared_pids),
      optional("hooks", &S::hooks),
      optional("noProcess", &S::no_process),
  };
};

template <>
struct json::Schema<ExecDefaults> {
  using D = ExecDefaults;
  static constexpr auto fields = std::tuple{
      required("format", &D::format, format),   optional("namespaces", &D::namespaces),
      optional("process", &D::process),         optional("seccomp", &D::seccomp),
      optional("personality", &D::personality), optional("memoryPolicy", &D::memory_policy),
      optional("resources", &D::resources),
  };
};

// For `list`: of the cgroups it is the one that may be frozen which it has to look at, v2's or v1's freezer.
static void decode_freezer(json::Decoder& decoder, json::Value value, void* object) {
  if (!decoder.expect(value, json::Type::object, "an object")) return;
  Paths& paths = static_cast<State*>(object)->cgroup_paths;
  for (const json::Value entry : value)
    for_each_controller(entry.key(), [&](std::string_view controller) {
      if (controller == "freezer" || controller.empty())
        paths.emplace(controller, path_of(controller, entry.key(), entry.text()));
    });
}

static constexpr auto kListedRows = [] {
  auto rows = json::rows<State>();
  for (json::Row& row : rows) {
    if (row.name == "cgroupPaths") row.decode = decode_freezer;
    if (row.name == "createdCgroups" || row.name == "hooks") row.presence = json::Presence::ignored;
  }
  return rows;
}();

namespace oci {

Result<State> parse_listed(std::string_view text) {
  const json::Document document = TRY(json::parse(text, {.name = "state.json"}));
  json::Decoder decoder;
  State state;
  json::decode_object(decoder, document.root(), kListedRows, &state);
  if (!decoder.problems.empty()) return json::error(decoder, document);
  return state;
}

Result<State> parse_state(std::string_view text) {
  State state = TRY(json::decode_text<State>(text, {.name = "state.json"}));
  state.cgroup_paths = apart(state.cgroup_paths);
  std::vector<std::string>& created = state.created_cgroups;
  if (std::find(created.begin(), created.end(), kAllOfThem) == created.end()) return state;
  if (created.size() > 1)
    return Error(Kind::invalid, str::cat("state.json: createdCgroups: '", kAllOfThem, "' stands alone"));
  created = directories(state.cgroup_paths);
  return state;
}

Result<ExecDefaults> parse_exec_defaults(std::string_view text) {
  return json::decode_text<ExecDefaults>(text, {.name = "exec.json"});
}

std::string encode(const ExecDefaults& defaults) { return json::encode(defaults, json::Style::compact); }

std::string encode(const State& state) {
  State brief = state;
  brief.cgroup_paths = together(state.cgroup_paths);
  const std::vector<std::string>& made = state.created_cgroups;
  const std::vector<std::string> all = directories(state.cgroup_paths);
  if (!all.empty() && std::is_permutation(all.begin(), all.end(), made.begin(), made.end()))
    brief.created_cgroups = {std::string(kAllOfThem)};
  return json::encode(brief, json::Style::compact);
}

static void write_state(json::Writer& w, const State& state, Status now) {
  w.begin_object();
  w.key("ociVersion").string(state.oci_version);
  w.key("id").string(state.id);
  w.key("pid").number(now == Status::stopped ? 0 : state.pid);
  w.key("status").string(text(now));
  w.key("bundle").string(state.bundle);
  w.key("rootfs").string(state.rootfs);
  w.key("created").string(state.created);
  w.key("annotations").begin_object();
  for (const auto& [key, value] : state.annotations) w.key(key).string(value);
  w.end_object();
  w.key("owner").string(state.owner);
  if (state.exit) {
    w.key("exitCode").number(state.exit->code);
    w.key("ended").string(state.exit->ended);
  }
  w.end_object();
}

std::string public_state(const State& state, Status now, bool indent) {
  json::Writer w(indent ? json::Style::indented : json::Style::compact);
  write_state(w, state, now);
  return std::move(w).take();
}

std::string process_state(const State& state, Status now, int32_t pid, const std::vector<std::string>& fds,
                          std::string_view metadata) {
  json::Writer w;
  w.begin_object();
  w.key("ociVersion").string(state.oci_version);
  w.key("fds").begin_array();
  for (const std::string& name : fds) w.string(name);
  w.end_array();
  w.key("pid").number(pid);
  if (!metadata.empty()) w.key("metadata").string(metadata);
  w.key("state");
  write_state(w, state, now);
  w.end_object();
  return std::move(w).take();
}

}  // namespace oci
