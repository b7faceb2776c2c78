// runtime delete: what is left of containers that have stopped.
#include "runtime/cmd/commands.h"
#include "runtime/life/container.h"

namespace {

struct DeleteArgs {
  std::vector<std::string> ids;
  bool force = false;
};

constexpr cli::Row<DeleteArgs> delete_options[] = {
    cli::flag<&DeleteArgs::force>('f', "force", "kill those that run; one that does not exist is no error"),
};
constexpr cli::Row<DeleteArgs> delete_operands[] = {
    cli::operand<&DeleteArgs::ids>("container-id", "the containers", cli::Complete::container),
};

// All are tried; what went wrong is one error, a line for each.
Result<int> delete_run(const DeleteArgs& args, Runtime& rt) {
  std::optional<Error> failed;
  for (const std::string& id : args.ids) {
    auto removed = Container::remove(rt, id, args.force);
    if (removed.ok() || (args.force && removed.error().kind == Kind::not_found)) continue;
    if (failed)
      failed->message += '\n' + removed.error().message;
    else
      failed = removed.take_error();
  }
  if (failed) return std::move(*failed);
  return 0;
}

}  // namespace

constexpr RuntimeCommand delete_command = cli::command<delete_options, delete_operands, delete_run>(
    "delete", "delete containers that have stopped",
    {.details = "A container that was created and not started is killed first.",
     .examples = "runtime delete hello hello2\nruntime delete --force web\n"});
