// Processes: clone, wait, namespaces, identity, Landlock.
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "spec/base/sys_detail.h"

namespace sys {

using detail::at;
using detail::owned;
using detail::retry;

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
Result<> reset_signal(int signal) {
  // As the kernel takes it; its mask is 8 bytes.
  const struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } standard{};
  SYS_DONE(::syscall(SYS_rt_sigaction, signal, &standard, nullptr, sizeof standard.mask), "rt_sigaction",
           signal);
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

}  // namespace sys
