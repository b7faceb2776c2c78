#include "runtime/concerns/rootfs.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

#include "runtime/concerns/mount_calls.h"
#include "spec/base/sys.h"

namespace rootfs {

namespace {

Result<UniqueFd> open_directory(const std::string& path) {
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

constexpr bool is(unsigned long propagation, unsigned long kind) { return (propagation & kind) != 0; }

// "shared" and "unbindable" come in enter(): a shared root would make every mount on it shared too, and an unbindable
// one could not be bound from by hooks.  "slave" keeps what the copy of a slave has anyway.
unsigned long first_propagation(unsigned long asked) {
  if (is(asked, MS_SLAVE)) return MS_SLAVE | MS_REC;
  return MS_PRIVATE | MS_REC;
}

Result<> pivot(const Root& root) {
  TRY(sys::fchdir(root.fd));
  Result<> pivoted = sys::pivot_root(".", ".");
  if (pivoted.ok() || pivoted.error().errnum != EINVAL) return pivoted;
  // We may live in a chroot, whose root is no mount.  Joining our own mount namespace leads back to its real root.
  const Result<UniqueFd> ours = sys::open("/proc/self/ns/mnt", O_RDONLY);
  if (!ours.ok()) return pivoted;
  TRY(sys::setns(ours.value(), CLONE_NEWNS));
  TRY(sys::fchdir(root.fd));
  pivoted = sys::pivot_root(".", ".");
  if (pivoted.ok()) return pivoted;
  return Error(pivoted.error())
      .within("the root of the host is no mount that can be changed (a ramdisk?), --no-pivot may help");
}

Result<> move_over(const Root& root) {
  TRY(sys::fchdir(root.fd));
  TRY(sys::mount(".", "/", nullptr, MS_MOVE, nullptr));
  return sys::chroot(".");
}

}  // namespace

Result<Root> prepare(const plan::RootfsPlan& plan) {
  UniqueFd directory = TRY(open_directory(plan.path));
  TRY(sys::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr)
          .within("separating the mounts from the host's"));
  Root root;
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

Result<Root> current() {
  Root root;
  root.fd = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  return root;
}

Result<> seal(const plan::RootfsPlan& plan, Root& root) {
  const mounts::Dress readonly{.own = {.set = MOUNT_ATTR_RDONLY}};
  for (const UniqueFd& mount : root.to_seal)
    TRY(mounts::change(mount, readonly).within("making a tmpfs read-only"));
  root.to_seal.clear();
  if (plan.readonly) TRY(mounts::change(root.fd, readonly).within("root.readonly"));
  return {};
}

Result<> enter(const plan::RootfsPlan& plan, const Root& root) {
  if (plan.no_pivot) {
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
