// The least that a default container costs: what `runtime run` makes of `runtime spec`, made by the fewest system calls.
//
//   bench-floor ROOTFS HIERARCHY...      HIERARCHY: v1:OPTIONS:MOUNT_POINT ("v1:cpu:/sys/fs/cgroup/cpu") or v2::MOUNT_POINT
//
// The same kernel objects (namespaces, mounts, device nodes, masked and read-only paths, cgroups with the device rules,
// capabilities, a limit, /bin/true), and nothing else: no configuration is read, no state is kept, nothing is checked, no
// error is explained, and there is no C library, but where C_LIBRARY is defined: then the program starts as C programs do.
// What a runtime costs above it is its own doing.  The device rules of v2 are one program that allows everything: loading and
// attaching it is what costs.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <initializer_list>

#include "runtime/stages/raw_calls.h"

#ifdef C_LIBRARY
#include <cstring>

[[noreturn]] void floor_main(char** stack);
int main(int, char** argv) { floor_main(argv - 1); }
#else
extern "C" {
[[noreturn]] void floor_main(char** stack);
[[noreturn]] void _start() { __builtin_trap(); }  // where the entry would go on
// The compiler may want these whatever it is told.
void* memset(void* to, int byte, size_t size) {
  for (size_t i = 0; i < size; ++i) static_cast<volatile char*>(to)[i] = static_cast<char>(byte);
  return to;
}
void* memcpy(void* to, const void* from, size_t size) {
  for (size_t i = 0; i < size; ++i) static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
  return to;
}
}
RUNTIME_ENTRY(floor_main);
#endif

