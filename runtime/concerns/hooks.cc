#include "runtime/concerns/hooks.h"

#include "spec/base/log.h"
#include "spec/base/process.h"

namespace hooks {

namespace {

// Those of these stages run in the container: what they start ends with it, or is found in its cgroup.
bool is_inside(std::string_view stage) { return stage == "createContainer" || stage == "startContainer"; }

Result<> run_one(std::string_view stage, const oci::Hook& hook, std::string_view state,
                 const std::vector<Fd>& stop_on) {
  process::Command command{.path = hook.path,
                           .argv = hook.args,
                           .env = hook.env,
                           .input = state,
                           .own_group = true,
                           .guarded = !is_inside(stage),
                           .stop_on = stop_on};
  if (hook.timeout) command.timeout_ms = int64_t{*hook.timeout} * 1000;
  const process::Outcome outcome = TRY(process::run(command));
  logs::debug("hook '", hook.path, "': ", outcome.text(), " after ", outcome.milliseconds, " ms");
  if (outcome.ok()) return {};
  return Error(Kind::os, str::cat("'", hook.path, "': ", outcome.text()));
}

}  // namespace

Result<> run(std::string_view stage, const std::vector<oci::Hook>& hooks, std::string_view state,
             const std::vector<Fd>& stop_on) {
  for (size_t i = 0; i < hooks.size(); ++i)
    TRY(run_one(stage, hooks[i], state, stop_on).within("hooks.", stage, "[", i, "]"));
  return {};
}

void run_all(std::string_view stage, const std::vector<oci::Hook>& hooks, std::string_view state,
             const std::vector<Fd>& stop_on) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    const Result<> ran = run_one(stage, hooks[i], state, stop_on).within("hooks.", stage, "[", i, "]");
    if (!ran.ok()) logs::warn(ran.error().message, ", ignoring");
  }
}

}  // namespace hooks
