#include "runtime/concerns/rootfs.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/concerns/host_root.h"
#include "runtime/concerns/mount_calls.h"
#include "runtime/concerns/mount_tree.h"
#include "spec/base/sys.h"

namespace rootfs {

namespace {

constexpr bool is(unsigned long propagation, unsigned long kind) { return (propagation & kind) != 0; }

// "shared" and "unbindable" come in enter(): a shared root would make every mount on it shared too, and an unbindable
// one could not be bound from by hooks.  "slave" keeps what the copy of a slave has anyway.
unsigned long first_propagation(unsigned long asked) {
  if (is(asked, MS_SLAVE)) return MS_SLAVE | MS_REC;
  return MS_PRIVATE | MS_REC;
}

// Joining the mount namespace that we are in leads to its real root, also out of a chroot (setns(2)).  By our own process,
// which is sooner found than its file in /proc; before Linux 5.8 it has to be the file.
Result<> to_real_root() {
  const Result<UniqueFd> self = sys::pidfd_open(::getpid());
  if (self.ok() && sys::setns(self.value(), CLONE_NEWNS).ok()) return {};
  const UniqueFd ours = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
  return sys::setns(ours, CLONE_NEWNS);
}

struct Identity {
  uint64_t mount;
  ino_t inode;
  bool operator==(const Identity&) const = default;
};

Result<Identity> identity_of(Fd fd) {
  const uint64_t mount = TRY(sys::mount_id(fd));
  const struct stat st = TRY(sys::fstat(fd));
  return Identity{mount, st.st_ino};
}

// All mounts of the namespace stop sending events to the host, those outside of a chroot that the runtime lives in as
// well: they go away with the old root, and the host must not notice.  Returns whether it is a chroot; paths mean what
// they meant.
Result<bool> separate_mounts() {
  const UniqueFd before = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  TRY(to_real_root());
  TRY(sys::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr));
  const UniqueFd real = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  if (TRY(identity_of(before)) == TRY(identity_of(real))) return false;
  TRY(sys::fchdir(before));
  TRY(sys::chroot("."));
  return true;
}

// What a later `exec` joins is the root of the mount namespace: that has to become ours, and not a chroot within it.
Result<> pivot(const Root& root) {
  if (root.in_chroot) TRY(to_real_root());
  TRY(sys::fchdir(root.fd));
  Result<> pivoted = sys::pivot_root(".", ".");
  if (pivoted.ok() || pivoted.error().errnum != EINVAL) return pivoted;
  return Error(pivoted.error())
      .within("the root of the host is no mount that can be changed (a ramdisk?), --no-pivot may help");
}

// Below our root, once it is moved over them, the host's mounts are still there.  Where one is a whole procfs or sysfs,
// the kernel lets who makes a user namespace in the container mount another, and none of our masks is on that
// (mount_too_revealing in fs/namespace.c).  So they go; what a user namespace keeps locked is covered.
Result<> hide_host_proc(const Root& root) {
  const std::string inside = TRY(sys::readlinkat(Fd::cwd(), root.fd.get().proc_path().c_str()));
  std::vector<proc::MountLine> lines = TRY(mounts::read_mount_lines());
  std::reverse(lines.begin(), lines.end());  // what lies on top first
  for (const proc::MountLine& line : lines) {
    if ((line.type != "proc" && line.type != "sysfs") || plan::is_beneath(line.path, inside)) continue;
    if (sys::umount2(line.path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW).ok()) continue;
    TRY(sys::mount("tmpfs", line.path.c_str(), "tmpfs", MS_RDONLY, "size=0")
            .within("--no-pivot: hiding the host's '", line.path, "'"));
  }
  return {};
}

Result<> move_over(const Root& root) {
  TRY(hide_host_proc(root));
  TRY(sys::fchdir(root.fd));
  TRY(sys::mount(".", "/", nullptr, MS_MOVE, nullptr));
  return sys::chroot(".");
}

}  // namespace

Result<UniqueFd> open(const plan::RootfsPlan& plan) {
  const std::string& path = plan.path;
  Result<UniqueFd> fd = sys::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd.ok()) return fd;
  const Error& error = fd.error();
  if (error.errnum == ENOENT)
    return Error(Kind::not_found, str::cat("root.path: '", path, "' does not exist"));
  if (error.errnum == ENOTDIR || error.errnum == ELOOP) {
    const bool link = sys::readlinkat(Fd::cwd(), path.c_str()).ok();
    return Error(Kind::invalid,
                 str::cat("root.path: '", path, "' is ",
                          link ? "a symbolic link; name the directory itself" : "not a directory"));
  }
  return Error(error).within("root.path");
}

Result<Root> prepare(const plan::RootfsPlan& plan, UniqueFd directory) {
  Root root;
  root.in_chroot = TRY(separate_mounts().within("separating the mounts from the host's"));
  if (plan.replaced) {
    root.fd = std::move(directory);
    return root;
  }
  root.fd =
      TRY(mounts::clone_tree(directory, "", {.recursive = true}).within("root.path: '", plan.path, "'"));
  TRY(mounts::attach(root.fd, directory, {.propagation = {first_propagation(plan.propagation)}})
          .within("root.path: '", plan.path, "'"));
  return root;
}

Result<Root> on_host(Fd mount) {
  Root root;
  root.fd = TRY(sys::dup(mount));
  root.on_host = true;
  return root;
}

Result<Root> current() {
  Root root;
  root.fd = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  return root;
}

Place place_of(const Root& root, std::string_view path) {
  for (size_t i = root.mounted.size(); i-- > 0;) {
    const Mounted& mount = root.mounted[i];
    if (!plan::is_beneath(path, mount.target)) continue;
    path.remove_prefix(mount.target.size());
    return {mount.fd, path};
  }
  return {root.fd, path};
}

Result<> seal(const plan::RootfsPlan& plan, Root& root) {
  const mounts::Dress readonly{.own = {.set = MOUNT_ATTR_RDONLY}};
  for (const Mounted& mount : root.mounted)
    if (mount.seal) TRY(mounts::change(mount.fd, readonly).within("making '/", mount.target, "' read-only"));
  root.mounted.clear();
  if (plan.readonly) TRY(mounts::change(root.fd, readonly).within("root.readonly"));
  return {};
}

Result<> enter(const plan::RootfsPlan& plan, const Root& root) {
  if (root.on_host) {
    TRY(host_root::enter(root.fd));
  } else if (plan.no_pivot) {
    TRY(move_over(root));
  } else {
    TRY(pivot(root));
    // The old root lies on top of ours now, and "." names what is on top.
    TRY(sys::umount2(".", MNT_DETACH).within("taking the host's mounts away"));
  }
  if (is(plan.propagation, MS_SHARED | MS_UNBINDABLE))
    TRY(mounts::change(root.fd, {.propagation = {plan.propagation}}).within("linux.rootfsPropagation"));
  return sys::chdir("/");
}

}  // namespace rootfs
