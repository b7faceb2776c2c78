#include "runtime/concerns/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "runtime/concerns/mount_calls.h"
#include "spec/base/log.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace devices {

namespace {

using plan::DeviceKind;
using plan::DeviceStep;

// Modes are exact while this lives.
class NoUmask {
 public:
  NoUmask() : before_(::umask(0)) {}
  NoUmask(const NoUmask&) = delete;
  ~NoUmask() { ::umask(before_); }

 private:
  mode_t before_;
};

// A directory that steps in a row share: "dev" for nearly all of them.
struct Directory {
  std::string path;
  UniqueFd fd;
};

std::string_view directory_of(const DeviceStep& step) {
  const size_t slash = step.path.rfind('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(step.path).substr(0, slash);
}

const char* name_of(const DeviceStep& step) { return step.path.c_str() + (step.path.rfind('/') + 1); }

Result<> enter_directory(Directory& directory, const DeviceStep& step, const rootfs::Root& root) {
  const std::string_view wanted = directory_of(step);
  if (directory.fd.valid() && directory.path == wanted) return {};
  const rootfs::Place place = rootfs::place_of(root, wanted);
  Result<UniqueFd> fd = path::make_dirs(place.base, place.path, 0755, path::kNoSymlinks);
  if (!fd.ok() && fd.error().errnum == ELOOP)
    return Error(Kind::invalid, ELOOP,
                 str::cat(step.origin, ": '/", wanted,
                          "' is, or leads through, a symbolic link in the root file system; it has "
                          "to be a real directory"));
  directory.fd = TRY(std::move(fd).within(step.origin, ": '/", wanted, "'"));
  directory.path = wanted;
  return {};
}

bool is_asked_for(const DeviceStep& step, const struct stat& st) {
  return (st.st_mode & S_IFMT) == step.type && (step.type == S_IFIFO || st.st_rdev == step.number);
}

std::string describe(mode_t type, dev_t number) {
  if (S_ISFIFO(type)) return "a FIFO";
  if (S_ISCHR(type) || S_ISBLK(type))
    return str::cat(S_ISCHR(type) ? "character" : "block", " device ", ::major(number), ":", ::minor(number));
  return S_ISDIR(type) ? "a directory" : S_ISLNK(type) ? "a symbolic link" : "a file";
}

Error mismatch(const DeviceStep& step, const struct stat& st) {
  return Error(Kind::conflict, EEXIST,
               str::cat(step.origin, ": '/", step.path, "' is there already, and is ",
                        describe(st.st_mode, st.st_rdev), ", not ", describe(step.type, step.number)));
}

// A node that this container does not make is never changed: it may be the host's own, however it came here.
void say_what_stays(const DeviceStep& step, const struct stat& st) {
  if ((st.st_mode & 07777) == step.mode.value_or(st.st_mode & 07777) &&
      st.st_uid == step.uid.value_or(st.st_uid) && st.st_gid == step.gid.value_or(st.st_gid))
    return;
  logs::warn(step.origin, ": '/", step.path,
             "' is not made for this container, and keeps its mode and owner");
}

// The host's node, verified by descriptor, onto an empty file.
Result<> bind_node(const DeviceStep& step, Fd directory) {
  const std::string host = str::cat("/", step.path);
  Result<UniqueFd> source = mounts::clone_tree(Fd::cwd(), host.c_str(), {});
  if (!source.ok() && source.error().errnum == ENOENT)
    return Error(Kind::not_found,
                 str::cat(step.origin, ": the host has no '", host, "' to share with the container"));
  UniqueFd node = TRY(std::move(source).within(step.origin, ": '", host, "' of the host"));
  const struct stat st = TRY(sys::fstat(node));
  if (!is_asked_for(step, st))
    return Error(Kind::conflict,
                 str::cat(step.origin, ": '", host, "' of the host is ", describe(st.st_mode, st.st_rdev),
                          ", not ", describe(step.type, step.number)));
  say_what_stays(step, st);
  Result<UniqueFd> target = path::make_file(directory, name_of(step), 0644, path::kNoSymlinks);
  if (!target.ok()) return Error::os(str::cat(step.origin, ": '/", step.path, "'"), target.error().errnum);
  return mounts::attach(node, target.value()).within(step.origin, ": '/", step.path, "'");
}

// The node that was just made.  Somebody who shares the directory could have put another file in its place.
Result<> own(const DeviceStep& step, Fd directory) {
  const uid_t uid = step.uid.value_or(0);
  const gid_t gid = step.gid.value_or(0);
  if (uid == 0 && gid == 0) return {};
  UniqueFd node = TRY(sys::openat(directory, name_of(step), O_PATH | O_NOFOLLOW).within(step.origin));
  const struct stat st = TRY(sys::fstat(node));
  if (!is_asked_for(step, st) || st.st_nlink != 1) return mismatch(step, st);
  return sys::fchownat(node, "", uid, gid, AT_EMPTY_PATH).within(step.origin);
}

Result<> check_existing(const DeviceStep& step, Fd directory) {
  const struct stat st = TRY(sys::fstatat(directory, name_of(step), AT_SYMLINK_NOFOLLOW).within(step.origin));
  if (!is_asked_for(step, st)) return mismatch(step, st);
  say_what_stays(step, st);
  return {};
}

Result<> make_node(const DeviceStep& step, Fd directory) {
  if (step.must_exist || step.from_host) {
    const Result<struct stat> there = sys::fstatat(directory, name_of(step), AT_SYMLINK_NOFOLLOW);
    // An empty file is what an earlier bind left in the root file system.
    if (there.ok() && !(step.from_host && S_ISREG(there.value().st_mode)))
      return check_existing(step, directory);
    if (step.must_exist)
      return Error(Kind::invalid, str::cat(step.origin, ": '/", step.path,
                                           "' does not exist in the /dev that is bind-mounted, "
                                           "and is not made there"));
    return bind_node(step, directory);
  }
  const Result<> made =
      sys::mknodat(directory, name_of(step), step.type | step.mode.value_or(0666), step.number);
  if (made.ok()) return own(step, directory);
  if (made.error().errnum == EEXIST) return check_existing(step, directory);
  if (made.error().errnum == EPERM && step.type != S_IFIFO) return bind_node(step, directory);
  return Error(made.error()).within(step.origin, ": '/", step.path, "'");
}

Result<> make_link(const DeviceStep& step, Fd directory) {
  const Result<> made = sys::symlinkat(step.link.c_str(), directory, name_of(step));
  if (made.ok() || made.error().errnum == EEXIST) return {};
  return Error(made.error()).within(step.origin, ": '/", step.path, "'");
}

// Anything but the container's own pts/ptmx, or a node that the kernel resolves to it, would be somebody else's terminals.
Result<> make_ptmx(const DeviceStep& step, Fd directory) {
  Result<> made = sys::symlinkat(step.link.c_str(), directory, name_of(step));
  if (made.ok()) return {};
  if (made.error().errnum == EEXIST) {
    const struct stat st =
        TRY(sys::fstatat(directory, name_of(step), AT_SYMLINK_NOFOLLOW).within(step.origin));
    if (is_asked_for(step, st)) return {};
    const Result<std::string> link = sys::readlinkat(directory, name_of(step));
    if (link.ok() && link.value() == step.link) return {};
    if (S_ISDIR(st.st_mode)) return mismatch(step, st);
    TRY(sys::unlinkat(directory, name_of(step), 0).within(step.origin));
    made = sys::symlinkat(step.link.c_str(), directory, name_of(step));
  }
  return std::move(made).within(step.origin, ": '/", step.path, "'");
}

}  // namespace

Result<> apply(const std::vector<DeviceStep>& steps, rootfs::Root& root) {
  const NoUmask exact;
  Directory directory;
  for (const DeviceStep& step : steps) {
    TRY(enter_directory(directory, step, root));
    switch (step.kind) {
      case DeviceKind::node:
        TRY(make_node(step, directory.fd));
        break;
      case DeviceKind::link:
        TRY(make_link(step, directory.fd));
        break;
      case DeviceKind::ptmx:
        TRY(make_ptmx(step, directory.fd));
        break;
    }
  }
  return {};
}

}  // namespace devices
