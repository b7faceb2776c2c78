#include "spec/base/sys.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sys {

namespace {

template <class Call>
auto retry(Call call) {
  for (;;) {
    const auto n = call();
    if (n != -1 || errno != EINTR) return n;
  }
}

std::string at(Fd dir, const char* path) {
  if (dir == Fd::cwd()) return str::cat("\"", path, "\"");
  return str::cat(dir.raw(), ", \"", path, "\"");
}

template <class N>
Result<> done(N n, std::string_view call, std::string_view arguments) {
  if (n >= 0) return {};
  const int err = errno;
  return Error::os(str::cat(call, "(", arguments, ")"), err);
}

template <class N>
Result<UniqueFd> owned(N n, std::string_view call, std::string_view arguments) {
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return Error::os(str::cat(call, "(", arguments, ")"), err);
}

}  // namespace

// ---- files ----

Result<UniqueFd> open(const char* path, int flags, mode_t mode) {
  return openat(Fd::cwd(), path, flags, mode);
}

Result<UniqueFd> openat(Fd dir, const char* path, int flags, mode_t mode) {
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
    const ssize_t n = retry([&] { return ::pwrite(fd.raw(), data.data(), data.size(), offset); });
    if (n < 0) return Error::os(str::cat("pwrite(", fd.raw(), ")"));
    data.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return {};
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

// The wrappers below build their argument text only when the call has failed.
#define SYS_DONE(call, name, arguments)                         \
  do {                                                          \
    if ((call) >= 0) return {};                                 \
    const int err = errno;                                      \
    return Error::os(str::cat(name, "(", arguments, ")"), err); \
  } while (false)

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
Result<std::string> fgetxattr(Fd fd, const char* name) {
  std::string value(256, '\0');
  for (;;) {
    const ssize_t n = ::fgetxattr(fd.raw(), name, value.data(), value.size());
    if (n >= 0) {
      value.resize(static_cast<size_t>(n));
      return value;
    }
    if (errno != ERANGE) return Error::os(str::cat("fgetxattr(", fd.raw(), ", ", name, ")"));
    value.resize(XATTR_SIZE_MAX);  // what any attribute fits in
  }
}
Result<std::vector<std::string>> flistxattr(Fd fd) {
  char small[1024];
  std::string large;
  char* names = small;
  ssize_t n = ::flistxattr(fd.raw(), small, sizeof small);
  if (n < 0 && errno == ERANGE) {
    large.resize(XATTR_LIST_MAX);
    names = large.data();
    n = ::flistxattr(fd.raw(), names, large.size());
  }
  if (n < 0) return Error::os(str::cat("flistxattr(", fd.raw(), ")"));
  std::vector<std::string> list;
  for (const char* name = names; name < names + n; name += list.back().size() + 1) list.emplace_back(name);
  return list;
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

Result<uint64_t> mount_id(Fd fd) {
  struct statx st {};
  if (::statx(fd.raw(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
    return Error::os(str::cat("statx(", fd.raw(), ")"));
  if (st.stx_mask & STATX_MNT_ID) return uint64_t{st.stx_mnt_id};
  return uint64_t{makedev(st.stx_dev_major, st.stx_dev_minor)};
}

uint64_t filesystem_magic(Fd fd) {
  struct statfs fs {};
  return ::fstatfs(fd.raw(), &fs) == 0 ? static_cast<uint64_t>(fs.f_type) : 0;
}

// ---- mounts ----

Result<> mount(const char* source, const char* target, const char* type, unsigned long flags,
               const void* data) {
  SYS_DONE(::mount(source, target, type, flags, data), "mount", str::cat("\"", target, "\""));
}
Result<> umount2(const char* target, int flags) {
  SYS_DONE(::umount2(target, flags), "umount", str::cat("\"", target, "\""));
}
Result<> pivot_root(const char* new_root, const char* put_old) {
  SYS_DONE(::syscall(SYS_pivot_root, new_root, put_old), "pivot_root",
           str::cat("\"", new_root, "\", \"", put_old, "\""));
}
Result<UniqueFd> open_tree(Fd dir, const char* path, unsigned flags) {
  const long n = ::syscall(SYS_open_tree, dir.raw(), path, flags | OPEN_TREE_CLOEXEC);
  return owned(n, "open_tree", n < 0 ? at(dir, path) : std::string());
}
Result<> move_mount(Fd from, const char* from_path, Fd to, const char* to_path, unsigned flags) {
  SYS_DONE(::syscall(SYS_move_mount, from.raw(), from_path, to.raw(), to_path, flags), "move_mount",
           at(to, to_path));
}
Result<UniqueFd> fsopen(const char* type) {
  const long n = ::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  return owned(n, "fsopen", type);
}

// The kernel's explanations wait in the context, one message to a read: "e overlay: No changes allowed …".
static std::string context_log(Fd context) {
  std::string text;
  char line[512];
  for (int i = 0; i < 16; ++i) {
    const ssize_t n = ::read(context.raw(), line, sizeof line);
    if (n <= 2) break;
    const std::string_view message = str::trim(std::string_view(line, static_cast<size_t>(n)).substr(2));
    text += str::cat(text.empty() ? "" : "; ", message);
  }
  return text;
}

Result<> fsconfig(Fd context, unsigned command, const char* key, const void* value, int aux) {
  if (::syscall(SYS_fsconfig, context.raw(), command, key, value, aux) >= 0) return {};
  const int err = errno;
  Error error = Error::os(str::cat("fsconfig(", key ? key : "create", ")"), err);
  const std::string explained = context_log(context);
  if (!explained.empty()) error.message += str::cat(" (kernel: ", explained, ")");
  return error;
}
Result<UniqueFd> fsmount(Fd context, unsigned attributes) {
  const long n = ::syscall(SYS_fsmount, context.raw(), FSMOUNT_CLOEXEC, attributes);
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  Error error = Error::os("fsmount()", err);
  const std::string explained = context_log(context);
  if (!explained.empty()) error.message += str::cat(" (kernel: ", explained, ")");
  return error;
}
Result<> mount_setattr(Fd dir, const char* path, unsigned flags, const struct mount_attr& attributes) {
  SYS_DONE(::syscall(SYS_mount_setattr, dir.raw(), path, flags, &attributes, sizeof attributes),
           "mount_setattr", at(dir, path));
}

// ---- processes ----

Result<CloneResult> clone3(uint64_t flags, Fd cgroup, int exit_signal) {
  int pidfd = -1;
  struct clone_args args {};
  args.flags = flags | CLONE_PIDFD | (cgroup.valid() ? CLONE_INTO_CGROUP : 0);
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = static_cast<uint64_t>(exit_signal);
  args.cgroup = cgroup.valid() ? static_cast<uint64_t>(cgroup.raw()) : 0;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return Error::os("clone3()");
  return CloneResult{static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  const long n = ::syscall(SYS_pidfd_open, pid, 0);
  return owned(n, "pidfd_open", n < 0 ? str::cat(pid) : std::string());
}
Result<> pidfd_send_signal(Fd pidfd, int signal) {
  SYS_DONE(::syscall(SYS_pidfd_send_signal, pidfd.raw(), signal, nullptr, 0), "pidfd_send_signal", signal);
}
Result<> kill(pid_t pid, int signal) { SYS_DONE(::kill(pid, signal), "kill", str::cat(pid, ", ", signal)); }

Result<std::optional<int>> waitpid(pid_t pid, int options) {
  int status = 0;
  const pid_t n = retry([&] { return ::waitpid(pid, &status, options); });
  if (n < 0) return Error::os(str::cat("waitpid(", pid, ")"));
  if (n == 0) return std::optional<int>();
  return std::optional<int>(status);
}

Result<> setns(Fd fd, int type) {
  SYS_DONE(::setns(fd.raw(), type), "setns", str::cat(fd.raw(), ", ", type));
}
Result<> unshare(int flags) { SYS_DONE(::unshare(flags), "unshare", flags); }
// By its own name: a seccomp filter of the container may know execve(2) alone.
Result<> execve(const char* path, char* const argv[], char* const envp[]) {
  ::execve(path, argv, envp);
  const int err = errno;
  return Error::os(str::cat("execve(\"", path, "\")"), err);
}
Result<> execveat(Fd dir, const char* path, char* const argv[], char* const envp[], int flags) {
  ::syscall(SYS_execveat, dir.raw(), path, argv, envp, flags);
  const int err = errno;
  return Error::os(str::cat("execve(", at(dir, path), ")"), err);
}
Result<> close_range(unsigned first, unsigned last, unsigned flags) {
  SYS_DONE(::syscall(SYS_close_range, first, last, flags), "close_range", first);
}
Result<> prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  SYS_DONE(::prctl(option, a, b, c, d), "prctl", option);
}
Result<> fchdir(Fd dir) { SYS_DONE(::fchdir(dir.raw()), "fchdir", dir.raw()); }
Result<> chdir(const char* path) { SYS_DONE(::chdir(path), "chdir", str::cat("\"", path, "\"")); }
Result<> chroot(const char* path) { SYS_DONE(::chroot(path), "chroot", str::cat("\"", path, "\"")); }
Result<> sethostname(std::string_view name) {
  SYS_DONE(::sethostname(name.data(), name.size()), "sethostname", name);
}
Result<> setdomainname(std::string_view name) {
  SYS_DONE(::setdomainname(name.data(), name.size()), "setdomainname", name);
}
Result<> setresuid(uid_t uid) { SYS_DONE(::syscall(SYS_setresuid, uid, uid, uid), "setresuid", uid); }
Result<> setresgid(gid_t gid) { SYS_DONE(::syscall(SYS_setresgid, gid, gid, gid), "setresgid", gid); }
Result<> setgroups(std::span<const gid_t> groups) {
  SYS_DONE(::syscall(SYS_setgroups, groups.size(), groups.data()), "setgroups", groups.size());
}
Result<> setsid() { SYS_DONE(::setsid(), "setsid", ""); }

Result<pid_t> fork() {
  const pid_t pid = ::fork();
  if (pid < 0) return Error::os("fork()");
  return pid;
}
mode_t umask(mode_t mask) { return ::umask(mask); }

Result<> limit_capabilities(uint64_t keep) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return Error::os("capget()");
  for (int i = 0; i < 2; ++i) {
    const auto bits = static_cast<uint32_t>(keep >> (32 * i));
    data[i].effective &= bits;
    data[i].permitted &= bits;
    data[i].inheritable &= bits;
  }
  SYS_DONE(::syscall(SYS_capset, &header, data), "capset", "");
}

namespace {
// The header of the build machine may be older than the kernel.
struct LandlockRules {
  uint64_t files, network, scopes;
};
}  // namespace

int landlock_version() {
  const long n = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return n < 0 ? 0 : static_cast<int>(n);
}
Result<UniqueFd> landlock_create(uint64_t files, uint64_t network, uint64_t scopes) {
  const LandlockRules rules{files, network, scopes};
  const int version = landlock_version();
  const size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  return owned(::syscall(SYS_landlock_create_ruleset, &rules, size, 0), "landlock_create_ruleset", "");
}
Result<> landlock_allow(Fd ruleset, Fd dir, uint64_t files) {
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = files;
  beneath.parent_fd = dir.raw();
  SYS_DONE(::syscall(SYS_landlock_add_rule, ruleset.raw(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0),
           "landlock_add_rule", dir.raw());
}
Result<> landlock_restrict(Fd ruleset) {
  SYS_DONE(::syscall(SYS_landlock_restrict_self, ruleset.raw(), 0), "landlock_restrict_self", "");
}

// ---- sockets, pipes, polling ----

Result<SocketPair> socketpair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return Error::os("socketpair()");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<SocketPair> pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return Error::os("pipe()");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> connect_unix(std::string_view path) {
  const int n = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (n < 0) return Error::os("socket()");
  UniqueFd socket(n);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name(path);
  UniqueFd node;
  if (name.size() >= sizeof address.sun_path) {
    node = TRY(open(name.c_str(), O_PATH));
    name = node.get().proc_path();
  }
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  if (retry([&] { return ::connect(n, reinterpret_cast<const sockaddr*>(&address), sizeof address); }) < 0)
    return Error::os(str::cat("connect(\"", path, "\")"));
  return socket;
}

Result<UniqueFd> accept(Fd listener) {
  return owned(retry([&] { return ::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC); }), "accept",
               "");
}

// A name beneath a directory descriptor always fits into sun_path this way.
static sockaddr_un address_in(Fd dir, std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = str::cat(dir.proc_path(), "/", name);
  assert(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> listen_seqpacket(Fd dir, std::string_view name) {
  const int n = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (n < 0) return Error::os("socket()");
  UniqueFd socket(n);
  const sockaddr_un address = address_in(dir, name);
  // The mode of the node comes from the socket's own (unix(7)), so that it is private from the first moment.
  if (::fchmod(n, 0600) < 0 || ::bind(n, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error::os(str::cat("bind(\"", name, "\")"));
  if (::listen(n, 4) < 0) return Error::os("listen()");
  return socket;
}

Result<UniqueFd> connect_seqpacket(Fd dir, std::string_view name) {
  const int n = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (n < 0) return Error::os("socket()");
  UniqueFd socket(n);
  const sockaddr_un address = address_in(dir, name);
  if (retry([&] { return ::connect(n, reinterpret_cast<const sockaddr*>(&address), sizeof address); }) < 0)
    return Error::os(str::cat("connect(\"", name, "\")"));
  return socket;
}

Result<> send(Fd socket, std::string_view data, std::span<const Fd> fds) {
  constexpr size_t kMostFds = 64;
  assert(fds.size() <= kMostFds && !data.empty());
  iovec part{const_cast<char*>(data.data()), data.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (size_t i = 0; i < fds.size(); ++i) {
      const int n = fds[i].raw();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &n, sizeof n);
    }
  }
  const ssize_t sent = retry([&] { return ::sendmsg(socket.raw(), &header, MSG_NOSIGNAL); });
  if (sent < 0) return Error::os("sendmsg()");
  if (static_cast<size_t>(sent) != data.size())
    return write_all(socket, data.substr(static_cast<size_t>(sent)));
  return {};
}

Result<Message> receive(Fd socket, size_t limit) {
  Message message;
  message.data.resize(limit);
  iovec part{message.data.data(), limit};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))];
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t n = retry([&] { return ::recvmsg(socket.raw(), &header, MSG_CMSG_CLOEXEC); });
  if (n < 0) return Error::os("recvmsg()");
  message.data.resize(static_cast<size_t>(n));
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      message.fds.push_back(UniqueFd(fd));
    }
  }
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
    return Error(Kind::protocol, "a message was larger than its limit");
  return message;
}

Result<int> poll(std::span<pollfd> fds, int timeout_ms) {
  const int n = retry([&] { return ::poll(fds.data(), fds.size(), timeout_ms); });
  if (n < 0) return Error::os("poll()");
  return n;
}

Result<UniqueFd> signalfd(const sigset_t& mask) {
  return owned(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd", "");
}
Result<UniqueFd> memfd_create(const char* name, unsigned flags) {
  return owned(::memfd_create(name, flags | MFD_CLOEXEC), "memfd_create", name);
}
Result<UniqueFd> timerfd(int64_t milliseconds) {
  UniqueFd timer =
      TRY(owned(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create", ""));
  itimerspec when{};
  when.it_value = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
  if (::timerfd_settime(timer.raw(), 0, &when, nullptr) < 0) return Error::os("timerfd_settime()");
  return timer;
}

}  // namespace sys
