#include "runtime/concerns/mounts.h"

#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "runtime/concerns/copy_up.h"
#include "runtime/concerns/idmap.h"
#include "runtime/concerns/mount_calls.h"
#include "runtime/plan/mount_options.h"
#include "spec/base/names.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace mounts {

namespace {

using plan::MountKind;
using plan::MountStep;
using rootfs::Root;

constexpr mode_t kDirMode = 0755;

std::string at(const MountStep& step) { return str::cat("mounts[", step.index, "]"); }

path::How lookup(const MountStep& step) {
  return {.links = step.links_refused ? path::Links::refuse : path::Links::inside};
}

Error bad_target(const MountStep& step, bool directory, const Error& error) {
  if (error.errnum == ELOOP && step.links_refused)
    return Error(Kind::invalid, ELOOP,
                 str::cat(at(step), ".destination: '", step.destination,
                          "' is, or leads through, a symbolic link in the root "
                          "file system; it has to be a real directory"));
  if (error.errnum == ENOTDIR || error.errnum == EISDIR)
    return Error(Kind::invalid, error.errnum,
                 str::cat(at(step), ".destination: '", step.destination, "' in the root file system ",
                          error.errnum == EISDIR ? "is a directory, but the source is a file"
                          : directory ? "is, or leads through, a file, but what is mounted is a directory"
                                      : "leads through a file"));
  if (error.errnum == EACCES)
    return Error(
        Kind::denied, EACCES,
        str::cat(at(step), ".destination: '", step.destination,
                 "' cannot be reached or made: root of the container has no right to that in its root "
                 "file system"));
  if (error.errnum == EROFS)
    return Error(Kind::invalid, EROFS,
                 str::cat(at(step), ".destination: '", step.destination,
                          "' does not exist, and cannot be made in a file system "
                          "that is read-only"));
  return Error(error).within(at(step), ".destination: '", step.destination, "'");
}

// A directory right in a tmpfs of an earlier step: where only we have been, there are no links to look out for.  Not valid:
// this is another place, or something is there.
Result<UniqueFd> make_in_ours(const MountStep& step, const Root& root) {
  const size_t slash = step.target.rfind('/');
  if (slash == std::string::npos || root.mounted.empty()) return UniqueFd();
  const auto parent =
      std::find_if(root.mounted.rbegin(), root.mounted.rend(),
                   [&](const rootfs::Mounted& mount) { return plan::is_beneath(step.target, mount.target); });
  if (parent == root.mounted.rend() || !parent->ours || parent->target.size() != slash) return UniqueFd();
  const char* name = step.target.c_str() + slash + 1;
  if (!sys::mkdirat(parent->fd, name, kDirMode).ok()) return UniqueFd();
  return sys::openat(parent->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

// What is at the target, made if it is missing.
Result<UniqueFd> target_of(const MountStep& step, const Root& root, bool directory) {
  if (step.target.empty()) return sys::dup(root.fd);
  if (directory) {
    UniqueFd made = TRY(make_in_ours(step, root));
    if (made.valid()) return made;
  }
  Result<UniqueFd> target = directory ? path::make_dirs(root.fd, step.target, kDirMode, lookup(step))
                                      : path::make_file(root.fd, step.target, 0644, lookup(step));
  if (!target.ok()) return bad_target(step, directory, target.error());
  return target;
}

Dress dress_of(const MountStep& step) {
  Dress dress{.own = step.own, .tree = step.tree, .propagation = step.propagation};
  if (step.kind == MountKind::filesystem) dress.own = {};  // fsmount has set them
  return dress;
}

// ---- restrictions that the kernel keeps locked (user_namespaces(7)): those a mount had before it came into a user
// namespace with less rights ----

constexpr uint64_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
constexpr names::Table<uint64_t> kLockable[] = {
    {MOUNT_ATTR_RDONLY, "ro"},
    {MOUNT_ATTR_NOSUID, "nosuid"},
    {MOUNT_ATTR_NODEV, "nodev"},
    {MOUNT_ATTR_NOEXEC, "noexec"},
};

Error locked(const MountStep& step, std::string_view what) {
  return Error(Kind::denied, EPERM,
               str::cat(at(step), ".options: what is mounted at '",
                        step.source.empty() ? step.destination : step.source, "' has ", what,
                        ", which in a user namespace stays as it is: operation not permitted"));
}

// What of the step's wishes is left: restrictions that it does not lift by name stay.
Result<Dress> within_locks(const MountStep& step, Fd mount) {
  const uint64_t now = TRY(attributes_of(mount));
  Dress dress = dress_of(step);
  for (const auto& flag : kLockable) {
    if (!(now & flag.value)) continue;
    if (step.lifted & flag.value) return locked(step, str::cat("'", flag.text, "'"));
    dress.own.clear &= ~flag.value;
    dress.own.set |= flag.value;
  }
  if (dress.own.clear & MOUNT_ATTR__ATIME && (now & kTimes) != (dress.own.set & kTimes))
    return locked(step, "another choice of access times");
  dress.own.clear &= ~kTimes;
  dress.own.set &= ~kTimes;
  return dress;
}

Result<> attach_bind(const MountStep& step, Fd mount, Fd target) {
  Result<> attached = attach(mount, target, dress_of(step));
  if (attached.ok() || attached.error().errnum != EPERM) return attached;
  const Dress dress = TRY(within_locks(step, mount));
  attached = attach(mount, target, dress);
  if (attached.ok() || attached.error().errnum != EPERM || dress.tree.clear == 0) return attached;
  return locked(step, "restrictions, on it or on a mount beneath it");
}

// Attaches, and takes note of what later steps have to know.
Result<> put_in_place(const MountStep& step, UniqueFd mount, Fd target, Root& root) {
  Result<> attached =
      step.kind == MountKind::bind ? attach_bind(step, mount, target) : attach(mount, target, dress_of(step));
  if (!attached.ok() && attached.error().message.starts_with("mounts[")) return attached;
  TRY(std::move(attached).within(at(step), ": mounting at '", step.destination, "'"));
  if (step.superblock & MS_I_VERSION) {  // not among the parameters of fsconfig(2)
    const uint64_t attributes = TRY(attributes_of(mount));
    TRY(reconfigure(mount, attributes, step.superblock, "").within(at(step), ".options: 'iversion'"));
  }
  if (step.target.empty()) {
    root.fd = TRY(sys::dup(mount));
  }
  const bool ours = step.type == "tmpfs" && step.kind == MountKind::filesystem && !step.copy_up;
  if (step.seal_later || step.kept)
    root.mounted.push_back({step.target, std::move(mount), step.seal_later, ours});
  return {};
}

// ---- bind mounts ----

Error bad_source(const MountStep& step, const Error& error) {
  const std::string where = str::cat(at(step), ".source: ");
  if (error.errnum == ENOENT)
    return Error(Kind::invalid, ENOENT, str::cat(where, "mount source '", step.source, "' does not exist"));
  if (error.errnum == ENOTDIR)
    return Error(
        Kind::invalid, ENOTDIR,
        str::cat(where, "mount source '", step.source, "' does not exist: a part of it is no directory"));
  if (error.errnum == EINVAL)
    return Error(Kind::invalid, EINVAL,
                 str::cat(where, "'", step.source,
                          "' cannot be bound: it is marked unbindable, or has mounts of the host beneath it",
                          step.recursive ? "" : " that only 'rbind' may take along"));
  return Error(error).within(where, "mount source '", step.source, "'");
}

// Only a procfs may be at /proc: much in the container trusts it.
Result<> check_proc(const MountStep& step, Fd source) {
  if (step.target != "proc" || sys::filesystem_magic(source) == PROC_SUPER_MAGIC) return {};
  return Error(Kind::invalid, str::cat(at(step), ".destination: '/proc' can only be a procfs, and '",
                                       step.source, "' is none"));
}

// Linux lists mounts by the age of their ids since 6.8, and the container's are to be seen in the order of the config.
// So what was opened early is copied once more; only what is attached in our namespace can be copied.
Result<UniqueFd> younger(const MountStep& step, Fd opened, Fd target) {
  TRY(attach(opened, target));
  UniqueFd copy = TRY(clone_tree(opened, "", {.recursive = step.recursive}));
  // Or what is mounted on it would be unmounted from its peers, too: the host's.
  TRY(change(opened, {.propagation = {MS_PRIVATE | MS_REC}}));
  TRY(detach(opened));
  return copy;
}

Result<> bind(const MountStep& step, Root& root, UniqueFd source) {
  const struct stat st = TRY(sys::fstat(source));
  TRY(check_proc(step, source));
  UniqueFd target = TRY(target_of(step, root, S_ISDIR(st.st_mode)));
  if (step.open_early)
    source = TRY(younger(step, source, target).within(at(step), ": mounting at '", step.destination, "'"));
  return put_in_place(step, std::move(source), target, root);
}

// ---- file systems ----

bool has_mode(const MountStep& step) {
  return std::any_of(step.data.begin(), step.data.end(),
                     [](const plan::MountData& data) { return data.key == "mode"; });
}

Result<> mount_tmpfs_on(const MountStep& step, Fd target, Root& root) {
  UniqueFd mount = TRY(make_filesystem(step));
  if (step.copy_up)
    TRY(copy_up(target, mount).within(at(step), ".options: 'tmpcopyup' for '", step.destination, "'"));
  return put_in_place(step, std::move(mount), target, root);
}

// A tmpfs over a directory that exists has its mode unless the options say otherwise, as in runc; over one that is made
// for it the kernel's default.
Result<> mount_tmpfs(const MountStep& step, Root& root) {
  UniqueFd target = TRY(make_in_ours(step, root));
  if (target.valid()) return mount_tmpfs_on(step, target, root);
  Result<UniqueFd> there = path::open(root.fd, step.target, O_PATH | O_DIRECTORY, 0, lookup(step));
  if (there.ok()) {
    target = std::move(there).take();
    const struct stat st = TRY(sys::fstat(target));
    const char octal[] = {char('0' + (st.st_mode >> 9 & 7)), char('0' + (st.st_mode >> 6 & 7)),
                          char('0' + (st.st_mode >> 3 & 7)), char('0' + (st.st_mode & 7)), '\0'};
    if (!has_mode(step)) {
      MountStep with_mode = step;
      with_mode.data.push_back({"mode", octal, std::nullopt});
      return mount_tmpfs_on(with_mode, target, root);
    }
  } else {
    target = TRY(target_of(step, root, true));
  }
  return mount_tmpfs_on(step, target, root);
}

Result<> mount_filesystem(const MountStep& step, Root& root) {
  if (step.type == "tmpfs" && !step.target.empty()) return mount_tmpfs(step, root);
  UniqueFd target = TRY(target_of(step, root, true));
  UniqueFd mount = TRY(make_filesystem(step));
  return put_in_place(step, std::move(mount), target, root);
}

// ---- changes of what is mounted already ----

Result<UniqueFd> open_mounted(const MountStep& step, const Root& root) {
  if (step.target.empty()) return sys::dup(root.fd);
  Result<UniqueFd> target = path::open(root.fd, step.target, O_PATH, 0, lookup(step));
  if (!target.ok()) return bad_target(step, false, target.error());
  return target;
}

Error not_a_mount(const MountStep& step, const Error& error) {
  if (error.errnum == EPERM)
    return Error(
        Kind::denied, EPERM,
        str::cat(at(step), ": remounting '", step.destination,
                 "': the file system belongs to the host, or the mount's restrictions are locked in a user "
                 "namespace: operation not permitted"));
  if (error.errnum != EINVAL) return Error(error).within(at(step), ": remounting '", step.destination, "'");
  return Error(
      Kind::invalid, EINVAL,
      str::cat(at(step), ": nothing is mounted at '", step.destination, "', so it cannot be remounted"));
}

Result<> rebind(const MountStep& step, Root& root) {
  UniqueFd target = TRY(open_mounted(step, root));
  const Result<> changed =
      change(target, {.own = step.own, .tree = step.tree, .propagation = step.propagation});
  return changed.ok() ? Result<>() : not_a_mount(step, changed.error());
}

Result<> remount(const MountStep& step, Root& root) {
  UniqueFd target = TRY(open_mounted(step, root));
  const uint64_t before = TRY(attributes_of(target));
  const Result<> done = reconfigure(target, (before & ~step.own.clear) | step.own.set, step.superblock,
                                    plan::join_data(step.data));
  if (!done.ok()) return not_a_mount(step, done.error());
  const Result<> changed = change(target, {.tree = step.tree, .propagation = step.propagation});
  return changed.ok() ? Result<>() : not_a_mount(step, changed.error());
}

Result<> link(const MountStep& step, const Root& root) {
  path::Parent parent = TRY(path::parent(root.fd, step.target).within(at(step), ".destination"));
  return sys::symlinkat(step.source.c_str(), parent.dir, parent.name.c_str()).within(at(step));
}

}  // namespace

Result<UniqueFd> open_source(const MountStep& step, Fd joined) {
  Result<UniqueFd> opened = clone_tree(Fd::cwd(), step.source.c_str(),
                                       {.recursive = step.recursive, .follow = !step.source_nofollow});
  if (!opened.ok()) return bad_source(step, opened.error());
  UniqueFd source = std::move(opened).take();
  if (step.idmap) TRY(idmap::apply(step, source, joined));
  return source;
}

Result<std::vector<UniqueFd>> open_sources(const std::vector<MountStep>& steps) {
  std::vector<UniqueFd> sources;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].open_early) continue;
    sources.resize(steps.size());
    sources[i] = TRY(open_source(steps[i]));
  }
  return sources;
}

Result<> apply(const std::vector<MountStep>& steps, const std::vector<UniqueFd>& early, const Opener& outside,
               Root& root) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const MountStep& step = steps[i];
    switch (step.kind) {
      case MountKind::filesystem:
        TRY(mount_filesystem(step, root));
        break;
      case MountKind::bind:
        TRY(bind(step, root,
                 TRY(step.open_early     ? sys::dup(early[i])
                     : step.open_outside ? outside(i)
                                         : open_source(step))));
        break;
      case MountKind::remount:
        TRY(remount(step, root));
        break;
      case MountKind::rebind:
        TRY(rebind(step, root));
        break;
      case MountKind::link:
        TRY(link(step, root));
        break;
    }
  }
  return {};
}

}  // namespace mounts
