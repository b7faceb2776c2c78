// imagetool: images of registries become verified images on disk, and bundles.  Global options, the table of commands,
// the exit status.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "imagetool/cmd/commands.h"
#include "imagetool/imagetool.h"
#include "imagetool/store/catalog.h"
#include "spec/base/cli.h"
#include "spec/base/log.h"
#include "spec/base/program.h"
#include "version.h"

namespace {

struct Globals {
  std::optional<std::string> store, log;
  logs::Format log_format = logs::Format::text;
  bool debug = false;
};

constexpr names::Table<logs::Format> kFormats[] = {{logs::Format::text, "text"},
                                                   {logs::Format::json, "json"}};

constexpr cli::Row<Globals> global_options[] = {
    cli::option<&Globals::store>(
        0, "store", "DIR",
        "where images are kept (root: /var/lib/imagetool; users: ~/.local/share/imagetool, $XDG_DATA_HOME)",
        cli::Complete::directory),
    cli::option<&Globals::log>(0, "log", "FILE", "append errors to FILE", cli::Complete::file),
    cli::choice<&Globals::log_format, kFormats>(0, "log-format", "text|json", "format of the log"),
    cli::flag<&Globals::debug>(0, "debug", "log everything"),
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The XDG Base Directory Specification: a relative one is invalid, and to be ignored.
std::string xdg_directory(const char* name) {
  std::string value = variable(name);
  return value.starts_with('/') ? value : std::string();
}

Environment read_environment() {
  return {.home = variable("HOME"),
          .path = variable("PATH"),
          .xdg_runtime_dir = xdg_directory("XDG_RUNTIME_DIR"),
          .xdg_config_home = xdg_directory("XDG_CONFIG_HOME"),
          .docker_config = variable("DOCKER_CONFIG"),
          .registry_auth_file = variable("REGISTRY_AUTH_FILE"),
          .ssl_cert_file = variable("SSL_CERT_FILE"),
          .ssl_cert_dir = variable("SSL_CERT_DIR"),
          .uid = ::geteuid()};
}

std::string store_dir(const Globals& globals) {
  if (globals.store) return *globals.store;
  if (::geteuid() == 0) return "/var/lib/imagetool";
  if (const std::string data = xdg_directory("XDG_DATA_HOME"); !data.empty()) return data + "/imagetool";
  const std::string home = variable("HOME");
  return home.empty() ? std::string() : home + "/.local/share/imagetool";
}

Imagetool make_context(const Globals& globals, cli::Out& out) {
  Imagetool context{.store_dir = store_dir(globals),
                    .debug = globals.debug,
                    .uid = ::geteuid(),
                    .gid = ::getegid(),
                    .caller = rootless::find(),
                    .outside = {},
                    .environment = read_environment(),
                    .term = variable("TERM"),
                    .out = out};
  for (char** entry = ::environ; entry && *entry; ++entry) context.variables.emplace_back(*entry);
  context.environment.all = context.variables;
  return context;
}

// For completion: names as people write them.
std::vector<std::string> suggest(const Globals& globals, cli::Complete kind) {
  if (kind != cli::Complete::image) return {};
  // Opening would make a store that is not there yet.
  const std::string dir = store_dir(globals);
  if (::access((dir + "/oci-layout").c_str(), F_OK) != 0) return {};
  const Result<Store> store = Store::open(dir);
  if (!store.ok()) return {};
  const Result<std::vector<catalog::Entry>> entries = catalog::read(store.value());
  if (!entries.ok()) return {};
  std::vector<std::string> names;
  for (const catalog::Entry& entry : entries.value()) {
    const Result<Reference> name = reference::parse(entry.name);
    if (name.ok()) names.push_back(name.value().familiar());
  }
  return names;
}

constexpr std::string_view kVersion = "imagetool version " PROJECT_VERSION "\ncommit: " PROJECT_COMMIT
                                      "\nspec: image-spec 1.1.1, distribution-spec 1.1.1\n";

constexpr auto kProgram = cli::program<Globals, global_options, suggest>(
    {
        .name = "imagetool",
        .summary = "pull container images, keep them, and make bundles of them",
        .version = kVersion,
        .examples = "imagetool run --name hello hello-world\n"
                    "imagetool pull hello-world\n"
                    "imagetool bundle hello-world hello\n"
                    "imagetool images\n"
                    "imagetool rm hello-world\n",
    },
    run_command, pull_command, bundle_command, unbundle_command, images_command, rm_command, tag_command,
    inspect_command, check_command, du_command, prune_command, gc_command);

void one_id(rootless::Caller& caller) {
  for (std::vector<oci::IdMapping>* ids : {&caller.uids, &caller.gids})
    if (ids->size() > 1) ids->resize(1);
}

// From here on a user with subordinate ids is root among them; without, or where that fails, he has his own id.
void use_all_ids(Imagetool& context) {
  rootless::Caller& caller = context.caller;
  if (!caller.has_range()) return one_id(caller);
  Result<rootless::Outside> entered = rootless::enter(caller, context.variables);
  if (!entered.ok()) {
    caller.more_ids = entered.error().message;
    return one_id(caller);
  }
  context.outside = std::move(entered).take();
  context.uid = ::geteuid();
  context.gid = ::getegid();
}

// What was done before a failure is printed too: `rm a b` has removed a.  Who reads it may have had enough (`images |
// head -1`): other programs then end without a word, by the signal.
Result<int> end(cli::Out& out, Result<int> status) {
  Result<> printed = out.flush();
  if (printed.ok() || !status.ok()) return status;
  if (printed.error().errnum == EPIPE) return 128 + SIGPIPE;
  return printed.take_error();
}

Result<int> run(const Result<cli::Call<Imagetool>>& call, const Globals& globals) {
  if (!call.ok()) return call.error();
  cli::Out out(Fd(STDOUT_FILENO));
  if (const auto& text = call.value().text()) {
    out.print(*text);
    return end(out, 0);
  }
  Imagetool context = make_context(globals, out);
  use_all_ids(context);
  return end(out, call.value().run(context));
}

// Modes are given in full, so the umask is 0: an image's files must not depend on who unpacks them.
void settle() {
  program::settle();
  ::umask(0);
  ::signal(SIGPIPE, SIG_IGN);  // a pipe that breaks is an error of write(2), which leaves the store in order
}

}  // namespace

int main(int argc, char** argv) {
  settle();
  const size_t count = argc > 1 ? static_cast<size_t>(argc - 1) : 0;
  const std::span<const char* const> words(argv + (count ? 1 : 0), count);
  Globals globals;
  const auto call = kProgram.parse(words, globals);
  const auto finish = [&](const Result<int>& status) {
    std::optional<int> failure;
    if (!status.ok() && kProgram.command_word(words) == run_command.name) failure = program::kExitNotRun;
    return program::finish(status, failure);
  };
  const logs::Options options{.file = globals.log.value_or(""),
                              .format = globals.log_format,
                              .least = globals.debug ? logs::Level::debug : logs::Level::warning};
  if (auto opened = logs::open(options); !opened.ok()) {
    (void)logs::open({});  // what is to be said goes to standard error
    return finish(opened.take_error());
  }
  return finish(run(call, globals));
}