namespace {

long number(long n) { return n; }
long number(const void* pointer) { return reinterpret_cast<long>(pointer); }

template <class A = long, class B = long, class C = long, class D = long, class E = long>
long call(long nr, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0) {
  return raw_call(nr, number(a), number(b), number(c), number(d), number(e));
}

[[noreturn]] void leave(int status) {
  for (;;) call(SYS_exit_group, long{status});
}

// The line tells where: there is nothing here that could format a message.
void must(long result, int line) {
  if (result >= 0) return;
  char text[] = "floor.cc:0000 failed\n";
  for (int i = 12; i >= 9; --i, line /= 10) text[i] = static_cast<char>('0' + line % 10);
  call(SYS_write, 2L, text, long{sizeof text - 1});
  leave(1);
}

size_t length(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}

struct Path {
  char text[512];
  Path(const char* a, const char* b) {
    size_t n = 0;
    for (const char* part : {a, b})
      for (; *part && n + 1 < sizeof text; ++part) text[n++] = *part;
    text[n] = '\0';
  }
};

struct Hierarchy {
  bool v2;
  const char* options;
  const char* point;
};

Hierarchy parse(char* argument) {
  Hierarchy h{argument[1] == '2', argument + 3, nullptr};
  for (char* at = argument + 3;; ++at)
    if (*at == ':') {
      *at = '\0';
      h.point = at + 1;
      return h;
    }
}

bool begins_with(const char* text, const char* start) {
  for (; *start; ++text, ++start)
    if (*text != *start) return false;
  return true;
}

constexpr char kName[] = "/floor";

bool only_v2(const Hierarchy* hierarchies, int count) { return count == 1 && hierarchies[0].v2; }

// ---- cgroups ----

void write_file(const char* directory, const char* name, const char* value) {
  const long fd = call(SYS_openat, long{AT_FDCWD}, Path(directory, name).text, long{O_WRONLY | O_CLOEXEC});
  must(call(SYS_write, fd, value, static_cast<long>(length(value))), __LINE__);
  call(SYS_close, fd);
}

void copy_file(const char* from, const char* to, const char* name) {
  char value[256];
  const long fd = call(SYS_openat, long{AT_FDCWD}, Path(from, name).text, long{O_RDONLY | O_CLOEXEC});
  const long size = call(SYS_read, fd, value, long{sizeof value - 1});
  must(size, __LINE__);
  value[size] = '\0';
  call(SYS_close, fd);
  write_file(to, name, value);
}

void allow_devices(const char* directory) {
  constexpr char kRules[][12] = {"c *:* m",   "b *:* m",   "c 1:3 rwm",  "c 1:5 rwm",
                                 "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",  "c 5:0 rwm",
                                 "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm"};
  write_file(directory, "/devices.deny", "a");
  const long fd =
      call(SYS_openat, long{AT_FDCWD}, Path(directory, "/devices.allow").text, long{O_WRONLY | O_CLOEXEC});
  for (const auto& rule : kRules) must(call(SYS_write, fd, rule, static_cast<long>(length(rule))), __LINE__);
  call(SYS_close, fd);
}

void filter_devices(long cgroup) {
  bpf_insn code[2];
  memset(code, 0, sizeof code);
  code[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  code[0].imm = 1;
  code[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insn_cnt = 2;
  attr.insns = reinterpret_cast<unsigned long>(code);
  attr.license = reinterpret_cast<unsigned long>("GPL");
  const long program = call(SYS_bpf, long{BPF_PROG_LOAD}, &attr, long{sizeof attr});
  must(program, __LINE__);
  memset(&attr, 0, sizeof attr);
  attr.target_fd = static_cast<unsigned>(cgroup);
  attr.attach_bpf_fd = static_cast<unsigned>(program);
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  must(call(SYS_bpf, long{BPF_PROG_ATTACH}, &attr, long{sizeof attr}), __LINE__);
  call(SYS_close, program);
}

// Yields the descriptor of a v2 cgroup, to be cloned into; -1: v1.
long make_cgroup(const Hierarchy& h) {
  const Path directory(h.point, kName);
  must(call(SYS_mkdirat, long{AT_FDCWD}, directory.text, 0755L), __LINE__);
  if (h.v2) {
    const long fd =
        call(SYS_openat, long{AT_FDCWD}, directory.text, long{O_RDONLY | O_DIRECTORY | O_CLOEXEC});
    filter_devices(fd);
    return fd;
  }
  if (begins_with(h.options, "cpuset")) {
    copy_file(h.point, directory.text, "/cpuset.cpus");
    copy_file(h.point, directory.text, "/cpuset.mems");
  }
  if (begins_with(h.options, "devices")) allow_devices(directory.text);
  return -1;
}

// ---- the container ----

void mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
  must(call(SYS_mount, source, target, type, static_cast<long>(flags), data), __LINE__);
}

constexpr unsigned long kNone = MS_NOSUID | MS_NODEV | MS_NOEXEC;

void mount_readonly(const char* source, const char* target) {
  mount(source, target, nullptr, 0UL | MS_BIND, nullptr);
  mount(nullptr, target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kNone, nullptr);
}

// v2 has a namespace of its own, whose root is the container's cgroup; of v1 the container's cgroups are bound.
void mount_cgroups(const Hierarchy* hierarchies, int count) {
  if (only_v2(hierarchies, count)) {
    mount("cgroup", "sys/fs/cgroup", "cgroup2", kNone | MS_RDONLY, nullptr);
    return;
  }
  mount("tmpfs", "sys/fs/cgroup", "tmpfs", kNone, "mode=755");
  for (int i = 0; i < count; ++i) {
    const char* name = hierarchies[i].point + length(hierarchies[i].point);
    while (name[-1] != '/') --name;
    const Path target("sys/fs/cgroup/", name);
    call(SYS_mkdirat, long{AT_FDCWD}, target.text, 0755L);
    mount_readonly(Path(hierarchies[i].point, kName).text, target.text);
  }
  mount(nullptr, "sys/fs/cgroup", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kNone, nullptr);
}

void mount_all(const Hierarchy* hierarchies, int count) {
  mount("proc", "proc", "proc", 0, nullptr);
  mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  for (const char* directory : {"dev/pts", "dev/shm", "dev/mqueue"})
    call(SYS_mkdirat, long{AT_FDCWD}, directory, 0755L);
  mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount("shm", "dev/shm", "tmpfs", kNone, "mode=1777,size=65536k");
  mount("mqueue", "dev/mqueue", "mqueue", kNone, nullptr);
  mount("sysfs", "sys", "sysfs", kNone | MS_RDONLY, nullptr);
  mount_cgroups(hierarchies, count);
}

void make_devices() {
  struct {
    char path[12];
    unsigned major, minor;
  } constexpr kNodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                          {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  call(SYS_umask, 0L);
  for (const auto& node : kNodes)
    must(call(SYS_mknodat, long{AT_FDCWD}, node.path, long{S_IFCHR | 0666},
              static_cast<long>(node.major << 8 | node.minor)),
         __LINE__);
  call(SYS_umask, 022L);
  constexpr char kLinks[][2][16] = {{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
                                    {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
                                    {"/proc/kcore", "dev/core"},       {"pts/ptmx", "dev/ptmx"}};
  for (const auto& link : kLinks) call(SYS_symlinkat, link[0], long{AT_FDCWD}, link[1]);
}

// Paths that this kernel does not have are passed over.
void hide() {
  constexpr char kReadOnly[][20] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
  for (const auto& path : kReadOnly) {
    if (call(SYS_mount, path, path, 0L, long{MS_BIND | MS_REC}) < 0) continue;
    mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kNone, nullptr);
  }
  constexpr char kFiles[][20] = {"proc/interrupts",    "proc/kcore",       "proc/keys",
                                 "proc/latency_stats", "proc/sched_debug", "proc/timer_list",
                                 "proc/timer_stats"};
  for (const auto& path : kFiles) call(SYS_mount, "dev/null", path, 0L, long{MS_BIND});
  constexpr char kDirectories[][32] = {"proc/acpi", "proc/asound", "proc/scsi",
                                       "sys/devices/virtual/powercap", "sys/firmware"};
  const char* empty = nullptr;  // the first, which the others show as well
  for (const auto& path : kDirectories) {
    if (empty)
      call(SYS_mount, empty, path, 0L, long{MS_BIND});
    else if (call(SYS_mount, "tmpfs", path, "tmpfs", static_cast<long>(kNone | MS_RDONLY), "mode=555") >= 0)
      empty = path;
  }
}

void raise_loopback() {
  const long fd = call(SYS_socket, 2L /* AF_INET */, 2L /* SOCK_DGRAM */);
  ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(call(SYS_ioctl, fd, 0x8914L /* SIOCSIFFLAGS */, &request), __LINE__);
  call(SYS_close, fd);
}

void limit_rights() {
  constexpr unsigned kKept = 1u << CAP_AUDIT_WRITE | 1u << CAP_KILL | 1u << CAP_NET_BIND_SERVICE;
  for (long capability = 0; capability <= CAP_LAST_CAP; ++capability)
    if (capability >= 32 || !(kKept >> capability & 1))
      call(SYS_prctl, 24L /* PR_CAPBSET_DROP */, capability);
  __user_cap_header_struct header;
  header.version = _LINUX_CAPABILITY_VERSION_3;
  header.pid = 0;
  __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  data[0].effective = data[0].permitted = kKept;
  must(call(SYS_capset, &header, data), __LINE__);
  call(SYS_prctl, 38L /* PR_SET_NO_NEW_PRIVS */, 1L);
}

[[noreturn]] void container(const char* rootfs, const Hierarchy* hierarchies, int count) {
  for (int i = 0; i < count; ++i)
    if (!hierarchies[i].v2) write_file(Path(hierarchies[i].point, kName).text, "/tasks", "0");
  if (only_v2(hierarchies, count)) must(call(SYS_unshare, long{CLONE_NEWCGROUP}), __LINE__);
  call(SYS_setsid);
  call(SYS_keyctl, 1L /* KEYCTL_JOIN_SESSION_KEYRING */, "floor");
  call(SYS_sethostname, "runtime", 7L);
  raise_loopback();
  mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr);
  mount(rootfs, rootfs, nullptr, MS_BIND | MS_REC, nullptr);
  must(call(SYS_chdir, rootfs), __LINE__);
  mount_all(hierarchies, count);
  make_devices();
  hide();
  mount(nullptr, ".", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
  must(call(SYS_pivot_root, ".", "."), __LINE__);
  must(call(SYS_umount2, ".", long{MNT_DETACH}), __LINE__);
  call(SYS_chdir, "/");
  rlimit files;
  files.rlim_cur = files.rlim_max = 1024;
  call(SYS_prlimit64, 0L, long{RLIMIT_NOFILE}, &files, 0L);
  limit_rights();
  const char* argv[2];
  argv[0] = "/bin/true";
  argv[1] = nullptr;
  must(call(SYS_execve, argv[0], argv, argv + 1), __LINE__);
  leave(127);
}

}  // namespace

void floor_main(char** stack) {
  const long arguments = *reinterpret_cast<long*>(stack);
  char** argv = stack + 1;
  Hierarchy hierarchies[16];
  int count = 0;
  clone_args clone;
  memset(&clone, 0, sizeof clone);
  clone.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
  clone.exit_signal = 17;  // SIGCHLD
  for (long i = 2; i < arguments && count < 16; ++i) {
    hierarchies[count] = parse(argv[i]);
    const long cgroup = make_cgroup(hierarchies[count++]);
    if (cgroup < 0) continue;
    clone.flags |= CLONE_INTO_CGROUP;
    clone.cgroup = static_cast<unsigned long>(cgroup);
  }
  const long pid = call(SYS_clone3, &clone, long{sizeof clone});
  must(pid, __LINE__);
  if (pid == 0) container(argv[1], hierarchies, count);
  int status = 0;
  call(SYS_wait4, pid, &status);
  for (int i = 0; i < count; ++i)
    must(call(SYS_unlinkat, long{AT_FDCWD}, Path(hierarchies[i].point, kName).text, long{AT_REMOVEDIR}),
         __LINE__);
  leave(status == 0 ? 0 : 1);
}
