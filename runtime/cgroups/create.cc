// Cgroups that are made for a container, and those it has, to be entered.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "runtime/cgroups/device_filter.h"
#include "runtime/cgroups/limits.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace cgroups {

namespace {

bool holds_processes(const std::string& directory) {
  const Result<std::string> procs = read_file(directory, "cgroup.procs");
  return procs.ok() && !procs.value().empty();
}

// A v1 cpuset is empty at first, and nobody can enter it: it gets what its parent has.
Result<> fill_cpuset(const std::string& directory, bool is_new) {
  const std::string parent = directory.substr(0, directory.rfind('/'));
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (!is_new && !str::is_blank(TRY(read_file(directory, file)))) continue;
    const std::string theirs = TRY(read_file(parent, file));
    TRY(write_file(directory, file, str::trim(theirs)));
  }
  return {};
}

// Hands every controller there is down to the children of `directory`.  What cannot be (processes in between, a
// controller that wants threads) shows when a limit is written.
void enable_controllers(const std::string& directory, const std::vector<std::string>& controllers) {
  std::string all;
  for (const std::string& name : controllers) all += str::cat(all.empty() ? "+" : " +", name);
  if (all.empty() || write_file(directory, "cgroup.subtree_control", all).ok()) return;
  for (const std::string& name : controllers) {
    const Result<> enabled = write_file(directory, "cgroup.subtree_control", "+" + name);
    if (!enabled.ok())
      logs::debug("controller '", name, "' is not handed down: ", enabled.error().message, ", ignoring");
  }
}

bool has(const plan::CgroupDirectory& plan, std::string_view controller) {
  return std::find(plan.controllers.begin(), plan.controllers.end(), controller) != plan.controllers.end();
}

// Whoever enters stops at once, and whoever waits for it would wait for ever.
Result<> refuse_frozen(const plan::CgroupDirectory& plan, const std::string& directory) {
  if (!(plan.v2 || has(plan, "freezer")) || !is_frozen(directory, plan.v2)) return {};
  return Error(Kind::conflict,
               str::cat("linux.cgroupsPath: found the container's cgroup unexpectedly frozen: '", directory,
                        "', by itself or from above; thaw it, or use another"));
}

Result<> refuse_used(const std::string& directory) {
  if (!holds_processes(directory)) return {};
  return Error(Kind::conflict, str::cat("linux.cgroupsPath: the container's cgroup is not empty: '",
                                        directory, "' has processes; give the container one of its own"));
}

// Before systemd makes a unit there: what is taken over for that goes with it.
Result<> refuse_taken_over(const plan::Cgroup& plan) {
  for (const plan::CgroupDirectory& part : plan.directories) {
    const std::string directory = part.mount_point + part.path;
    if (!sys::exists(Fd::cwd(), directory.c_str())) continue;
    TRY(refuse_used(directory));
    TRY(refuse_frozen(part, directory));
  }
  return {};
}

// The directories of one hierarchy from the top; the leaf is the last.
std::vector<std::string> lineage(const plan::CgroupDirectory& plan) {
  std::vector<std::string> directories;
  std::string directory = plan.mount_point;
  for (const std::string_view part : str::split(plan.path, '/'))
    if (!part.empty()) directories.push_back(directory += str::cat("/", part));
  return directories;
}

// Makes the directories of one hierarchy from the top.  `created` gets the leaf and, before it, our default parents: a
// leaf that was there before is another's, and so is then what it stands in.
Result<> make_directories(const plan::CgroupDirectory& plan, bool default_parent, Handle& handle) {
  const bool cpuset = !plan.v2 && has(plan, "cpuset");
  const std::vector<std::string> directories = lineage(plan);
  std::vector<std::string> parents;
  Undo remove_parents([&] {
    for (auto parent = parents.rbegin(); parent != parents.rend(); ++parent)
      (void)sys::unlinkat(Fd::cwd(), parent->c_str(), AT_REMOVEDIR);  // others may be in it
  });
  for (size_t i = 0; i < directories.size(); ++i) {
    const std::string& directory = directories[i];
    if (plan.v2 && !handle.unit)
      enable_controllers(i ? directories[i - 1] : plan.mount_point, plan.controllers);
    const bool leaf = i + 1 == directories.size();
    Result<> made = sys::mkdirat(Fd::cwd(), directory.c_str(), 0755);
    if (!made.ok() && made.error().errnum != EEXIST) return made;
    if (leaf && !made.ok() && !handle.unit) TRY(refuse_used(directory));
    if (!leaf && default_parent) parents.push_back(directory);
    if (!leaf && !default_parent && made.ok()) handle.above.push_back(directory);
    if (leaf && (made.ok() || handle.unit)) {
      handle.created.insert(handle.created.end(), parents.begin(), parents.end());
      handle.created.push_back(directory);
    }
    if (cpuset) TRY(fill_cpuset(directory, made.ok()).within("preparing the cpuset of '", directory, "'"));
    if (leaf) TRY(refuse_frozen(plan, directory));
  }
  remove_parents.keep();
  return {};
}

