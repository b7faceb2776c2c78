#include "imagetool/bundle/seccomp_profile.h"

#include <algorithm>

#include "spec/base/text.h"

namespace seccomp_profile {

namespace {

// ---- what everybody may call, by subject ----

constexpr std::string_view kFiles =
    "_llseek access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup "
    "dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 "
    "fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr "
    "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd "
    "getdents getdents64 getxattr getxattrat ioctl lchown lchown32 lgetxattr link linkat listmount "
    "listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod "
    "mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 "
    "pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat "
    "rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 "
    "statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate "
    "truncate64 unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev";
constexpr std::string_view kMemory =
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall "
    "mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free "
    "pkey_mprotect process_mrelease remap_file_pages";
constexpr std::string_view kSockets =
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair";
constexpr std::string_view kMessages =
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget";
constexpr std::string_view kWaiting =
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 "
    "epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark futex futex_requeue futex_time64 "
    "futex_wait futex_waitv futex_wake inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit "
    "nanosleep pause poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 "
    "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64";
constexpr std::string_view kTime =
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday setitimer time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 times";
constexpr std::string_view kSignals =
    "kill pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask "
    "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
    "rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill tkill";
constexpr std::string_view kIds =
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 "
    "getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid "
    "setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 "
    "setresuid setresuid32 setreuid setreuid32 setuid setuid32";
constexpr std::string_view kProcesses =
    "execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getpgid getpgrp "
    "getpid getppid getpriority getrandom getrlimit getrusage getsid gettid ioprio_get ioprio_set "
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl prlimit64 riscv_hwprobe "
    "rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
    "set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit setsid sysinfo "
    "ugetrlimit umask uname uretprobe vfork wait4 waitid waitpid";

constexpr std::string_view kEverybody[] = {kFiles, kMemory,  kSockets, kMessages, kWaiting,
                                           kTime,  kSignals, kIds,     kProcesses};

// ---- what needs a capability, a processor or a kernel ----

struct Conditional {
  std::string_view calls;
  std::string_view capability;     // empty: none needed
  std::string_view architectures;  // empty: any
};

constexpr Conditional kConditional[] = {
    {"bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
     "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
     "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
     "CAP_SYS_ADMIN", ""},
    {"bpf", "CAP_BPF", ""},
    {"open_by_handle_at", "CAP_DAC_READ_SEARCH", ""},
    {"perf_event_open", "CAP_PERFMON", ""},
    {"reboot", "CAP_SYS_BOOT", ""},
    {"chroot", "CAP_SYS_CHROOT", ""},
    {"delete_module finit_module init_module", "CAP_SYS_MODULE", ""},
    {"get_mempolicy mbind set_mempolicy set_mempolicy_home_node", "CAP_SYS_NICE", ""},
    {"acct", "CAP_SYS_PACCT", ""},
    {"kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace", "CAP_SYS_PTRACE", ""},
    {"ioperm iopl", "CAP_SYS_RAWIO", ""},
    {"clock_settime clock_settime64 settimeofday stime", "CAP_SYS_TIME", ""},
    {"vhangup", "CAP_SYS_TTY_CONFIG", ""},
    {"syslog", "CAP_SYSLOG", ""},
    {"arch_prctl modify_ldt", "", "amd64"},
    {"modify_ldt", "", "386"},
    {"arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2", "", "arm arm64"},
    {"swapcontext sync_file_range2", "", "ppc64le"},
    {"riscv_flush_icache", "", "riscv64"},
    {"s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", "", "s390 s390x"},
};

// Since Linux 4.8 a traced process cannot get around the filter any more.
constexpr std::string_view kSinceFourEight = "process_vm_readv process_vm_writev ptrace";

// ---- what depends on an argument ----

constexpr uint64_t kAddressFamilies[] = {38, 40};  // AF_ALG and AF_VSOCK are kept away from containers
// PER_LINUX, PER_LINUX32, both with UNAME26, and "only ask".
constexpr uint64_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
// CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: none of them may be set.
constexpr uint64_t kNewNamespaces = 0x7e020000;

struct Processor {
  std::string_view architecture;
  std::string_view filters;  // libseccomp's names: the processor's own, then the modes it can also run
};
constexpr Processor kProcessors[] = {
    {"amd64", "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32"},
    {"arm64", "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM"},
    {"mips64", "SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64N32"},
    {"mips64le", "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64N32"},
    {"s390x", "SCMP_ARCH_S390X SCMP_ARCH_S390"},
    {"riscv64", "SCMP_ARCH_RISCV64"},
    {"loong64", "SCMP_ARCH_LOONGARCH64"},
};

bool lists(std::string_view words, std::string_view word) {
  const std::vector<std::string_view> all = str::split(words, ' ');
  return std::find(all.begin(), all.end(), word) != all.end();
}

void add(std::vector<std::string>& names, std::string_view words) {
  for (const std::string_view word : str::split(words, ' ')) names.emplace_back(word);
}

std::vector<std::string> allowed_calls(const Machine& machine, const std::vector<std::string>& capabilities) {
  std::vector<std::string> names;
  for (const std::string_view subject : kEverybody) add(names, subject);
  for (const Conditional& c : kConditional) {
    const bool capable = c.capability.empty() || std::find(capabilities.begin(), capabilities.end(),
                                                           c.capability) != capabilities.end();
    const bool here = c.architectures.empty() || lists(c.architectures, machine.architecture);
    if (capable && here) add(names, c.calls);
  }
  if (machine.kernel_major > 4 || (machine.kernel_major == 4 && machine.kernel_minor >= 8))
    add(names, kSinceFourEight);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

oci::SeccompSyscall allow_if(std::string_view call, const oci::SeccompArg& condition) {
  return {.names = {std::string(call)},
          .action = oci::SeccompAction::allow,
          .errno_ret = {},
          .args = {condition}};
}

void add_sockets(std::vector<oci::SeccompSyscall>& rules) {
  using Op = oci::SeccompOperator;
  const uint64_t low = kAddressFamilies[0], high = kAddressFamilies[1];
  rules.push_back(allow_if("socket", {.index = 0, .value = low, .op = Op::less}));
  for (uint64_t between = low + 1; between < high; ++between)
    rules.push_back(allow_if("socket", {.index = 0, .value = between, .op = Op::equal}));
  rules.push_back(allow_if("socket", {.index = 0, .value = high, .op = Op::greater}));
}

void add_clone(std::vector<oci::SeccompSyscall>& rules, const Machine& machine) {
  // s390 has clone's first two arguments the other way round.
  const uint32_t flags = machine.architecture == "s390x" || machine.architecture == "s390" ? 1 : 0;
  rules.push_back(allow_if(
      "clone",
      {.index = flags, .value = kNewNamespaces, .value_two = 0, .op = oci::SeccompOperator::masked_equal}));
  constexpr uint32_t kNoSuchCall = 38;  // ENOSYS
  rules.push_back({.names = {"clone3"},
                   .action = oci::SeccompAction::error_number,
                   .errno_ret = kNoSuchCall,
                   .args = {}});
}

}  // namespace

oci::Seccomp make(const Machine& machine, const std::vector<std::string>& capabilities) {
  constexpr uint32_t kNotPermitted = 1;  // EPERM
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::error_number;
  profile.default_errno_ret = kNotPermitted;
  for (const Processor& p : kProcessors)
    if (p.architecture == machine.architecture) add(profile.architectures, p.filters);
  profile.syscalls.push_back({.names = allowed_calls(machine, capabilities),
                              .action = oci::SeccompAction::allow,
                              .errno_ret = {},
                              .args = {}});
  add_sockets(profile.syscalls);
  for (const uint64_t personality : kPersonalities)
    profile.syscalls.push_back(
        allow_if("personality", {.index = 0, .value = personality, .op = oci::SeccompOperator::equal}));
  if (std::find(capabilities.begin(), capabilities.end(), "CAP_SYS_ADMIN") == capabilities.end())
    add_clone(profile.syscalls, machine);
  return profile;
}

}  // namespace seccomp_profile
