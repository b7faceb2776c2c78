// runtime kill: a signal to the container.
#include "runtime/cmd/commands.h"
#include "runtime/life/container.h"
#include "runtime/life/signals.h"

namespace {

struct KillArgs {
  std::string id, signal = "TERM";
  bool all = false;
};

constexpr cli::Row<KillArgs> kill_options[] = {
    cli::flag<&KillArgs::all>('a', "all", "signal every process in the container"),
};
constexpr cli::Row<KillArgs> kill_operands[] = {
    cli::operand<&KillArgs::id>("container-id", "the container", cli::Complete::container),
    cli::optional(cli::operand<&KillArgs::signal>("signal", "name or number (TERM)", cli::Complete::signal)),
};

Result<int> kill_run(const KillArgs& args, Runtime& rt) {
  const int signal = TRY(signals::parse(args.signal));
  const Container container = TRY(Container::load(rt, args.id));
  TRY(container.kill(signal, args.all));
  return 0;
}

}  // namespace

constexpr RuntimeCommand kill_command = cli::command<kill_options, kill_operands, kill_run>(
    "kill", "send a signal to the container's first process",
    {.examples = "runtime kill web\nruntime kill web KILL\nruntime kill --all web SIGRTMIN+3\n"});