// The default parent is removed by whichever container was its last, perhaps while we make ours beneath it.
Result<> make_directories_again(const plan::CgroupDirectory& plan, bool default_parent, Handle& handle) {
  for (int tries = 0;; ++tries) {
    const size_t before = handle.created.size();
    Result<> made = make_directories(plan, default_parent, handle);
    if (made.ok() || made.error().errnum != ENOENT || tries == 20) return made;
    handle.created.resize(before);
  }
}

Result<> open_entrances(const std::string& directory, bool v2, Handle& handle) {
  if (v2) {
    handle.v2 = TRY(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
    return {};
  }
  handle.tasks.push_back(TRY(sys::open(str::cat(directory, "/tasks").c_str(), O_WRONLY)));
  return {};
}

// Its children have controllers, so it may hold no processes ("no internal processes" in cgroups(7)).
bool hands_down(const std::string& directory) {
  const Result<std::string> text = read_file(directory, "cgroup.subtree_control");
  return text.ok() && !str::is_blank(text.value());
}

// Looked for rather than read from /proc/PID/cgroup, whose paths are those of a cgroup namespace.
std::optional<std::string> find_leaf(const std::string& directory, std::string_view pid, int depth) {
  constexpr int kDeepest = 64;
  const Result<std::string> procs = read_file(directory, "cgroup.procs");
  if (procs.ok())
    for (const std::string_view line : str::split(procs.value(), '\n'))
      if (line == pid) return directory;
  Result<UniqueFd> opened = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok() || depth == kDeepest) return std::nullopt;
  const UniqueFd fd = std::move(opened).take();
  const auto entries = sys::list(fd);
  if (!entries.ok()) return std::nullopt;
  for (const sys::Entry& entry : entries.value())
    if (entry.type == DT_DIR)
      if (auto found = find_leaf(str::cat(directory, "/", entry.name), pid, depth + 1)) return found;
  return std::nullopt;
}

Result<std::string> leaf_with(const std::string& directory, pid_t beside) {
  if (auto found = find_leaf(directory, str::cat(beside), 0)) return std::move(*found);
  return Error(Kind::conflict,
               str::cat("the cgroup '", directory,
                        "' hands its controllers down, so that no process can enter it, and "
                        "the container's first process is in none below it; name one with --cgroup"));
}

// What the kernel says may be handed over, as far as it is there; any more, and the owner could lift its own limits.
Result<> hand_over(const std::string& directory, uint32_t owner) {
  constexpr size_t kMostNames = 64 << 10;
  constexpr std::string_view kBefore415 = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";
  constexpr gid_t kKeep = static_cast<gid_t>(-1);
  const Result<std::string> known = files::read(Fd::cwd(), "/sys/kernel/cgroup/delegate", kMostNames);
  TRY(sys::fchownat(Fd::cwd(), directory.c_str(), owner, kKeep, AT_SYMLINK_NOFOLLOW));
  for (const std::string_view name :
       str::split(known.ok() ? std::string_view(known.value()) : kBefore415, '\n')) {
    if (name.empty()) continue;
    Result<> changed =
        sys::fchownat(Fd::cwd(), str::cat(directory, "/", name).c_str(), owner, kKeep, AT_SYMLINK_NOFOLLOW);
    if (!changed.ok() && changed.error().errnum != ENOENT) return changed;
  }
  return {};
}

bool is_refusal(const Error& error) {
  return error.errnum == EACCES || error.errnum == EPERM || error.errnum == EROFS;
}

void note_path(const plan::CgroupDirectory& part, const std::string& directory, Handle& handle) {
  if (part.v2) handle.paths[std::string()] = directory;
  if (!part.v2)
    for (const std::string& controller : part.controllers) handle.paths[controller] = directory;
}

// As systemd has made it, at `path`.  The process that stands in for the container's counts where processes are counted,
// until it goes.
plan::CgroupDirectory in_unit(plan::CgroupDirectory part, const std::string& path, Handle& handle) {
  part.path = path;
  for (plan::CgroupWrite& write : part.writes) {
    const auto limit = str::number<int64_t>(write.value);
    if (write.file != "pids.max" || !limit) continue;
    handle.late.push_back({part.mount_point + path, write.file, write.value});
    write.value = str::cat(*limit + 1);
  }
  return part;
}

