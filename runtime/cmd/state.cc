// runtime state: what a container is doing, as JSON (runtime.md, "Query State").
#include "runtime/cmd/commands.h"
#include "runtime/life/state_dir.h"
#include "runtime/life/status.h"

namespace {

struct StateArgs {
  std::string id;
};

constexpr cli::Row<StateArgs> state_operands[] = {
    cli::operand<&StateArgs::id>("container-id", "the container", cli::Complete::container),
};

Result<int> state_run(const StateArgs& args, Runtime& rt) {
  const StateDir dir = TRY(StateDir::open(rt.root, args.id));
  const oci::State state = TRY(dir.load());
  rt.out.line(oci::public_state(state, status::of(state), true));
  return 0;
}

}  // namespace

constexpr RuntimeCommand state_command =
    cli::command<cli::none, state_operands, state_run>("state", "print the state of a container as JSON");
