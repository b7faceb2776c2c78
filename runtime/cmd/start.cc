// runtime start: lets the program of a created container run.
#include "runtime/life/start.h"

#include "runtime/cmd/commands.h"

namespace {

struct StartArgs {
  std::string id;
};

constexpr cli::Row<StartArgs> start_operands[] = {
    cli::operand<&StartArgs::id>("container-id", "a created container", cli::Complete::container),
};

Result<int> start_run(const StartArgs& args, Runtime& rt) {
  TRY(start::start(rt, args.id));
  return 0;
}

}  // namespace

constexpr RuntimeCommand start_command = cli::command<cli::none, start_operands, start_run>(
    "start", "run the program of a created container",
    {.examples = "runtime create --bundle web web\nruntime start web\n"});
