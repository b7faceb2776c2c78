#include "runtime/concerns/host_root.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>

#include "runtime/concerns/mount_calls.h"
#include "runtime/concerns/mount_tree.h"
#include "runtime/concerns/rootfs.h"
#include "spec/base/sys.h"

namespace host_root {

Result<Mount> make(const plan::RootfsPlan& plan) {
  Mount mount;
  mount.target = TRY(rootfs::open(plan));
  mount.fd =
      TRY(mounts::clone_tree(mount.target, "", {.recursive = true}).within("root.path: '", plan.path, "'"));
  mount.id = TRY(sys::mount_id(mount.fd));
  return mount;
}

Result<> attach(const Mount& mount, const plan::RootfsPlan& plan) {
  return mounts::attach(mount.fd, mount.target, {.propagation = {MS_PRIVATE | MS_REC}})
      .within("root.path: '", plan.path, "'");
}

static Result<bool> is_mounted(const std::string& path, uint64_t id) {
  const std::vector<proc::MountLine> lines = TRY(mounts::read_mount_lines());
  return std::any_of(lines.begin(), lines.end(),
                     [&](const proc::MountLine& line) { return line.id == id && line.path == path; });
}

Result<> detach(const std::string& path, uint64_t id) {
  const Result<UniqueFd> directory = sys::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory.ok()) return {};  // without the directory there is no mount on it
  const std::string as_mounted = TRY(sys::readlinkat(Fd::cwd(), directory.value().get().proc_path().c_str()));
  // What the container mounted over its whole root lies on top.
  while (TRY(is_mounted(as_mounted, id)))
    TRY(sys::umount2(as_mounted.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW).within("root.path: '", path, "'"));
  return {};
}

Result<> enter(Fd root) {
  TRY(sys::fchdir(root));
  TRY(sys::chroot("."));
  return sys::chdir("/");
}

}  // namespace host_root
