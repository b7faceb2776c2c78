#include "runtime/concerns/masks.h"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "runtime/concerns/mount_calls.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace masks {

namespace {

using Path = plan::MaskPlan::Path;

// Not valid: there is nothing at this path.
Result<UniqueFd> find(const Path& path, const rootfs::Root& root) {
  const rootfs::Place place = rootfs::place_of(root, path.path);
  Result<UniqueFd> fd = path::open(place.base, place.path, O_PATH, 0, path::kNoSymlinks);
  if (fd.ok()) return fd;
  const Error& error = fd.error();
  if (error.errnum == ENOENT || error.errnum == ENOTDIR) return UniqueFd();
  if (error.errnum == ELOOP)
    return Error(Kind::invalid, ELOOP,
                 str::cat(path.origin, ": '/", path.path,
                          "' leads through a symbolic link; name the place it points to"));
  return Error(error).within(path.origin, ": '/", path.path, "'");
}

// What masks are copies of.  Each is made when first needed.
class Covers {
 public:
  explicit Covers(const rootfs::Root& root) : root_(root) {}

  // Both: a detached mount, to be attached at once.
  Result<UniqueFd> file() {
    if (!null_.valid()) null_ = TRY(open_null());
    return mounts::clone_tree(null_, "", {});
  }
  Result<UniqueFd> directory() {
    if (!empty_.valid()) {
      empty_ = TRY(make_empty());
      return sys::dup(empty_);
    }
    return mounts::clone_tree(empty_, "", {});
  }

 private:
  Result<UniqueFd> open_null() {
    const rootfs::Place place = rootfs::place_of(root_, "dev/null");
    UniqueFd null = TRY(path::open(place.base, place.path, O_PATH | O_NOFOLLOW, 0, path::kNoSymlinks)
                            .within("'/dev/null' of the container"));
    const struct stat st = TRY(sys::fstat(null));
    if (S_ISCHR(st.st_mode) && st.st_rdev == ::makedev(1, 3)) return null;
    return Error(Kind::invalid,
                 "'/dev/null' of the container is not the null device, so it cannot hide files");
  }

  static Result<UniqueFd> make_empty() {
    plan::MountStep step;
    step.type = "tmpfs";
    step.data = {{"mode", "555", {}}, {"nr_blocks", "1", {}}, {"nr_inodes", "1", {}}};
    step.own.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    return mounts::make_filesystem(step);
  }

  const rootfs::Root& root_;
  UniqueFd null_, empty_;
};

Result<> mask(const Path& path, const rootfs::Root& root, Covers& covers) {
  UniqueFd target = TRY(find(path, root));
  if (!target.valid()) return {};
  const struct stat st = TRY(sys::fstat(target));
  Result<UniqueFd> cover = S_ISDIR(st.st_mode) ? covers.directory() : covers.file();
  UniqueFd mount = TRY(std::move(cover).within(path.origin));
  return mounts::attach(mount, target).within(path.origin, ": '/", path.path, "'");
}

Result<> make_readonly(const Path& path, const rootfs::Root& root) {
  UniqueFd target = TRY(find(path, root));
  if (!target.valid()) return {};
  UniqueFd copy = TRY(mounts::clone_tree(target, "", {.recursive = true}).within(path.origin));
  return mounts::attach(copy, target, {.tree = {.set = MOUNT_ATTR_RDONLY}})
      .within(path.origin, ": '/", path.path, "'");
}

}  // namespace

Result<> apply(const plan::MaskPlan& plan, const rootfs::Root& root) {
  for (const Path& path : plan.readonly) TRY(make_readonly(path, root));
  Covers covers(root);
  for (const Path& path : plan.masked) TRY(mask(path, root, covers));
  return {};
}

}  // namespace masks
