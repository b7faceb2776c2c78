#include "runtime/life/update.h"

#include "runtime/cgroups/cgroups.h"
#include "runtime/concerns/resctrl.h"
#include "runtime/life/state_dir.h"
#include "runtime/life/status.h"
#include "runtime/plan/systemd.h"
#include "runtime/plan/update.h"
#include "spec/base/log.h"

namespace update {

namespace {

Result<Undo> change_schemata(const oci::State& state, const std::vector<plan::RdtLine>& schemata) {
  if (schemata.empty()) return Undo();
  if (state.rdt_tasks.empty())
    return Error(Kind::unsupported, str::cat(schemata.front().path,
                                             ": the container has no group of resctrl; it gets one where "
                                             "it is created with linux.intelRdt"));
  return resctrl::change(state.rdt_tasks.front(), schemata);
}

// Or it would write the old limits again, whenever it comes to that unit.  It writes the new ones at once, and what it cannot
// say is lost with that: so it is put back.
Result<> tell_systemd(const Runtime& rt, const oci::SystemdUnit& unit, const plan::Cgroup& cgroup) {
  systemd::Request request{.verb = systemd::Verb::set,
                           .unit = unit.name,
                           .user = unit.user,
                           .properties = plan::limit_properties(cgroup)};
  if (request.properties.empty()) return {};
  const std::vector<plan::CgroupDirectory> wanted = cgroups::shared_with_systemd(cgroup.directories);
  (void)TRY(cgroups::ask_systemd(std::move(request), {rt.environment.all}));
  return cgroups::write_where_changed(wanted).within("what systemd cannot say");
}

}  // namespace

Result<> update(const Runtime& rt, const std::string& id, const Change& change,
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
  plan::Update update = TRY(plan::make_update(defaults.resources.value_or(oci::Resources{}), change.resources,
                                              TRY(cgroups::directories(state.cgroup_paths)), name));
  if (state.unit) plan::count_as_systemd(update.cgroup);
  for (const std::string& warning : update.cgroup.warnings) logs::warn(warning);
  if (update.check) TRY(cgroups::check_memory(*update.check));
  Undo restore_schemata = TRY(change_schemata(state, change.schemata));
  Undo restore = TRY(cgroups::apply(update.cgroup));
  if (state.unit) TRY(tell_systemd(rt, *state.unit, update.cgroup));
  defaults.resources = std::move(update.resources);
  TRY(dir.save_exec_defaults(defaults));
  restore.keep();
  restore_schemata.keep();
  return {};
}

}  // namespace update
