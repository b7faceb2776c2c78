// runtime exec: one more process in a running container.
#include <unistd.h>

#include "runtime/cmd/commands.h"
#include "runtime/life/execution.h"
#include "runtime/stages/sealed_exe.h"
#include "spec/base/log.h"

namespace {

using execution::Options;

constexpr cli::Row<Options> exec_options[] = {
    cli::option<&Options::process>('p', "process", "FILE",
                                   "a process document; the options about the process then do not count",
                                   cli::Complete::file),
    cli::flag<&Options::detach>('d', "detach", "return once it runs"),
    cli::flag<&Options::terminal>('t', "tty", "give it a terminal"),
    cli::option<&Options::cwd>(0, "cwd", "DIR", "its working directory in the container"),
    cli::option<&Options::env>('e', "env", "NAME=VALUE", "set a variable; may be repeated"),
    cli::option<&Options::user>('u', "user", "UID[:GID]", "its user, as numbers"),
    cli::option<&Options::additional_gids>('g', "additional-gids", "GID",
                                           "one more group, as a number; may be repeated"),
    cli::option<&Options::capabilities>('c', "cap", "CAP_NAME", "one more capability; may be repeated"),
    cli::flag<&Options::no_new_privileges>(0, "no-new-privs",
                                           "it cannot gain rights, by setuid programs for example"),
    cli::option<&Options::apparmor>(0, "apparmor", "PROFILE", "its AppArmor profile"),
    cli::option<&Options::process_label>(0, "process-label", "LABEL", "its SELinux label"),
    cli::option<&Options::cgroup>(0, "cgroup", "PATH", "a cgroup beneath the container's"),
    cli::flag<&Options::ignore_paused>(0, "ignore-paused", "also in a paused container, where it waits"),
    cli::option<&Options::pid_file>(0, "pid-file", "FILE", "write the process id to FILE",
                                    cli::Complete::file),
    cli::option<&Options::console_socket>(0, "console-socket", "PATH",
                                          "send the terminal to this AF_UNIX socket", cli::Complete::file),
    cli::option<&Options::pidfd_socket>(
        0, "pidfd-socket", "PATH", "send a pidfd of the process to this AF_UNIX socket", cli::Complete::file),
    cli::option<&Options::preserve_fds>(0, "preserve-fds", "N", "pass N more descriptors, from 3 on"),
};
constexpr cli::Row<Options> exec_operands[] = {
    cli::operand<&Options::id>("container-id", "a running container", cli::Complete::container),
    cli::rest<&Options::args>("command", "the program and its arguments"),
};

// Tells a process that could not be made from one that ended with 1: the status that engines know from runc.
constexpr int kNotMade = 255;

Result<int> exec_run(const Options& options, Runtime& rt) {
  TRY(sealed_exe::ensure(rt.arguments, ::environ));
  Result<int> ended = execution::execute(rt, options).within("exec in '", options.id, "'");
  if (ended.ok()) return ended;
  const Kind kind = ended.error().kind;
  if (kind == Kind::command_missing || kind == Kind::command_denied) return ended;  // 127, 126
  logs::error(ended.error());
  return kNotMade;
}

}  // namespace

constexpr RuntimeCommand exec_command = cli::command<exec_options, exec_operands, exec_run>(
    "exec", "run one more process in a container",
    {.details = "Ends with the exit code of the process, or 128 and the number of the signal that ended it; "
                "with 127 "
                "where the command is not there, 126 where it cannot be executed, 255 where the process "
                "could not be "
                "made for another reason.",
     .examples = "runtime exec web ps\nruntime exec --tty web sh\nruntime exec --user 1000:1000 --cwd /tmp "
                 "web id\n"});
