// imagetool run: pull if absent, bundle, and run with a container runtime.
#include <sys/random.h>
#include <unistd.h>

#include "imagetool/bundle/bundle.h"
#include "imagetool/bundle/launch.h"
#include "imagetool/cmd/bundle_options.h"
#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/image_bundle.h"
#include "imagetool/cmd/pull_options.h"
#include "spec/base/log.h"
#include "spec/base/program.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace {

struct RunArgs : PullOptions, BundleOptions {
  std::string image, name, runtime;
  bool remove = false, detach = false, interactive = false;
  std::vector<std::string> arguments, runtime_options;
};

constexpr cli::Row<RunArgs> run_options[] = {
    cli::option<&RunArgs::name>(0, "name", "NAME", "the container's name; made up if there is none"),
    cli::flag<&RunArgs::remove>(0, "rm", "delete the container when it ends"),
    cli::flag<&RunArgs::detach>('d', "detach", "do not wait for the container; print its name"),
    cli::flag<&RunArgs::interactive>('i', "interactive",
                                     "accepted for docker's sake: standard input is always there"),
    cli::option<&RunArgs::runtime>(0, "runtime", "PROGRAM",
                                   "the container runtime to use (runtime beside this program, or in PATH)",
                                   cli::Complete::file),
    cli::option<&RunArgs::runtime_options>(0, "runtime-opt", "OPTION",
                                           "an option to put before the runtime's command"),
};
constexpr cli::Row<RunArgs> run_operands[] = {
    cli::operand<&RunArgs::image>("image", "a reference, an image id, or oci:DIR[:NAME]",
                                  cli::Complete::image),
    cli::verbatim(
        cli::rest<&RunArgs::arguments>("arguments", "what to run instead of the image's default arguments")),
};

// A container that is to be: its name is taken once its bundle has been made.
struct Prepared {
  bundles::Made bundle;
  std::string name;
};

// Whether the runtime knows a container of that name, running or ended.
bool exists(const RunArgs& args, const std::string& runtime, const std::string& name, const Imagetool& tool) {
  std::vector<std::string> command = {runtime};
  command.insert(command.end(), args.runtime_options.begin(), args.runtime_options.end());
  command.insert(command.end(), {"state", name});
  return tool.outside.succeeds(command, tool.variables);
}

// Why a bundle cannot have that name, and what is to be done about it: its container may be gone, with all that the runtime
// knew of it, because the machine has been started again.
Error taken(const RunArgs& args, const std::string& runtime, const std::string& dir, const Imagetool& tool) {
  // What a bundle gets last: without it there is no container to delete.
  const Result<struct stat> config =
      sys::fstatat(Fd::cwd(), (dir + "/config.json").c_str(), AT_SYMLINK_NOFOLLOW);
  const bool whole = config.ok() && config.value().st_size > 0;
  const std::string use = str::cat("the name '", args.name, "' is in use by '", dir, "'");
  const std::string remove =
      str::cat("remove it with 'imagetool unbundle ", dir, "', or choose another --name");
  if (!whole)
    return Error(Kind::conflict,
                 str::cat(use, ", which is being made, or was when its run was killed: ", remove));
  if (!exists(args, runtime, args.name, tool))
    return Error(Kind::conflict,
                 str::cat(use, ", and '", runtime, "' knows no such container (any more): ", remove));
  return Error(Kind::conflict, str::cat(use, ": remove that container with 'runtime delete ", args.name,
                                        "', or choose another --name"));
}

Result<Prepared> prepare(const RunArgs& args, const Imagetool& tool, const Store& store,
                         const Machine& machine, const Wishes& wishes, const std::string& runtime) {
  const UniqueFd shared = TRY(store.share());  // nothing of the image goes away before the lease protects it
  // Said before anything is pulled.
  if (!args.name.empty()) {
    const std::string dir = str::cat(store.bundles_dir(), "/", args.name);
    if (sys::fstatat(Fd::cwd(), dir.c_str(), AT_SYMLINK_NOFOLLOW).ok())
      return taken(args, runtime, dir, tool);
  }
  const Image image = TRY(image_bundle::find_or_pull(store, args.image, args, tool));
  bundles::Request request{.dir = {},
                           .image_name = image_bundle::familiar_name(image, args.image),
                           .container = args.name,
                           .arguments = args.arguments,
                           .remover = {machine.program, "unbundle", "--hook"}};
  constexpr int kTries = 64;
  for (int i = 0;; ++i) {
    if (args.name.empty()) {
      uint64_t random = 0;
      if (::getrandom(&random, sizeof random, 0) != sizeof random) return Error::os("getrandom()");
      request.container = launch::memorable_name(random);
    }
    request.dir = str::cat(store.bundles_dir(), "/", request.container);
    Result<bundles::Made> made = bundles::make(store, image, wishes, machine, request);
    if (made.ok()) return Prepared{std::move(made).take(), request.container};
    if (made.error().kind != Kind::conflict) return made.take_error();
    if (!args.name.empty()) return taken(args, runtime, request.dir, tool);
    if (i == kTries)
      return Error(Kind::conflict, "the names that could be made up are all in use: give one with --name");
  }
}

