#include "runtime/life/update.h"

#include "runtime/cgroups/cgroups.h"
#include "runtime/life/state_dir.h"
#include "runtime/life/status.h"
#include "runtime/plan/update.h"
#include "spec/base/log.h"

namespace update {

Result<> update(const Runtime& rt, const std::string& id, const oci::Resources& change,
                std::string (*name)(std::string_view)) {
  StateDir dir = TRY(StateDir::open(rt.root, id));
  TRY(dir.lock());
  const oci::State state = TRY(dir.load());
  const oci::Status now = status::of(state);
  if (now == oci::Status::stopped)
    return Error(Kind::conflict, str::cat("container not running: '", id, "' has stopped"));
  if (now == oci::Status::creating)
    return Error(Kind::conflict, str::cat("container '", id, "' is still being created"));
  oci::ExecDefaults defaults = TRY(dir.load_exec_defaults());
  plan::Update update = TRY(plan::make_update(defaults.resources.value_or(oci::Resources{}), change,
                                              TRY(cgroups::directories(state.cgroup_paths)), name));
  for (const std::string& warning : update.cgroup.warnings) logs::warn(warning);
  if (update.check) TRY(cgroups::check_memory(*update.check));
  Undo restore = TRY(cgroups::apply(update.cgroup));
  defaults.resources = std::move(update.resources);
  TRY(dir.save_exec_defaults(defaults));
  restore.keep();
  return {};
}

}  // namespace update
