#include "runtime/cgroups/cgroups.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "runtime/cgroups/device_filter.h"
#include "spec/base/clock.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace cgroups {

namespace {

constexpr size_t kMostMountinfo = 4 << 20;
constexpr size_t kMostControl = 1 << 20;  // cgroup.procs of a container with very many processes

Result<> write_file(const std::string& directory, const std::string& file, std::string_view value) {
  UniqueFd fd = TRY(sys::open(str::cat(directory, "/", file).c_str(), O_WRONLY));
  return sys::write_all(fd, value);
}

Result<std::string> read_file(const std::string& directory, std::string_view file) {
  return files::read(Fd::cwd(), str::cat(directory, "/", file).c_str(), kMostControl);
}

// ---- the host's hierarchies ----

// One line of proc_pid_mountinfo(5): … mount point (5th) … " - " type, source, superblock options.
struct MountLine {
  std::string_view mount_point, type, super_options;
};

std::optional<MountLine> parse_line(std::string_view line) {
  const size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto left = str::split(line.substr(0, dash), ' ');
  const auto right = str::split(line.substr(dash + 3), ' ');
  if (left.size() < 5 || right.size() < 3) return std::nullopt;
  return MountLine{left[4], right[0], right[2]};
}

std::vector<std::string> v1_controllers(std::string_view super_options) {
  std::vector<std::string> controllers;
  for (const std::string_view option : str::split(super_options, ','))
    if (option != "rw" && option != "ro" && option != "xattr" && option != "clone_children" &&
        option != "cpuset_v2_mode" && !option.starts_with("release_agent="))
      controllers.emplace_back(option);
  return controllers;
}

std::vector<std::string> v2_controllers(const std::string& mount_point) {
  std::vector<std::string> controllers;
  const Result<std::string> text = read_file(mount_point, "cgroup.controllers");
  if (text.ok())
    for (const std::string_view name : str::split(str::trim(text.value()), ' '))
      controllers.emplace_back(name);
  return controllers;
}

// ---- making ----

bool holds_processes(const std::string& directory) {
  const Result<std::string> procs = read_file(directory, "cgroup.procs");
  return procs.ok() && !procs.value().empty();
}

bool is_frozen(const std::string& directory) {
  const Result<std::string> v1 = read_file(directory, "freezer.state");
  if (v1.ok()) return str::trim(v1.value()) != "THAWED";
  const Result<std::string> v2 = read_file(directory, "cgroup.freeze");
  return v2.ok() && str::trim(v2.value()) == "1";
}

// A new v1 cpuset is empty, and nobody can enter it: it gets what its parent has.
Result<> fill_cpuset(const std::string& directory) {
  const std::string parent = directory.substr(0, directory.rfind('/'));
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    const std::string own = TRY(read_file(directory, file));
    if (!str::is_blank(own)) continue;
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

// Makes the directories of one hierarchy from the top.  `created` gets the leaf and, before it, our default parents: a
// leaf that was there before is another's, and so is then what it stands in.
Result<> make_directories(const plan::CgroupDirectory& plan, bool default_parent,
                          std::vector<std::string>& created) {
  const bool cpuset = !plan.v2 && has(plan, "cpuset");
  const std::vector<std::string_view> parts = str::split(plan.path, '/');
  std::string directory = plan.mount_point;
  std::vector<std::string> parents;
  Undo remove_parents([&] {
    for (auto parent = parents.rbegin(); parent != parents.rend(); ++parent)
      (void)sys::unlinkat(Fd::cwd(), parent->c_str(), AT_REMOVEDIR);  // others may be in it
  });
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (plan.v2) enable_controllers(directory, plan.controllers);
    directory += str::cat("/", parts[i]);
    const bool leaf = i + 1 == parts.size();
    Result<> made = sys::mkdirat(Fd::cwd(), directory.c_str(), 0755);
    if (!made.ok() && made.error().errnum != EEXIST) return made;
    if (leaf && !made.ok() && (holds_processes(directory) || is_frozen(directory)))
      return Error(Kind::conflict,
                   str::cat("linux.cgroupsPath: the cgroup '", directory,
                            "' is already in use or frozen; give the container one of its own"));
    if (default_parent && !leaf) parents.push_back(directory);
    if (made.ok() && leaf) {
      created.insert(created.end(), parents.begin(), parents.end());
      created.push_back(directory);
    }
    if (cpuset) TRY(fill_cpuset(directory).within("preparing the cpuset of '", directory, "'"));
  }
  remove_parents.keep();
  return {};
}

// The default parent is removed by whichever container was its last, perhaps while we make ours beneath it.
Result<> make_directories_again(const plan::CgroupDirectory& plan, bool default_parent,
                                std::vector<std::string>& created) {
  for (int tries = 0;; ++tries) {
    const size_t before = created.size();
    Result<> made = make_directories(plan, default_parent, created);
    if (made.ok() || made.error().errnum != ENOENT || tries == 20) return made;
    created.resize(before);
  }
}

Result<> write_limits(const plan::CgroupDirectory& plan, const std::string& directory) {
  for (const plan::CgroupWrite& w : plan.writes) {
    const Result<> written = write_file(directory, w.file, w.value);
    if (written.ok()) continue;
    const int err = written.error().errnum;
    // An old limit of kernel memory is EOPNOTSUPP today; a file that is not there was never one.
    if (w.optional && (err == ENOENT || err == EOPNOTSUPP || err == 524 /* ENOTSUPP, the kernel's own */))
      continue;
    if (err == ENOENT)
      return Error(Kind::unsupported,
                   str::cat(w.property, ": this kernel has no '", w.file, "' in '", directory, "'"));
    return Error::os(
        str::cat(w.property, ": writing '", str::printable(w.value), "' to '", directory, "/", w.file, "'"),
        err);
  }
  return {};
}

Result<> open_entrances(const std::string& directory, bool v2, Handle& handle) {
  if (v2) {
    handle.v2 = TRY(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
    return {};
  }
  handle.tasks.push_back(TRY(sys::open(str::cat(directory, "/tasks").c_str(), O_WRONLY)));
  return {};
}

bool is_refusal(const Error& error) {
  return error.errnum == EACCES || error.errnum == EPERM || error.errnum == EROFS;
}

Result<> create_one(const plan::Cgroup& plan, const plan::CgroupDirectory& part, Handle& handle) {
  const std::string directory = part.mount_point + part.path;
  TRY(make_directories_again(part, plan.default_parent, handle.created)
          .within("making the cgroup '", directory, "'"));
  TRY(write_limits(part, directory));
  TRY(open_entrances(directory, part.v2, handle));
  if (part.v2 && plan.device_filter) TRY(device_filter::attach(handle.v2, *plan.device_filter));
  handle.paths[part.v2                    ? std::string()
               : part.controllers.empty() ? std::string("?")
                                          : part.controllers.front()] = directory;
  return {};
}

// ---- removing ----

void nap(int64_t microseconds) {
  const timespec time{microseconds / 1000000, (microseconds % 1000000) * 1000};
  (void)::nanosleep(&time, nullptr);  // a shorter nap does no harm
}

// Cgroups that the container made beneath its own, depth first.
Result<> remove_children(const std::string& directory) {
  Result<UniqueFd> opened = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) return {};
  const UniqueFd fd = std::move(opened).take();
  for (const sys::Entry& entry : TRY(sys::list(fd))) {
    if (entry.type != DT_DIR) continue;
    const std::string child = str::cat(directory, "/", entry.name);
    TRY(remove_children(child));
    (void)sys::unlinkat(Fd::cwd(), child.c_str(),
                        AT_REMOVEDIR);  // if it is busy, so is its parent: reported there
  }
  return {};
}

// Sleeps until the cgroup may have become empty: v2 tells (cgroup.events), v1 has to be asked again.
void wait_for_change(const std::string& directory, int64_t nap_us) {
  Result<UniqueFd> events = sys::open(str::cat(directory, "/cgroup.events").c_str(), O_RDONLY);
  if (!events.ok()) return nap(nap_us);
  const UniqueFd fd = std::move(events).take();
  const Result<std::string> text = files::read(fd, 4096);
  if (text.ok() && text.value().find("populated 0") != std::string::npos) return nap(nap_us);
  pollfd change{fd.raw(), POLLPRI, 0};
  (void)sys::poll(std::span<pollfd>(&change, 1), 100);
}

Result<> destroy_one(const std::string& directory, int64_t wait_ms) {
  const int64_t deadline = clocks::monotonic_ms() + wait_ms;
  for (int64_t nap_us = 100;; nap_us = std::min<int64_t>(nap_us * 2, 20000)) {
    Result<> removed = sys::unlinkat(Fd::cwd(), directory.c_str(), AT_REMOVEDIR);
    if (removed.ok() || removed.error().errnum == ENOENT) return {};
    if (removed.error().errnum != EBUSY) return removed;
    TRY(remove_children(directory));
    if (clocks::monotonic_ms() >= deadline)
      return Error(Kind::conflict, EBUSY,
                   str::cat("the cgroup '", directory, "' still holds processes after ", wait_ms, " ms"));
    wait_for_change(directory, nap_us);
  }
}

// ---- processes ----

Result<> collect(const std::string& directory, std::vector<pid_t>& found, int depth) {
  constexpr int kDeepest = 64;
  const Result<std::string> procs = read_file(directory, "cgroup.procs");
  if (!procs.ok())
    return procs.error().errnum == ENOENT || procs.error().kind == Kind::not_found ? Result<>()
                                                                                   : Result<>(procs.error());
  for (const std::string_view line : str::split(procs.value(), '\n'))
    if (const auto pid = str::number<pid_t>(line)) found.push_back(*pid);
  const UniqueFd fd = TRY(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
  for (const sys::Entry& entry : TRY(sys::list(fd)))
    if (entry.type == DT_DIR && depth < kDeepest)
      TRY(collect(str::cat(directory, "/", entry.name), found, depth + 1));
  return {};
}

// Any one hierarchy knows all processes; the unified one first, since it also knows how to kill.
const std::string* best(const Paths& paths) {
  for (const char* name : {"", "pids", "freezer", "devices"})
    if (const auto found = paths.find(name); found != paths.end()) return &found->second;
  return paths.empty() ? nullptr : &paths.begin()->second;
}

}  // namespace

Result<plan::CgroupHost> probe(bool writable) {
  plan::CgroupHost host;
  host.writable = writable;
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/mountinfo", kMostMountinfo));
  for (const std::string_view line : str::split(text, '\n')) {
    if (line.find(" - cgroup") == std::string_view::npos) continue;
    const std::optional<MountLine> mount = parse_line(line);
    if (!mount) continue;
    const bool v2 = mount->type == "cgroup2";
    if (!v2 && mount->type != "cgroup") continue;
    const std::string mount_point(mount->mount_point);
    std::vector<std::string> controllers =
        v2 ? v2_controllers(mount_point) : v1_controllers(mount->super_options);
    // The same hierarchy can be mounted twice (a container's view beneath ours): the first counts.
    const bool known = std::any_of(
        host.hierarchies.begin(), host.hierarchies.end(),
        [&](const plan::HostHierarchy& h) { return h.v2 == v2 && (v2 || h.controllers == controllers); });
    if (!known) host.hierarchies.push_back({mount_point, std::move(controllers), v2});
  }
  return host;
}

Result<Handle> create(const plan::Cgroup& plan) {
  Handle handle;
  Undo remove([&] {
    const Result<> destroyed = destroy(handle.created, 1000);
    if (!destroyed.ok()) logs::warn(destroyed.error().message, ", ignoring");
  });
  for (const plan::CgroupDirectory& part : plan.directories) {
    Result<> made = create_one(plan, part, handle);
    if (made.ok() || (plan.tolerant && is_refusal(made.error()))) continue;
    return made.take_error();
  }
  remove.keep();
  return handle;
}

Result<Handle> open(const Paths& paths) {
  Handle handle;
  handle.paths = paths;
  for (const auto& [controller, directory] : paths)
    TRY(open_entrances(directory, controller.empty(), handle)
            .within("opening the container's cgroup '", directory, "'"));
  return handle;
}

Result<std::vector<pid_t>> pids(const Paths& paths) {
  std::vector<pid_t> found;
  if (const std::string* directory = best(paths)) TRY(collect(*directory, found, 0));
  return found;
}

Result<> kill_all(const Paths& paths, int signal) {
  const auto unified = paths.find("");
  if (signal == SIGKILL && unified != paths.end() && write_file(unified->second, "cgroup.kill", "1").ok())
    return {};
  // Those that were forked while the list was read are caught by the next round.
  constexpr int kMostRounds = 100;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<pid_t> found = TRY(pids(paths));
    for (const pid_t pid : found) {
      Result<> killed = sys::kill(pid, signal);
      if (!killed.ok() && killed.error().errnum != ESRCH) return killed;
    }
    if (signal != SIGKILL || found.empty()) return {};
    nap(2000);
  }
  return Error(Kind::conflict,
               "processes of the container are still there after they were killed many times");
}

Result<> destroy(const std::vector<std::string>& created, int64_t wait_ms) {
  Result<> result;
  for (auto directory = created.rbegin(); directory != created.rend(); ++directory) {
    // A shared default parent is left to the last container in it.
    const bool shared_parent = std::any_of(created.begin(), created.end(), [&](const std::string& other) {
      return other.size() > directory->size() && other.starts_with(*directory + "/");
    });
    if (shared_parent) {
      (void)sys::unlinkat(Fd::cwd(), directory->c_str(), AT_REMOVEDIR);
      continue;
    }
    Result<> removed = destroy_one(*directory, wait_ms);
    if (!removed.ok() && result.ok()) result = std::move(removed);
  }
  return result;
}

}  // namespace cgroups
