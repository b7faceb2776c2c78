// runtime: an OCI container runtime.  Global options, the table of commands, the exit status.
#include <fcntl.h>
#include <unistd.h>

#include "runtime/cmd/commands.h"
#include "runtime/life/signals.h"
#include "runtime/life/state_dir.h"
#include "runtime/runtime.h"
#include "spec/base/cli.h"
#include "spec/base/log.h"
#include "spec/base/program.h"
#include "spec/base/sys.h"
#include "spec/config.h"
#include "version.h"

namespace {

struct Globals {
  std::optional<std::string> root, log, criu;
  logs::Format log_format = logs::Format::text;
  std::optional<logs::Level> log_level;
  bool debug = false;
  bool systemd_cgroup = false;
  CgroupManager cgroup_manager = CgroupManager::cgroupfs;
  Rootless rootless = Rootless::automatic;
};

constexpr names::Table<logs::Format> kFormats[] = {{logs::Format::text, "text"},
                                                   {logs::Format::json, "json"}};
constexpr names::Table<logs::Level> kLevels[] = {{logs::Level::error, "error"},
                                                 {logs::Level::warning, "warning"},
                                                 {logs::Level::info, "info"},
                                                 {logs::Level::debug, "debug"}};
constexpr names::Table<CgroupManager> kManagers[] = {{CgroupManager::cgroupfs, "cgroupfs"},
                                                     {CgroupManager::systemd, "systemd"},
                                                     {CgroupManager::disabled, "disabled"}};
constexpr names::Table<Rootless> kRootless[] = {
    {Rootless::automatic, "auto"}, {Rootless::yes, "true"}, {Rootless::no, "false"}};

constexpr cli::Row<Globals> global_options[] = {
    cli::option<&Globals::root>(0, "root", "DIR",
                                "where state is kept (/run/runtime; for users $XDG_RUNTIME_DIR/runtime)",
                                cli::Complete::directory),
    cli::option<&Globals::log>(0, "log", "FILE", "append errors to FILE", cli::Complete::file),
    cli::choice<&Globals::log_format, kFormats>(0, "log-format", "text|json", "format of the log"),
    cli::choice<&Globals::log_level, kLevels>(0, "log-level", "LEVEL",
                                              "least level that is logged: error, warning, info or debug"),
    cli::flag<&Globals::debug>(0, "debug", "log everything"),
    cli::flag<&Globals::systemd_cgroup>(0, "systemd-cgroup",
                                        "let systemd make the cgroups; cgroupsPath is slice:prefix:name"),
    cli::choice<&Globals::cgroup_manager, kManagers>(0, "cgroup-manager", "MANAGER",
                                                     "cgroupfs, systemd or disabled"),
    cli::choice<&Globals::rootless, kRootless>(0, "rootless", "true|false|auto",
                                               "whether to put up with cgroups that we may not write"),
    // Older engines name the program that checkpoints; ours is found in PATH.
    cli::hidden(cli::option<&Globals::criu>(0, "criu", "PATH", "ignored")),
};

// Root inside a user namespace cannot write /run; only there it looks at XDG_RUNTIME_DIR.
bool is_real_root(uid_t uid) {
  if (uid != 0) return false;
  auto map = sys::open("/proc/self/uid_map", O_RDONLY);
  if (!map.ok()) return true;
  char line[64];
  const UniqueFd file = std::move(map).take();
  auto size = sys::read(file, line, sizeof line);
  return !size.ok() || std::string_view(line, size.value()).find("4294967295") != std::string_view::npos;
}

// Empty: there is none, which only commands without a container can do with (state_dirs::open_root says so).
std::string state_root(const std::optional<std::string>& asked, uid_t uid, const Environment& environment) {
  constexpr const char* kRootsRoot = "/run/runtime";
  if (asked) return *asked;
  const auto user_dir = environment.get("XDG_RUNTIME_DIR");
  if (user_dir && !is_real_root(uid)) return *user_dir + "/runtime";
  return uid == 0 ? kRootsRoot : "";
}

Environment read_environment() {
  Environment environment;
  for (char** entry = ::environ; entry && *entry; ++entry) environment.all.emplace_back(*entry);
  return environment;
}

Runtime make_runtime(const Globals& globals, char* const* arguments, cli::Out& out) {
  Environment environment = read_environment();
  const uid_t uid = ::geteuid();
  std::string root = state_root(globals.root, uid, environment);
  return Runtime{.root = std::move(root),
                 .root_given = globals.root.has_value(),
                 .cgroup_manager = globals.systemd_cgroup ? CgroupManager::systemd : globals.cgroup_manager,
                 .rootless = globals.rootless,
                 .uid = uid,
                 .environment = std::move(environment),
                 .arguments = arguments,
                 .out = out};
}

// For completion.
std::vector<std::string> suggest(const Globals& globals, cli::Complete kind) {
  if (kind == cli::Complete::signal) return signals::all();
  if (kind != cli::Complete::container) return {};
  const auto root = state_root(globals.root, ::geteuid(), read_environment());
  auto ids = state_dirs::list(root);
  return ids.ok() ? std::move(ids).take() : std::vector<std::string>();
}

static_assert(oci::kSpecVersion == "1.3.0", "--version prints it");
// Docker reads every line with the word "version", and the last one wins: there is one.
constexpr std::string_view kVersion =
    "runtime version " PROJECT_VERSION "\ncommit: " PROJECT_COMMIT "\nspec: 1.3.0\n";

// That they are no commands is what engines ask for: `checkpoint --help` ends with 0 where there is support.
constexpr std::string_view kNoCheckpoints =
    "running containers cannot be saved and restored with this runtime; for those that have to be, use runc "
    "or crun";
constexpr cli::Refused kRefused[] = {{"checkpoint", kNoCheckpoints}, {"restore", kNoCheckpoints}};

constexpr auto kProgram = cli::program<Globals, global_options, suggest>(
    {
        .name = "runtime",
        .summary = "run containers as the OCI runtime specification describes them",
        .version = kVersion,
        .examples = "runtime spec --bundle web\n"
                    "runtime run --bundle web web\n"
                    "runtime list\n"
                    "runtime kill web\n"
                    "runtime delete web\n",
        .refused = kRefused,
    },
    create_command, start_command, run_command, exec_command, state_command, list_command, kill_command,
    delete_command, ps_command, pause_command, resume_command, update_command, events_command, spec_command,
    features_command, validate_command);

// podman reads the whole log file as one object, so with a file nothing but the error goes there unless asked for.
logs::Options log_options(const Globals& globals) {
  logs::Options options{.file = globals.log.value_or(""), .format = globals.log_format};
  if (globals.log) options.least = logs::Level::error;
  if (globals.log_level) options.least = *globals.log_level;
  if (globals.debug) options.least = logs::Level::debug;
  return options;
}

Result<int> run(const Result<cli::Call<Runtime>>& call, const Globals& globals, char* const* arguments) {
  if (!call.ok()) return call.error();
  cli::Out out(Fd(STDOUT_FILENO));
  if (const auto& text = call.value().text()) {
    out.print(*text);
    TRY(out.flush());
    return 0;
  }
  Runtime runtime = make_runtime(globals, arguments, out);
  const int status = TRY(call.value().run(runtime));
  TRY(out.flush());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  program::settle();
  const size_t words = argc > 1 ? static_cast<size_t>(argc - 1) : 0;
  Globals globals;
  const auto call = kProgram.parse(std::span<const char* const>(argv + (words ? 1 : 0), words), globals);
  if (auto opened = logs::open(log_options(globals)); !opened.ok()) {
    (void)logs::open({});  // what is to be said goes to standard error
    return program::finish(opened.take_error());
  }
  return program::finish(run(call, globals, argv));
}
