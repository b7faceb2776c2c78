// Processes: clone, wait, namespaces, identity, Landlock.
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "spec/base/sys_detail.h"

namespace sys {

using detail::at;
using detail::owned;
using detail::retry;

namespace {

// Before Linux 5.3, and where a seccomp filter cannot look into clone3's arguments and refuses it: clone(2), which has
// no room for CLONE_NEWTIME and no way into a cgroup; so the child enters that by itself before anything else.
Result<CloneResult> clone_without_3(uint64_t flags, Fd cgroup, int exit_signal) {
  if (flags & CLONE_NEWTIME) return detail::newer("clone3", "", "5.3", ENOSYS).within("a new time namespace");
  const UniqueFd members = cgroup.valid()
                               ? TRY(openat(cgroup, "cgroup.procs", O_WRONLY).within("entering the cgroup"))
                               : UniqueFd();
  int pidfd = -1;
  const long pid = ::syscall(SYS_clone, flags | CLONE_PIDFD | static_cast<uint64_t>(exit_signal), nullptr,
                             &pidfd, nullptr, nullptr);
  if (pid < 0) return Error::os("clone()");
  // Not an error to return: the child would go on as its parent.
  if (pid == 0 && members.valid() && !write_all(members, "0").ok()) ::_exit(1);
  return CloneResult{static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

}  // namespace

Result<CloneResult> clone3(uint64_t flags, Fd cgroup, int exit_signal) {
  int pidfd = -1;
  struct clone_args args {};
  args.flags = flags | CLONE_PIDFD | (cgroup.valid() ? CLONE_INTO_CGROUP : 0);
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = static_cast<uint64_t>(exit_signal);
  args.cgroup = cgroup.valid() ? static_cast<uint64_t>(cgroup.raw()) : 0;
  fault::point("clone3");
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0 && errno == ENOSYS) return clone_without_3(flags, cgroup, exit_signal);
  if (pid < 0) return Error::os("clone3()");
  return CloneResult{static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  const long n = ::syscall(SYS_pidfd_open, pid, 0);
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return detail::newer("pidfd_open", str::cat(pid), "5.3", err);
}
Result<> pidfd_send_signal(Fd pidfd, int signal) {
  SYS_DONE_SINCE("5.1", ::syscall(SYS_pidfd_send_signal, pidfd.raw(), signal, nullptr, 0),
                 "pidfd_send_signal", str::cat(signal));
}
Result<> reset_signal(int signal) {
#ifdef __SANITIZE_ADDRESS__
  // A fault between here and exec is for the sanitizer's handler; exec takes that away.
  if (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGABRT) return {};
#endif
  // As the kernel takes it; its mask is 8 bytes.
  const struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } standard{};
  if (::syscall(SYS_rt_sigaction, signal, &standard, nullptr, sizeof standard.mask) == 0) return {};
  return Error::os(str::cat("rt_sigaction(", signal, ")"));
}
Result<> kill(pid_t pid, int signal) { SYS_DONE(::kill(pid, signal), "kill", str::cat(pid, ", ", signal)); }

Result<std::optional<int>> waitpid(pid_t pid, int options) {
  int status = 0;
  fault::point("waitpid");
  const pid_t n = retry([&] { return ::waitpid(pid, &status, options); });
  if (n < 0) return Error::os(str::cat("waitpid(", pid, ")"));
  if (n == 0) return std::optional<int>();
  return std::optional<int>(status);
}

namespace {
// linux/pidfd.h of Linux 6.15; the build machine's may be older.
struct PidfdInfo {
  uint64_t mask, cgroup;
  uint32_t ids[11];
  int32_t exit_code;
};
constexpr uint64_t kPidfdInfoExit = 1 << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);
}  // namespace

std::optional<int> exit_status(Fd pidfd) {
  siginfo_t child{};
  const int waited = ::waitid(P_PIDFD, static_cast<id_t>(pidfd.raw()), &child, WEXITED | WNOHANG | WNOWAIT);
  if (waited == 0 && child.si_pid == 0) return std::nullopt;
  if (waited == 0) return child.si_code == CLD_EXITED ? W_EXITCODE(child.si_status, 0) : child.si_status;
  PidfdInfo info{.mask = kPidfdInfoExit};
  if (::ioctl(pidfd.raw(), kPidfdGetInfo, &info) < 0 || !(info.mask & kPidfdInfoExit)) return std::nullopt;
  return info.exit_code;
}

Result<> setns(Fd fd, int type) {
  SYS_DONE(::setns(fd.raw(), type), "setns", str::cat(fd.raw(), ", ", type));
}
Result<> unshare(int flags) { SYS_DONE(::unshare(flags), "unshare", flags); }
// By its own name: a seccomp filter of the container may know execve(2) alone.
Result<> execve(const char* path, char* const argv[], char* const envp[]) {
  fault::point("execve");
  ::execve(path, argv, envp);
  const int err = errno;
  return Error::os(str::cat("execve(\"", path, "\")"), err);
}
Result<> execveat(Fd dir, const char* path, char* const argv[], char* const envp[], int flags) {
  ::syscall(SYS_execveat, dir.raw(), path, argv, envp, flags);
  const int err = errno;
  return Error::os(str::cat("execve(", at(dir, path), ")"), err);
}
namespace {

// Before Linux 5.9: one by one.  No descriptor is above the hard limit on them.
Result<> close_each(unsigned first, unsigned last) {
  constexpr rlim_t kMostTries = 4 << 20;  // well below a second
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return Error::os("getrlimit()");
  if (limit.rlim_max > kMostTries && last >= kMostTries)
    return detail::newer("close_range", "", "5.9, or a lower limit on open files (ulimit -Hn),", ENOSYS);
  for (rlim_t fd = first; fd <= last && fd < limit.rlim_max; ++fd) (void)::close(static_cast<int>(fd));
  return {};
}

}  // namespace

Result<> close_range(unsigned first, unsigned last, unsigned flags) {
  if (::syscall(SYS_close_range, first, last, flags) >= 0) return {};
  const int err = errno;
  if (err == ENOSYS && flags == 0) return close_each(first, last);
  return detail::newer("close_range", str::cat(first), "5.9", err);
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
  fault::point("fork");
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
