// Every system call, wrapped once: same name as the call, EINTR retried where that is right, O_CLOEXEC and
// O_NOCTTY inserted so that no caller can forget them, the arguments in the error.
//
// Raw clone3, and calls newer than glibc 2.36, are made by number.  Where the kernel or a seccomp filter refuses one of
// them (ENOSYS), clone3 and close_range do without it, and the rest say which Linux they need.  Nothing here allocates
// on success beyond its result, takes a lock or touches locale, so all of it may be used between clone() and exec().
#pragma once

#include <linux/mount.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace sys {

// ---- files ----
Result<UniqueFd> open(const char* path, int flags, mode_t mode = 0);
Result<UniqueFd> openat(Fd dir, const char* path, int flags, mode_t mode = 0);
// `how.flags` gets O_CLOEXEC.  ENOSYS where the kernel (or a filter) has no openat2: path:: falls back.
Result<UniqueFd> openat2(Fd dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve);
Result<size_t> read(Fd fd, void* buffer, size_t size);  // 0 = end of file
Result<size_t> pread(Fd fd, void* buffer, size_t size, off_t offset);
Result<size_t> write(Fd fd, const void* data, size_t size);  // may be short
Result<> write_all(Fd fd, std::string_view data);
Result<> pwrite_all(Fd fd, std::string_view data, off_t offset);
Result<off_t> lseek(Fd fd, off_t offset, int whence);  // ENXIO: SEEK_DATA finds none up to the end
Result<struct stat> fstat(Fd fd);
Result<struct stat> fstatat(Fd dir, const char* path, int flags);
Result<> mkdirat(Fd dir, const char* path, mode_t mode);
Result<> mknodat(Fd dir, const char* path, mode_t mode, dev_t device);
Result<> symlinkat(const char* target, Fd dir, const char* path);
Result<std::string> readlinkat(Fd dir, const char* path);
Result<> linkat(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path, int flags);
Result<> unlinkat(Fd dir, const char* path, int flags);
Result<> renameat(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path);
Result<> renameat2(Fd old_dir, const char* old_path, Fd new_dir, const char* new_path, unsigned flags);
Result<> fchmod(Fd fd, mode_t mode);
Result<> fchmodat(Fd dir, const char* path, mode_t mode);
Result<> faccessat(Fd dir, const char* path, int mode);  // R_OK, W_OK… with the effective ids
bool exists(Fd dir, const char* path);                   // false also where that cannot be known
Result<> fchownat(Fd dir, const char* path, uid_t uid, gid_t gid, int flags);
Result<> futimens(Fd fd, const struct timespec (&times)[2]);  // not O_PATH
Result<> utimensat(Fd dir, const char* path, const struct timespec (&times)[2], int flags);
Result<> ftruncate(Fd fd, off_t size);
Result<> fsync(Fd fd);
Result<> syncfs(Fd fd);
// flock(2): operation LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB → EWOULDBLOCK.
Result<> flock(Fd fd, int operation);
Result<> setxattr(const char* path, const char* name, std::string_view value, bool follow);
Result<> fsetxattr(Fd fd, const char* name, std::string_view value);
Result<std::string> fgetxattr(Fd fd, const char* name);  // ENODATA: there is none
Result<std::vector<std::string>> flistxattr(Fd fd);      // ENOTSUP where the file system has none
Result<> fremovexattr(Fd fd, const char* name);
// Of a link itself, where `path` is one.
Result<std::string> lgetxattr(const char* path, const char* name);
Result<std::vector<std::string>> llistxattr(const char* path);
Result<UniqueFd> dup(Fd fd, int at_least = 3);  // CLOEXEC
Result<> dup2(Fd from, int to);                 // the copy is not CLOEXEC: it is meant for a child
Result<> set_cloexec(Fd fd, bool on);
struct Entry {
  std::string name;
  unsigned char type;  // DT_*
};
Result<std::vector<Entry>> list(Fd dir);  // without "." and ".."; `dir` must not be O_PATH
Result<uint64_t> mount_id(
    Fd fd);  // of the mount the file is seen through; its device number where neither statx nor /proc tells
uint64_t filesystem_magic(Fd fd);  // statfs f_type, 0 if it cannot be asked

// ---- mounts ----
Result<> mount(const char* source, const char* target, const char* type, unsigned long flags,
               const void* data);
Result<> umount2(const char* target, int flags);
Result<> pivot_root(const char* new_root, const char* put_old);
Result<UniqueFd> open_tree(Fd dir, const char* path, unsigned flags);  // adds OPEN_TREE_CLOEXEC
Result<> move_mount(Fd from, const char* from_path, Fd to, const char* to_path, unsigned flags);
Result<UniqueFd> fsopen(const char* type);
// On failure the message ends in what the kernel wrote to the context's log, if anything.
Result<> fsconfig(Fd context, unsigned command, const char* key, const void* value, int aux);
Result<UniqueFd> fsmount(Fd context, unsigned attributes);
Result<> mount_setattr(Fd dir, const char* path, unsigned flags, const struct mount_attr& attributes);

