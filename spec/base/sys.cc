// Files.  Mounts, processes and sockets are in sys_*.cc beside this.
#include <dirent.h>
#include <linux/limits.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "spec/base/sys_detail.h"

namespace sys {

using detail::at;
using detail::owned;
using detail::retry;

Result<UniqueFd> open(const char* path, int flags, mode_t mode) {
  return openat(Fd::cwd(), path, flags, mode);
}

Result<UniqueFd> openat(Fd dir, const char* path, int flags, mode_t mode) {
  if (flags & O_CREAT) fault::point("open");
  const int n = retry([&] { return ::openat(dir.raw(), path, flags | O_CLOEXEC | O_NOCTTY, mode); });
  if (n >= 0) return UniqueFd(n);
  const int err = errno;
  return Error::os(str::cat("open(", at(dir, path), ")"), err);
}

Result<UniqueFd> openat2(Fd dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  // EAGAIN: a rename raced with a lookup that must not leave the root; the kernel asks to try again.
  long n = -1;
  for (int tries = 0; tries < 128; ++tries) {
    n = retry([&] { return ::syscall(SYS_openat2, dir.raw(), path, &how, sizeof how); });
    if (n >= 0 || errno != EAGAIN) break;
  }
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return Error::os(str::cat("openat2(", at(dir, path), ")"), err);
}

Result<size_t> read(Fd fd, void* buffer, size_t size) {
  const ssize_t n = retry([&] { return ::read(fd.raw(), buffer, size); });
  if (n < 0) return Error::os(str::cat("read(", fd.raw(), ")"));
  return static_cast<size_t>(n);
}

Result<size_t> pread(Fd fd, void* buffer, size_t size, off_t offset) {
  const ssize_t n = retry([&] { return ::pread(fd.raw(), buffer, size, offset); });
  if (n < 0) return Error::os(str::cat("pread(", fd.raw(), ")"));
  return static_cast<size_t>(n);
}

Result<size_t> write(Fd fd, const void* data, size_t size) {
  fault::point("write");
  const ssize_t n = retry([&] { return ::write(fd.raw(), data, size); });
  if (n < 0) return Error::os(str::cat("write(", fd.raw(), ")"));
  return static_cast<size_t>(n);
}

Result<> write_all(Fd fd, std::string_view data) {
  while (!data.empty()) {
    const size_t n = TRY(write(fd, data.data(), data.size()));
    data.remove_prefix(n);
  }
  return {};
}

Result<> pwrite_all(Fd fd, std::string_view data, off_t offset) {
  while (!data.empty()) {
    fault::point("pwrite");
    const ssize_t n = retry([&] { return ::pwrite(fd.raw(), data.data(), data.size(), offset); });
    if (n < 0) return Error::os(str::cat("pwrite(", fd.raw(), ")"));
    data.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return {};
}

Result<off_t> lseek(Fd fd, off_t offset, int whence) {
  const off_t at = ::lseek(fd.raw(), offset, whence);
  if (at < 0) return Error::os(str::cat("lseek(", fd.raw(), ")"));
  return at;
}

Result<struct stat> fstat(Fd fd) {
  struct stat st {};
  if (::fstat(fd.raw(), &st) < 0) return Error::os(str::cat("fstat(", fd.raw(), ")"));
  return st;
}

Result<struct stat> fstatat(Fd dir, const char* path, int flags) {
  struct stat st {};
  if (::fstatat(dir.raw(), path, &st, flags) == 0) return st;
  const int err = errno;
  return Error::os(str::cat("stat(", at(dir, path), ")"), err);
}

Result<> mkdirat(Fd dir, const char* path, mode_t mode) {
  SYS_DONE(::mkdirat(dir.raw(), path, mode), "mkdir", at(dir, path));
}
Result<> mknodat(Fd dir, const char* path, mode_t mode, dev_t device) {
  SYS_DONE(::mknodat(dir.raw(), path, mode, device), "mknod", at(dir, path));
}
Result<> symlinkat(const char* target, Fd dir, const char* path) {
  SYS_DONE(::symlinkat(target, dir.raw(), path), "symlink", at(dir, path));
}

Result<std::string> readlinkat(Fd dir, const char* path) {
  char buffer[4097];
  const ssize_t n = ::readlinkat(dir.raw(), path, buffer, sizeof buffer);
  if (n < 0) {
    const int err = errno;
    return Error::os(str::cat("readlink(", at(dir, path), ")"), err);
  }
  if (n == sizeof buffer) return Error::os(str::cat("readlink(", at(dir, path), ")"), ENAMETOOLONG);
  return std::string(buffer, static_cast<size_t>(n));
}

Result<> linkat(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path, int flags) {
  SYS_DONE(::linkat(old_dir.raw(), old_path, new_dir.raw(), new_path, flags), "link",
           str::cat(at(old_dir, old_path), ", ", at(new_dir, new_path)));
}
Result<> unlinkat(Fd dir, const char* path, int flags) {
  SYS_DONE(::unlinkat(dir.raw(), path, flags), flags & AT_REMOVEDIR ? "rmdir" : "unlink", at(dir, path));
}
Result<> renameat(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path) {
  return renameat2(old_dir, old_path, new_dir, new_path, 0);
}
Result<> renameat2(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path, unsigned flags) {
  SYS_DONE(::renameat2(old_dir.raw(), old_path, new_dir.raw(), new_path, flags), "rename",
           str::cat(at(old_dir, old_path), ", ", at(new_dir, new_path)));
}
Result<> fchmod(Fd fd, mode_t mode) { SYS_DONE(::fchmod(fd.raw(), mode), "fchmod", fd.raw()); }
Result<> fchmodat(Fd dir, const char* path, mode_t mode) {
  SYS_DONE(::fchmodat(dir.raw(), path, mode, 0), "chmod", at(dir, path));
}

Result<> faccessat(Fd dir, const char* path, int mode) {
  SYS_DONE(::faccessat(dir.raw(), path, mode, AT_EACCESS), "faccessat", at(dir, path));
}
bool exists(Fd dir, const char* path) { return ::faccessat(dir.raw(), path, F_OK, AT_EACCESS) == 0; }
Result<> fchownat(Fd dir, const char* path, uid_t uid, gid_t gid, int flags) {
  SYS_DONE(::fchownat(dir.raw(), path, uid, gid, flags), "chown",
           str::cat(at(dir, path), ", ", uid, ":", gid));
}
Result<> futimens(Fd fd, const struct timespec (&times)[2]) {
  SYS_DONE(::futimens(fd.raw(), times), "futimens", fd.raw());
}
Result<> utimensat(Fd dir, const char* path, const struct timespec (&times)[2], int flags) {
  SYS_DONE(::utimensat(dir.raw(), path, times, flags), "utimensat", at(dir, path));
}
Result<> ftruncate(Fd fd, off_t size) {
  SYS_DONE(retry([&] { return ::ftruncate(fd.raw(), size); }), "ftruncate", str::cat(fd.raw(), ", ", size));
}
Result<> fsync(Fd fd) { SYS_DONE(::fsync(fd.raw()), "fsync", fd.raw()); }
Result<> syncfs(Fd fd) { SYS_DONE(::syncfs(fd.raw()), "syncfs", fd.raw()); }
Result<> flock(Fd fd, int operation) {
  SYS_DONE(retry([&] { return ::flock(fd.raw(), operation); }), "flock", fd.raw());
}
Result<> setxattr(const char* path, const char* name, std::string_view value, bool follow) {
  SYS_DONE((follow ? ::setxattr : ::lsetxattr)(path, name, value.data(), value.size(), 0), "setxattr",
           str::cat("\"", path, "\", ", name));
}
Result<> fsetxattr(Fd fd, const char* name, std::string_view value) {
  SYS_DONE(::fsetxattr(fd.raw(), name, value.data(), value.size(), 0), "fsetxattr",
           str::cat(fd.raw(), ", ", name));
}
// errno is read before the text is made, which may change it.
template <class What>
static Error failed(What what) {
  const int err = errno;
  return Error::os(what(), err);
}
// `get` and `list` are the system calls, given where to write and how much room there is.
template <class Get, class What>
static Result<std::string> attribute(Get get, What what) {
  std::string value(256, '\0');
  for (;;) {
    const ssize_t n = get(value.data(), value.size());
    if (n >= 0) {
      value.resize(static_cast<size_t>(n));
      return value;
    }
    if (errno != ERANGE) return failed(what);
    value.resize(XATTR_SIZE_MAX);  // what any attribute fits in
  }
}
template <class List, class What>
static Result<std::vector<std::string>> attributes(List list_them, What what) {
  char small[1024];
  std::string large;
  char* names = small;
  ssize_t n = list_them(small, sizeof small);
  if (n < 0 && errno == ERANGE) {
    large.resize(XATTR_LIST_MAX);
    names = large.data();
    n = list_them(names, large.size());
  }
  if (n < 0) return failed(what);
  std::vector<std::string> list;
  for (const char* name = names; name < names + n; name += list.back().size() + 1) list.emplace_back(name);
  return list;
}
Result<std::string> fgetxattr(Fd fd, const char* name) {
  return attribute([&](char* to, size_t room) { return ::fgetxattr(fd.raw(), name, to, room); },
                   [&] { return str::cat("fgetxattr(", fd.raw(), ", ", name, ")"); });
}
Result<std::string> lgetxattr(const char* path, const char* name) {
  return attribute([&](char* to, size_t room) { return ::lgetxattr(path, name, to, room); },
                   [&] { return str::cat("lgetxattr(\"", path, "\", ", name, ")"); });
}
Result<std::vector<std::string>> flistxattr(Fd fd) {
  return attributes([&](char* to, size_t room) { return ::flistxattr(fd.raw(), to, room); },
                    [&] { return str::cat("flistxattr(", fd.raw(), ")"); });
}
Result<std::vector<std::string>> llistxattr(const char* path) {
  return attributes([&](char* to, size_t room) { return ::llistxattr(path, to, room); },
                    [&] { return str::cat("llistxattr(\"", path, "\")"); });
}
Result<> fremovexattr(Fd fd, const char* name) {
  SYS_DONE(::fremovexattr(fd.raw(), name), "fremovexattr", str::cat(fd.raw(), ", ", name));
}
Result<UniqueFd> dup(Fd fd, int at_least) {
  return owned(::fcntl(fd.raw(), F_DUPFD_CLOEXEC, at_least), "dup", "");
}
Result<> dup2(Fd from, int to) {
  if (from.raw() == to) return set_cloexec(from, false);
  SYS_DONE(retry([&] { return ::dup2(from.raw(), to); }), "dup2", str::cat(from.raw(), ", ", to));
}
Result<> set_cloexec(Fd fd, bool on) {
  SYS_DONE(::fcntl(fd.raw(), F_SETFD, on ? FD_CLOEXEC : 0), "fcntl", str::cat(fd.raw(), ", F_SETFD"));
}

Result<std::vector<Entry>> list(Fd dir) {
  std::vector<Entry> entries;
  alignas(8) char buffer[8192];
  if (::lseek(dir.raw(), 0, SEEK_SET) < 0) return Error::os(str::cat("lseek(", dir.raw(), ")"));
  for (;;) {
    const long n = ::syscall(SYS_getdents64, dir.raw(), buffer, sizeof buffer);
    if (n < 0) return Error::os(str::cat("getdents64(", dir.raw(), ")"));
    if (n == 0) return entries;
    for (long offset = 0; offset < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + offset);
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
      offset += entry->d_reclen;
    }
  }
}

// Before Linux 5.8 it is told in /proc alone: "mnt_id:	27".
static std::optional<uint64_t> told_mount_id(Fd fd) {
  const Result<UniqueFd> file = open(str::cat("/proc/self/fdinfo/", fd.raw()).c_str(), O_RDONLY);
  if (!file.ok()) return std::nullopt;
  char text[1024];
  const Result<size_t> n = read(file.value(), text, sizeof text);
  for (const std::string_view line : str::split(std::string_view(text, n.ok() ? n.value() : 0), '\n'))
    if (line.starts_with("mnt_id:")) return str::number<uint64_t>(str::trim(line.substr(7)));
  return std::nullopt;
}

Result<uint64_t> mount_id(Fd fd) {
  struct statx st {};
  if (::statx(fd.raw(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
    return Error::os(str::cat("statx(", fd.raw(), ")"));
  if (st.stx_mask & STATX_MNT_ID) return uint64_t{st.stx_mnt_id};
  if (const auto told = told_mount_id(fd)) return *told;
  return uint64_t{makedev(st.stx_dev_major, st.stx_dev_minor)};
}

uint64_t filesystem_magic(Fd fd) {
  struct statfs fs {};
  return ::fstatfs(fd.raw(), &fs) == 0 ? static_cast<uint64_t>(fs.f_type) : 0;
}

}  // namespace sys
