#include "runtime/concerns/limits.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "spec/base/sys.h"

namespace limits {

namespace {

constexpr size_t kMostCpus = 8192;
using Mask = unsigned long[kMostCpus / (8 * sizeof(unsigned long))];

// sched_setattr(2); the kernel's own header collides with <sched.h>.
struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

constexpr size_t kBits = 8 * sizeof(unsigned long);

void add(const std::vector<unsigned>& numbers, Mask& mask) {
  for (const unsigned n : numbers) mask[n / kBits] |= 1ul << (n % kBits);
}

long set_affinity(const Mask& mask) { return ::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask); }

Result<> apply_scheduler(const plan::SchedulerStep& from) {
  const SchedAttr attr{sizeof attr,   from.policy,  from.flags,    from.nice,
                       from.priority, from.runtime, from.deadline, from.period};
  if (::syscall(SYS_sched_setattr, 0, &attr, 0) == 0) return {};
  const int err = errno;
  const std::string_view hint =
      err == EPERM    ? " (it needs CAP_SYS_NICE; for SCHED_DEADLINE also all CPUs of the root domain; for "
                        "SCHED_FIFO and SCHED_RR in cgroup v1 also linux.resources.cpu.realtimeRuntime)"
      : err == EINVAL ? " (this kernel does not take the policy, or not with these flags and values)"
      : err == EBUSY  ? " (the CPUs have not that much time left for SCHED_DEADLINE)"
                      : "";
  return Error::os(str::cat("process.scheduler: sched_setattr(", from.text, ")", hint), err);
}

// set_mempolicy(2) counts one bit less than it is told.
Result<> apply_memory_policy(const plan::MemoryPolicyStep& from) {
  Mask mask{};
  add(from.nodes, mask);
  const bool none = from.nodes.empty();
  // The kernel takes a longer mask than it has nodes, but not a longer one than a page.
  if (::syscall(SYS_set_mempolicy, from.mode, none ? nullptr : mask, none ? 0 : kMostCpus) == 0) return {};
  const int err = errno;
  return Error::os(
      str::cat("linux.memoryPolicy: set_mempolicy(", from.text, ")",
               err == EINVAL ? " (has this host the nodes? /sys/devices/system/node/online lists "
                               "them; and its kernel the mode and flags?)"
                             : ""),
      err);
}

}  // namespace

Result<> apply_rlimits(const plan::Process& process) {
  for (const plan::RlimitStep& step : process.rlimits) {
    if (::prlimit64(0, static_cast<__rlimit_resource>(step.resource), &step.limit, nullptr) == 0) continue;
    const int err = errno;
    const std::string_view hint =
        err != EPERM ? ""
        : step.resource == RLIMIT_NOFILE
            ? " (a hard limit may not exceed /proc/sys/fs/nr_open, and raising it needs CAP_SYS_RESOURCE)"
            : " (raising a hard limit needs CAP_SYS_RESOURCE)";
    return Error::os(str::cat("process.rlimits: setting ", step.name, " to ", step.limit.rlim_cur, ":",
                              step.limit.rlim_max, hint),
                     err);
  }
  return {};
}

Result<> apply_oom_score(const plan::Process& process) {
  if (!process.oom_score_adj) return {};
  UniqueFd file = TRY(sys::open("/proc/self/oom_score_adj", O_WRONLY).within("process.oomScoreAdj"));
  return sys::write_all(file, str::cat(*process.oom_score_adj))
      .within("process.oomScoreAdj: setting ", *process.oom_score_adj,
              " (a lower score needs CAP_SYS_RESOURCE)");
}

Result<> apply_scheduling(const plan::Process& process) {
  if (process.scheduler) TRY(apply_scheduler(*process.scheduler));
  if (process.memory_policy) TRY(apply_memory_policy(*process.memory_policy));
  if (process.io_priority && ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, *process.io_priority) < 0)
    return Error::os("process.ioPriority: ioprio_set() (IOPRIO_CLASS_RT needs CAP_SYS_NICE)");
  if (process.personality && ::personality(*process.personality) < 0)
    return Error::os("linux.personality: personality()");
  return {};
}

Result<> apply_affinity(const std::vector<unsigned>& cpus, std::string_view property) {
  if (cpus.empty()) return {};
  Mask mask{};
  add(cpus, mask);
  if (set_affinity(mask) < 0)
    return Error::os(str::cat(property,
                              ": sched_setaffinity() (has this host the CPUs, and does the cpuset "
                              "cgroup allow one of them?)"));
  return {};
}

void reset_affinity() {
  Mask mask;
  for (unsigned long& word : mask) word = ~0ul;
  (void)set_affinity(mask);  // a cpuset that refuses keeps what it had
}

}  // namespace limits