// ---- processes ----
struct CloneResult {
  pid_t pid = 0;  // 0 in the child
  UniqueFd pidfd;
};
// clone3 with CLONE_PIDFD.  `cgroup` valid: CLONE_INTO_CGROUP.  exit_signal 0 is needed with CLONE_PARENT.
// The caller is single-threaded (asserted by stages::spawn); the child runs on a copy of its stack.
Result<CloneResult> clone3(uint64_t flags, Fd cgroup = Fd(), int exit_signal = SIGCHLD);
Result<UniqueFd> pidfd_open(pid_t pid);
Result<> pidfd_send_signal(Fd pidfd, int signal);
Result<> kill(pid_t pid, int signal);
// The default disposition (sigaction(2)), also for the two signals that glibc keeps for itself and will not touch.
Result<> reset_signal(int signal);
// waitpid; nullopt with WNOHANG when it still runs.
Result<std::optional<int>> waitpid(pid_t pid, int options);
// The wait status of a process that has ended: of our child, which stays to be waited for, or of another's that has been
// waited for (Linux 6.15).  nullopt: not known, or it still runs.
std::optional<int> exit_status(Fd pidfd);
Result<> setns(Fd fd, int type);
Result<> unshare(int flags);
Result<> execve(const char* path, char* const argv[], char* const envp[]);
Result<> execveat(Fd dir, const char* path, char* const argv[], char* const envp[], int flags);
Result<> close_range(unsigned first, unsigned last, unsigned flags);
Result<> prctl(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0,
               unsigned long d = 0);
Result<> fchdir(Fd dir);
Result<> chdir(const char* path);
Result<> chroot(const char* path);
Result<> sethostname(std::string_view name);
Result<> setdomainname(std::string_view name);
Result<> setresuid(
    uid_t uid);  // real, effective and saved; by number, so that glibc has no threads to signal
Result<> setresgid(gid_t gid);
Result<> setgroups(std::span<const gid_t> groups);
Result<> setsid();
// fork(3), not clone: glibc's allocator is usable in the child even if the caller has threads.  0: in the child.
Result<pid_t> fork();
mode_t umask(mode_t mask);  // the old one
// Keeps only these capabilities (bits 1 << CAP_*) in the effective, permitted and inheritable sets of this thread.
Result<> limit_capabilities(uint64_t keep);
// landlock(7).  The version of the kernel's interface; 0: there is none.
int landlock_version();
// Rights as in <linux/landlock.h>; `network` and `scopes` need versions 4 and 6 and are left out below those.
Result<UniqueFd> landlock_create(uint64_t files, uint64_t network, uint64_t scopes);
Result<> landlock_allow(Fd ruleset, Fd dir, uint64_t files);
Result<> landlock_restrict(Fd ruleset);  // this thread, for good; wants no_new_privs

// ---- sockets, pipes, polling ----
struct SocketPair {
  UniqueFd left, right;
};
Result<SocketPair> socketpair(int type);  // AF_UNIX
Result<SocketPair> pipe();                // left: read end, right: write end
// SOCK_STREAM; long paths go through /proc/self/fd.  Here and in connect_seqpacket: EAGAIN when the other side has not
// accepted the connection, or later not taken what we sent, within 10 s.
Result<UniqueFd> connect_unix(std::string_view path);
Result<UniqueFd> accept(Fd listener);
// A listening AF_UNIX SOCK_SEQPACKET socket named `name` in `dir`, mode 0600.  Reached with connect_seqpacket.
Result<UniqueFd> listen_seqpacket(Fd dir, std::string_view name);
Result<UniqueFd> connect_seqpacket(Fd dir, std::string_view name);
// Sends `data` (not empty) with `fds` by SCM_RIGHTS, in one message.  EPIPE does not raise SIGPIPE.
Result<> send(Fd socket, std::string_view data, std::span<const Fd> fds = {});
struct Message {
  std::string data;  // empty: the other end is closed
  std::vector<UniqueFd> fds;
};
Result<Message> receive(Fd socket, size_t limit);
// poll(2); the number of descriptors ready, 0 = the time is over.  timeout in ms, -1 = none.  EINTR is retried.
Result<int> poll(std::span<pollfd> fds, int timeout_ms);
Result<UniqueFd> signalfd(const sigset_t& mask);
Result<UniqueFd> memfd_create(const char* name, unsigned flags);
// For a program that is to be executed, also where vm.memfd_noexec has others be data (proc_sys_vm(5)).
Result<UniqueFd> memfd_create_program(const char* name, unsigned flags);
Result<UniqueFd> eventfd();                      // not blocking, at 0
Result<UniqueFd> timerfd(int64_t milliseconds);  // one shot, CLOCK_MONOTONIC

}  // namespace sys
