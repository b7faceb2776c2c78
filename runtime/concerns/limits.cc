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

long set_affinity(const Mask& mask) { return ::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask); }

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
  if (process.scheduler) {
    const plan::SchedulerStep& from = *process.scheduler;
    const SchedAttr attr{sizeof attr,   from.policy,  from.flags,    from.nice,
                         from.priority, from.runtime, from.deadline, from.period};
    if (::syscall(SYS_sched_setattr, 0, &attr, 0) < 0) return Error::os("process.scheduler: sched_setattr()");
  }
  if (process.io_priority && ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, *process.io_priority) < 0)
    return Error::os("process.ioPriority: ioprio_set()");
  if (process.personality && ::personality(*process.personality) < 0)
    return Error::os("linux.personality: personality()");
  return {};
}

Result<> apply_affinity(const std::vector<unsigned>& cpus, std::string_view property) {
  if (cpus.empty()) return {};
  Mask mask{};
  constexpr size_t kBits = 8 * sizeof(unsigned long);
  for (const unsigned cpu : cpus) mask[cpu / kBits] |= 1ul << (cpu % kBits);
  if (set_affinity(mask) < 0) return Error::os(str::cat(property, ": sched_setaffinity()"));
  return {};
}

void reset_affinity() {
  Mask mask;
  for (unsigned long& word : mask) word = ~0ul;
  (void)set_affinity(mask);  // a cpuset that refuses keeps what it had
}

}  // namespace limits
