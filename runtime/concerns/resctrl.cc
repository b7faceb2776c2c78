#include "runtime/concerns/resctrl.h"

#include <fcntl.h>

#include <cerrno>

#include "runtime/concerns/mount_tree.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace resctrl {

namespace {

constexpr size_t kMostSchemata = 1 << 20;  // bytes: a line for each resource, some 10 for each cache

std::string group_of(const plan::IntelRdt& plan, const std::string& mount) {
  return plan.group.empty() ? mount : str::cat(mount, "/", plan.group);
}

std::string monitor_of(const plan::IntelRdt& plan, const std::string& group) {
  return str::cat(group, "/mon_groups/", plan.monitor);
}

bool exists(const std::string& path) { return sys::fstatat(Fd::cwd(), path.c_str(), 0).ok(); }

// True: it was not there.
Result<bool> make_directory(const std::string& path) {
  const Result<> made = sys::mkdirat(Fd::cwd(), path.c_str(), 0755);
  if (made.ok()) return true;
  if (made.error().errnum == EEXIST) return false;
  if (made.error().errnum == ENOSPC)
    return Error(Kind::os, ENOSPC,
                 str::cat("'", path, "': this processor has no further group of that kind to give"));
  return made.error();
}

Result<std::string> read_schemata(const std::string& directory) {
  return files::read(Fd::cwd(), (directory + "/schemata").c_str(), kMostSchemata);
}

Result<> write_schemata(const std::vector<plan::RdtLine>& schemata, const std::string& directory) {
  const std::string file = directory + "/schemata";
  for (const plan::RdtLine& line : schemata)
    TRY(files::write_existing(Fd::cwd(), file.c_str(), line.text + "\n")
            .within(line.path, ": writing '", line.text, "'"));
  return {};
}

// The group is somebody's already.
Result<> compare_schemata(const plan::IntelRdt& plan, const std::string& directory) {
  const std::string there = TRY(read_schemata(directory).within("linux.intelRdt"));
  for (const plan::RdtLine& line : plan.schemata)
    if (line.compared && !plan::holds(there, line.text))
      return Error(Kind::conflict, str::cat(line.path, ": '", directory, "' exists and does not have '",
                                            line.text, "'; give it another closID, or leave this out"));
  return {};
}

Result<> set_up(const plan::IntelRdt& plan, const std::string& directory, Group& group) {
  if (plan.group.empty()) {
    TRY(compare_schemata(plan, directory));
  } else if (!plan.own && plan.schemata.empty()) {
    if (!exists(directory))
      return Error(Kind::invalid, str::cat("linux.intelRdt.closID: there is no group '", directory,
                                           "'; make it first, or say what it shall be with 'schemata'"));
  } else if (TRY(make_directory(directory).within("linux.intelRdt"))) {
    group.made.push_back(directory);
  } else {
    TRY(compare_schemata(plan, directory));
  }
  TRY(write_schemata(plan.schemata, directory));
  group.tasks.push_back(directory + "/tasks");
  if (plan.monitor.empty()) return {};
  const std::string monitor = monitor_of(plan, directory);
  const bool made = TRY(make_directory(monitor).within("linux.intelRdt.enableMonitoring"));
  if (!made)
    return Error(Kind::conflict,
                 str::cat("linux.intelRdt.enableMonitoring: '", monitor, "' exists already; remove it"));
  group.made.push_back(monitor);
  group.tasks.push_back(monitor + "/tasks");
  return {};
}

}  // namespace

Result<std::string> find_mount() {
  for (const proc::MountLine& line : TRY(mounts::read_mount_lines()))
    if (line.type == "resctrl") return line.path;
  return Error(Kind::unsupported,
               "linux.intelRdt: no resctrl file system is mounted; where the processor has Intel RDT, "
               "`mount -t resctrl resctrl /sys/fs/resctrl`; otherwise remove the property");
}

std::vector<std::string> intend(const plan::IntelRdt& plan, const std::string& mount) {
  std::vector<std::string> created;
  const std::string directory = group_of(plan, mount);
  if (plan.own && !exists(directory)) created.push_back(directory);
  if (!plan.monitor.empty() && !exists(monitor_of(plan, directory)))
    created.push_back(monitor_of(plan, directory));
  return created;
}

Result<Group> create(const plan::IntelRdt& plan, const std::string& mount) {
  Group group;
  Undo remove([&] { undo(group); });
  const std::string directory = group_of(plan, mount);
  TRY(set_up(plan, directory, group));
  remove.keep();
  // A group that closID names stays, whoever made it.
  for (const std::string& made : group.made)
    if (plan.own || made != directory) group.created.push_back(made);
  return group;
}

void undo(const Group& group) {
  const Result<> gone = destroy(group.made);
  if (!gone.ok()) logs::warn("linux.intelRdt: ", gone.error().message, ", ignoring");
}

Result<Undo> change(const std::string& tasks, const std::vector<plan::RdtLine>& schemata) {
  const std::string directory = tasks.substr(0, tasks.rfind('/'));
  const std::string before = TRY(read_schemata(directory).within("linux.intelRdt"));
  Undo restore([directory, before] {
    const Result<> back = files::write_existing(Fd::cwd(), (directory + "/schemata").c_str(), before);
    if (!back.ok()) logs::warn("linux.intelRdt: ", back.error().message, ", ignoring");
  });
  TRY(write_schemata(schemata, directory));
  return restore;
}

Result<> enter(const std::vector<std::string>& tasks, pid_t pid) {
  for (const std::string& file : tasks)
    TRY(files::write_existing(Fd::cwd(), file.c_str(), str::cat(pid)).within("linux.intelRdt"));
  return {};
}

Result<> destroy(const std::vector<std::string>& created) {
  for (auto directory = created.rbegin(); directory != created.rend(); ++directory) {
    Result<> gone = sys::unlinkat(Fd::cwd(), directory->c_str(), AT_REMOVEDIR);
    if (!gone.ok() && gone.error().errnum != ENOENT) return gone;
  }
  return {};
}

}  // namespace resctrl