// Where the runtime says that there is a process now: beside the bundle, which may go before the runtime ends.
std::string pid_file(const Store& store, const Prepared& container) {
  return str::cat(store.bundles_dir(), "/.", container.name, ".pid");
}

std::vector<std::string> command_line(const RunArgs& args, const std::string& runtime, const Store& store,
                                      const Prepared& container) {
  std::vector<std::string> command = {runtime};
  command.insert(command.end(), args.runtime_options.begin(), args.runtime_options.end());
  command.emplace_back("run");
  if (!args.remove) command.emplace_back("--keep");
  if (args.detach) command.emplace_back("--detach");
  command.insert(command.end(), {"--pid-file", pid_file(store, container), "--bundle", container.bundle.dir,
                                 container.name});
  return command;
}

// What a runtime that has made no process ended with, in docker's terms.  126 and 127 tell of the container's command
// (runc and crun do not say so much), what is above 128 of a signal to the runtime.
int unmade_status(int status) {
  const bool tells = status == 0 || status == 126 || status == 127 || status > 128;
  return tells ? status : program::kExitNotRun;
}

Result<> check(const RunArgs& args) {
  if (!args.name.empty()) TRY(launch::check_name(args.name).within("--name"));
  if (args.remove && args.detach)
    return Error(Kind::unsupported,
                 "--rm and --detach together need a container engine that stays: leave one of them out, and "
                 "use 'runtime delete' at the end");
  if (args.tty && args.detach)
    return Error(Kind::unsupported,
                 "--tty and --detach together need somebody who holds the terminal: leave one of them out");
  if (args.tty && ::isatty(0) == 0)
    return Error(Kind::invalid, "--tty needs a terminal on standard input: leave it out");
  return {};
}

Result<int> run_run(const RunArgs& args, Imagetool& tool) {
  TRY(check(args));
  const Machine machine = TRY(machines::probe(tool.caller, tool.variables));
  const Wishes wishes = TRY(options::understand(args, machine));
  const std::string runtime = TRY(launch::find_runtime(args.runtime, machine.program, tool.environment.path));
  const Store store = TRY(tool.open_store());
  const Prepared container = TRY(prepare(args, tool, store, machine, wishes, runtime));
  // From here on the bundle belongs to its container, whose poststop hook removes it; unless there is no container.
  Undo remove_it([&] {
    if (!sys::fstatat(Fd::cwd(), container.bundle.dir.c_str(), AT_SYMLINK_NOFOLLOW).ok()) return;
    if (exists(args, runtime, container.name, tool)) return;
    const Result<> removed = bundles::remove(store, container.bundle.dir);
    if (!removed.ok() && removed.error().kind != Kind::not_found)
      logs::warn("removing bundle '", container.bundle.dir, "': ", removed.error().message);
  });
  image_bundle::warn(container.bundle);
  const std::string pid = pid_file(store, container);
  (void)sys::unlinkat(Fd::cwd(), pid.c_str(), 0);  // of a run that was killed
  int status = TRY(tool.outside.run(command_line(args, runtime, store, container), tool.variables));
  if (!sys::unlinkat(Fd::cwd(), pid.c_str(), 0).ok()) status = unmade_status(status);
  if (status == 0 && !args.remove) remove_it.keep();  // it was made, and has run
  if (args.detach && status == 0) tool.out.line(container.name);
  return status;
}

}  // namespace

constexpr ImagetoolCommand run_command = cli::command<cli::join<run_options, kBundleOptions, pull_options>,
                                                      run_operands, run_run>(
    "run", "run a container from an image",
    {.details = "Pulls the image if it is not there, makes a bundle of it, and has a container runtime run "
                "that. Ends as "
                "the container\ndid; with 127 where its command is not there, 126 where it cannot be "
                "executed, 125 where there\nis no container for any other reason. The container is kept, for "
                "`runtime list` to show; `runtime\ndelete NAME` removes "
                "it together with its bundle.",
     .examples =
         "imagetool run --name hello hello-world\n"
         "imagetool run --rm -it debian bash\n"
         "imagetool run -d --name db -e POSTGRES_PASSWORD=x -v ./data:/var/lib/postgresql/data postgres\n"});
