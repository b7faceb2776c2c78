// runtime pause and runtime resume: all processes of a container stop, and go on.
#include "runtime/cmd/commands.h"
#include "runtime/life/container.h"

namespace {

struct PauseArgs {
  std::string id;
};

constexpr cli::Row<PauseArgs> pause_operands[] = {
    cli::operand<&PauseArgs::id>("container-id", "the container", cli::Complete::container),
};

Result<int> pause_run(const PauseArgs& args, Runtime& rt) {
  const Container container = TRY(Container::load(rt, args.id));
  TRY(container.pause().within("pausing '", args.id, "'"));
  return 0;
}

Result<int> resume_run(const PauseArgs& args, Runtime& rt) {
  const Container container = TRY(Container::load(rt, args.id));
  TRY(container.resume().within("resuming '", args.id, "'"));
  return 0;
}

}  // namespace

constexpr RuntimeCommand pause_command = cli::command<cli::none, pause_operands, pause_run>(
    "pause", "stop all processes of a container, until it is resumed",
    {.details =
         "They keep their memory, and notice nothing.  `runtime kill` with KILL and `runtime delete --force` "
         "reach them nevertheless; other signals wait until the container is resumed.",
     .examples = "runtime pause web\n"});
constexpr RuntimeCommand resume_command = cli::command<cli::none, pause_operands, resume_run>(
    "resume", "let the processes of a paused container go on", {.examples = "runtime resume web\n"});
