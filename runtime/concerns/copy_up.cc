#include "runtime/concerns/copy_up.h"

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <string>

#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace mounts {

namespace {

constexpr int kDeepest =
    128;  // directories within each other: bounds the recursion and the descriptors it holds

Result<> copy_xattrs(Fd from, Fd to) {
  std::string names(65536, '\0');
  const ssize_t length = ::flistxattr(from.raw(), names.data(), names.size());
  if (length < 0) return errno == ENOTSUP ? Result<>() : Result<>(Error::os("flistxattr()"));
  names.resize(static_cast<size_t>(length));
  std::string value(65536, '\0');
  for (size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
    const char* name = names.c_str() + at;
    const ssize_t size = ::fgetxattr(from.raw(), name, value.data(), value.size());
    if (size < 0) return Error::os(str::cat("fgetxattr(", name, ")"));
    Result<> set = sys::fsetxattr(to, name, std::string_view(value.data(), static_cast<size_t>(size)));
    if (!set.ok() && set.error().errnum != ENOTSUP) return set;
  }
  return {};
}

Result<> copy_content(Fd from, Fd to) {
  for (;;) {
    const ssize_t n = ::sendfile(to.raw(), from.raw(), nullptr, size_t{1} << 30);
    if (n == 0) return {};
    if (n < 0 && errno != EINTR) return Error::os("sendfile()");
  }
}

// After the content: writing changes the time, and a change of owner clears setuid.
Result<> copy_metadata(Fd to, const struct stat& st) {
  TRY(sys::fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH));
  TRY(sys::fchmod(to, st.st_mode & 07777));
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (::futimens(to.raw(), times) < 0) return Error::os("futimens()");
  return {};
}

Result<> copy_file(Fd from_dir, Fd to_dir, const char* name, const struct stat& st) {
  UniqueFd from = TRY(sys::openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  UniqueFd to = TRY(sys::openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(copy_content(from, to));
  TRY(copy_xattrs(from, to));
  return copy_metadata(to, st);
}

Result<> copy_special(Fd from_dir, Fd to_dir, const char* name, const struct stat& st) {
  if (S_ISLNK(st.st_mode)) {
    const std::string target = TRY(sys::readlinkat(from_dir, name));
    TRY(sys::symlinkat(target.c_str(), to_dir, name));
  } else {
    TRY(sys::mknodat(to_dir, name, st.st_mode & (S_IFMT | 07777), st.st_rdev));
  }
  TRY(sys::fchownat(to_dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW));
  if (!S_ISLNK(st.st_mode)) TRY(sys::fchmodat(to_dir, name, st.st_mode & 07777));
  return sys::utimensat(to_dir, name, {st.st_atim, st.st_mtim}, AT_SYMLINK_NOFOLLOW);
}

Result<> copy_tree(Fd from, Fd to, int depth);

Result<> copy_entry(Fd from, Fd to, const char* name, const struct stat& st, int depth) {
  if (S_ISREG(st.st_mode)) return copy_file(from, to, name, st);
  if (!S_ISDIR(st.st_mode)) return copy_special(from, to, name, st);
  TRY(sys::mkdirat(to, name, 0700));
  UniqueFd from_dir = TRY(sys::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  UniqueFd to_dir = TRY(sys::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return copy_tree(from_dir, to_dir, depth + 1);
}

Result<> copy_tree(Fd from, Fd to, int depth) {
  if (depth > kDeepest)
    return Error(Kind::unsupported, str::cat("more than ", kDeepest, " directories within each other"));
  const struct stat own = TRY(sys::fstat(from));
  const std::vector<sys::Entry> entries = TRY(sys::list(from));
  for (const sys::Entry& entry : entries) {
    const char* name = entry.name.c_str();
    const struct stat st = TRY(sys::fstatat(from, name, AT_SYMLINK_NOFOLLOW));
    if (st.st_dev != own.st_dev) continue;  // another mount
    TRY(copy_entry(from, to, name, st, depth).within("'", entry.name, "'"));
  }
  TRY(copy_xattrs(from, to));
  return copy_metadata(to, own);
}

}  // namespace

Result<> copy_up(Fd from, Fd to) {
  UniqueFd source = TRY(sys::openat(from, ".", O_RDONLY | O_DIRECTORY));
  UniqueFd target = TRY(sys::openat(to, ".", O_RDONLY | O_DIRECTORY));
  const struct stat before = TRY(sys::fstat(target));
  TRY(copy_tree(source, target, 0));
  return sys::fchmod(target, before.st_mode & 07777);
}

}  // namespace mounts
