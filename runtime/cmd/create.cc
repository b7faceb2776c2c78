// runtime create and runtime run: their options are the same table, of which run has some more.
#include <unistd.h>

#include "runtime/cmd/commands.h"
#include "runtime/life/creation.h"
#include "runtime/life/run.h"
#include "runtime/stages/sealed_exe.h"

namespace {

struct CreateArgs {
  std::string id, bundle = ".";
  std::optional<std::string> config, console_socket, pid_file, pidfd_socket;
  bool no_pivot = false, no_new_keyring = false, no_subreaper = false;
  unsigned preserve_fds = 0;
};

struct RunArgs : CreateArgs {
  bool detach = false, keep = false;
};

constexpr cli::Row<CreateArgs> create_options[] = {
    cli::option<&CreateArgs::bundle>('b', "bundle", "DIR", "the directory with config.json (.)",
                                     cli::Complete::directory),
    cli::option<&CreateArgs::config>('f', "config", "FILE", "read FILE instead of config.json",
                                     cli::Complete::file),
    cli::option<&CreateArgs::console_socket>(0, "console-socket", "PATH",
                                             "send the terminal to this AF_UNIX socket", cli::Complete::file),
    cli::option<&CreateArgs::pidfd_socket>(
        0, "pidfd-socket", "PATH", "send a pidfd of the process to this AF_UNIX socket", cli::Complete::file),
    cli::option<&CreateArgs::pid_file>('p', "pid-file", "FILE", "write the process id to FILE",
                                       cli::Complete::file),
    cli::flag<&CreateArgs::no_pivot>(0, "no-pivot", "do without pivot_root, for a root on a ramdisk"),
    cli::flag<&CreateArgs::no_new_keyring>(0, "no-new-keyring", "keep the caller's session keyring"),
    cli::option<&CreateArgs::preserve_fds>(0, "preserve-fds", "N",
                                           "pass N more descriptors, from 3 on, to the container"),
    cli::hidden(cli::flag<&CreateArgs::no_subreaper>(0, "no-subreaper", "ignored")),
};
constexpr cli::Row<RunArgs> run_options[] = {
    cli::flag<&RunArgs::detach>('d', "detach", "return once it runs"),
    cli::flag<&RunArgs::keep>(0, "keep", "keep the container, with its exit code, when it has ended"),
};
constexpr cli::Row<CreateArgs> create_operands[] = {
    cli::operand<&CreateArgs::id>("container-id", "a name for the new container"),
};

creation::Options to_options(const CreateArgs& args) {
  creation::Options options;
  options.id = args.id;
  options.bundle = args.bundle;
  options.config = args.config;
  options.console_socket = args.console_socket;
  options.pidfd_socket = args.pidfd_socket;
  options.pid_file = args.pid_file;
  options.no_pivot = args.no_pivot;
  options.no_new_keyring = args.no_new_keyring;
  options.preserve_fds = args.preserve_fds;
  return options;
}

Result<int> create_run(const CreateArgs& args, Runtime& rt) {
  TRY(sealed_exe::ensure(rt.arguments, ::environ));
  stages::Watch watch = TRY(stages::Watch::begin());
  (void)TRY(creation::create(rt, watch, to_options(args)).within("creating '", args.id, "'"));
  return 0;
}

Result<int> run_run(const RunArgs& args, Runtime& rt) {
  TRY(sealed_exe::ensure(rt.arguments, ::environ));
  creation::Options options = to_options(args);
  options.keep = args.keep;
  return (args.detach ? run::detached(rt, options) : run::foreground(rt, options))
      .within("running '", args.id, "'");
}

}  // namespace

constexpr RuntimeCommand create_command = cli::command<create_options, create_operands, create_run>(
    "create", "make a container, ready to be started",
    {.details = "Everything is set up but the program: `runtime start` runs it.",
     .examples = "runtime create --bundle web web\n"});
constexpr RuntimeCommand run_command =
    cli::command<cli::join<run_options, create_options>, create_operands, run_run>(
        "run", "make a container, start it and stay until it ends",
        {.details =
             "Ends with the exit code of the container, or 128 and the number of the signal that ended it.",
         .examples = "runtime run --bundle web web\nruntime run --keep --bundle hello hello\nruntime run "
                     "--detach --keep --bundle web web\n"});