Result<> create_one(const plan::Cgroup& plan, const plan::CgroupDirectory& part, Handle& handle) {
  const std::string directory = part.mount_point + part.path;
  TRY(make_directories_again(part, plan.default_parent, handle)
          .within("making the cgroup '", directory, "'"));
  TRY(write_limits(part, directory));
  TRY(open_entrances(directory, part.v2, handle));
  if (part.v2 && plan.device_filter) TRY(device_filter::attach(handle.v2, *plan.device_filter));
  if (part.v2 && plan.owner)
    TRY(hand_over(directory, *plan.owner)
            .within("handing the cgroup '", directory, "' over to user ", *plan.owner));
  note_path(part, directory, handle);
  return {};
}

}  // namespace

Handle intend(const plan::Cgroup& plan) {
  Handle handle;
  if (plan.unit) handle.unit = plan.unit->known_as;
  for (const plan::CgroupDirectory& part : plan.directories) {
    const std::vector<std::string> directories = lineage(part);
    if (directories.empty() || sys::exists(Fd::cwd(), directories.back().c_str())) continue;
    const auto first = plan.default_parent ? directories.begin() : directories.end() - 1;
    handle.created.insert(handle.created.end(), first, directories.end());
    note_path(part, directories.back(), handle);
  }
  return handle;
}

// Where systemd has put it: beneath every hierarchy, whether it uses that or not.
static Result<std::string> start_unit(const plan::Unit& unit, const Asking& asking, Handle& handle) {
  const bool is_scope = unit.known_as.name.ends_with(".scope");
  if (is_scope) handle.stand_in = TRY(StandIn::begin());
  std::string path = TRY(ask_systemd({.verb = systemd::Verb::start,
                                      .unit = unit.known_as.name,
                                      .user = unit.known_as.user,
                                      .pid = handle.stand_in.pid(),
                                      .properties = unit.properties},
                                     asking)
                             .within("linux.cgroupsPath"));
  handle.unit = unit.known_as;  // not before: where it failed, the unit of that name is another's
  return path;
}

Result<Handle> create(const plan::Cgroup& plan, const Asking& asking) {
  Handle handle;
  Undo remove([&] { undo(handle, asking); });
  if (plan.unit) TRY(refuse_taken_over(plan));
  const std::string path = plan.unit ? TRY(start_unit(*plan.unit, asking, handle)) : std::string();
  for (const plan::CgroupDirectory& part : plan.directories) {
    Result<> made =
        handle.unit ? create_one(plan, in_unit(part, path, handle), handle) : create_one(plan, part, handle);
    if (made.ok() || (plan.tolerant && is_refusal(made.error()))) continue;
    return made.take_error();
  }
  remove.keep();
  return handle;
}

Result<> settle(Handle& handle) {
  handle.stand_in.leave();
  for (const LateWrite& write : handle.late) TRY(write_file(write.directory, write.file, write.value));
  return {};
}

Result<> stop_unit(const oci::SystemdUnit& unit, const Asking& asking) {
  (void)TRY(ask_systemd({.verb = systemd::Verb::stop, .unit = unit.name, .user = unit.user}, asking));
  return {};
}

void undo(Handle& handle, const Asking& asking) {
  handle.stand_in.leave();
  if (handle.unit) {
    const Result<> stopped = stop_unit(*handle.unit, asking);
    if (!stopped.ok()) logs::warn(stopped.error().message, ", ignoring");
  }
  const Result<> destroyed = destroy(handle.created, 1000);
  if (!destroyed.ok()) logs::warn(destroyed.error().message, ", ignoring");
  for (auto above = handle.above.rbegin(); above != handle.above.rend(); ++above)
    (void)sys::unlinkat(Fd::cwd(), above->c_str(), AT_REMOVEDIR);  // another container may be in it by now
}

Result<Handle> open(const Paths& paths, pid_t beside) {
  Handle handle;
  handle.paths = paths;
  std::set<std::string> seen;  // controllers share hierarchies
  for (const auto& [controller, directory] : paths) {
    if (!seen.insert(directory).second) continue;
    const bool v2 = controller.empty();
    const std::string entrance = v2 && hands_down(directory) ? TRY(leaf_with(directory, beside)) : directory;
    TRY(open_entrances(entrance, v2, handle).within("opening the container's cgroup '", entrance, "'"));
  }
  return handle;
}

}  // namespace cgroups
