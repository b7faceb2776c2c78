#include "runtime/plan/process.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/capability.h>

#include <algorithm>
#include <set>

#include "spec/base/names.h"

namespace plan {

namespace {

constexpr names::Table<int> kRlimits[] = {
    {RLIMIT_AS, "RLIMIT_AS"},
    {RLIMIT_CORE, "RLIMIT_CORE"},
    {RLIMIT_CPU, "RLIMIT_CPU"},
    {RLIMIT_DATA, "RLIMIT_DATA"},
    {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
    {RLIMIT_LOCKS, "RLIMIT_LOCKS"},
    {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},
    {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
    {RLIMIT_NICE, "RLIMIT_NICE"},
    {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
    {RLIMIT_NPROC, "RLIMIT_NPROC"},
    {RLIMIT_RSS, "RLIMIT_RSS"},
    {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},
    {RLIMIT_RTTIME, "RLIMIT_RTTIME"},
    {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    {RLIMIT_STACK, "RLIMIT_STACK"},
};

constexpr names::Table<uint32_t> kPolicies[] = {
    {0, "SCHED_OTHER"}, {1, "SCHED_FIFO"}, {2, "SCHED_RR"},       {3, "SCHED_BATCH"},
    {4, "SCHED_ISO"},   {5, "SCHED_IDLE"}, {6, "SCHED_DEADLINE"},
};

constexpr names::Table<uint64_t> kSchedulerFlags[] = {
    {SCHED_FLAG_RESET_ON_FORK, "SCHED_FLAG_RESET_ON_FORK"},
    {SCHED_FLAG_RECLAIM, "SCHED_FLAG_RECLAIM"},
    {SCHED_FLAG_DL_OVERRUN, "SCHED_FLAG_DL_OVERRUN"},
    {SCHED_FLAG_KEEP_POLICY, "SCHED_FLAG_KEEP_POLICY"},
    {SCHED_FLAG_KEEP_PARAMS, "SCHED_FLAG_KEEP_PARAMS"},
    {SCHED_FLAG_UTIL_CLAMP_MIN, "SCHED_FLAG_UTIL_CLAMP_MIN"},
    {SCHED_FLAG_UTIL_CLAMP_MAX, "SCHED_FLAG_UTIL_CLAMP_MAX"},
};

constexpr names::Table<int> kIoClasses[] = {
    {IOPRIO_CLASS_RT, "IOPRIO_CLASS_RT"},
    {IOPRIO_CLASS_BE, "IOPRIO_CLASS_BE"},
    {IOPRIO_CLASS_IDLE, "IOPRIO_CLASS_IDLE"},
};

Error unknown(std::string_view path, std::string_view value, const std::vector<std::string_view>& known) {
  const auto guess = str::did_you_mean(value, known);
  return Error(Kind::invalid, str::cat(path, ": unknown value '", str::printable(value), "'",
                                       guess ? str::cat(" (did you mean '", *guess, "'?)") : std::string()));
}

constexpr cap_value_t kMostCapabilities = 64;  // as many as the kernel's sets have bits

constexpr size_t kMostNamed = 16;  // in one warning
constexpr std::string_view kOthers = "others";

// What could not be given, once each, however many sets ask for it.
struct Refused {
  std::vector<std::string> unknown, ungrantable;
};

void note(std::vector<std::string>& names, const std::string& name) {
  if (names.size() > kMostNamed) return;
  std::string shown = names.size() < kMostNamed ? str::printable(name.substr(0, 64)) : std::string(kOthers);
  if (std::find(names.begin(), names.end(), shown) == names.end()) names.push_back(std::move(shown));
}

uint64_t capability_bits(const std::optional<std::vector<std::string>>& names, uint64_t grantable,
                         Refused& refused) {
  uint64_t bits = 0;
  if (!names) return bits;
  for (const std::string& name : *names) {
    cap_value_t number = -1;
    const bool known = name.starts_with("CAP_") && ::cap_from_name(str::lower(name).c_str(), &number) == 0 &&
                       number < kMostCapabilities;
    const uint64_t bit = known ? uint64_t{1} << number : 0;
    if (!known)
      note(refused.unknown, name);
    else if (grantable & bit)
      bits |= bit;
    else
      note(refused.ungrantable, name);
  }
  return bits;
}

std::string names_of(uint64_t bits) {
  const std::vector<std::string> all = capability_names();
  std::vector<std::string> names;
  for (size_t number = 0; number < all.size(); ++number)
    if (bits >> number & 1) names.push_back(all[number]);
  return str::join(names, ", ");
}

void warn_of(const Refused& refused, std::string_view path, std::vector<std::string>& warnings) {
  if (!refused.unknown.empty())
    warnings.push_back(
        str::cat(path, ".capabilities: unknown: ", str::join(refused.unknown, ", "), "; ignoring"));
  if (!refused.ungrantable.empty())
    warnings.push_back(str::cat(path, ".capabilities: the runtime itself does not have ",
                                str::join(refused.ungrantable, ", "),
                                ", so the container does not get it; ignoring"));
}

// The only place that decides what a container may do (R7).  Nothing is inheritable or ambient unless asked for.
CapabilitySets make_capabilities(const oci::Capabilities& from, uint64_t grantable, std::string_view path,
                                 std::vector<std::string>& warnings) {
  CapabilitySets sets;
  Refused refused;
  sets.bounding = capability_bits(from.bounding, grantable, refused);
  sets.permitted = capability_bits(from.permitted, grantable, refused);
  sets.effective = capability_bits(from.effective, grantable, refused);
  sets.inheritable = capability_bits(from.inheritable, grantable, refused);
  sets.ambient = capability_bits(from.ambient, grantable, refused);
  warn_of(refused, path, warnings);
  // capabilities(7): effective ⊆ permitted, ambient ⊆ permitted ∩ inheritable; the kernel would refuse the rest.
  const uint64_t lost_effective = sets.effective & ~sets.permitted;
  const uint64_t lost_ambient = sets.ambient & ~(sets.permitted & sets.inheritable);
  if (lost_effective)
    warnings.push_back(
        str::cat(path, ".capabilities.effective: not permitted: ", names_of(lost_effective), "; ignoring"));
  if (lost_ambient)
    warnings.push_back(str::cat(path, ".capabilities.ambient: can't raise ambient capability ",
                                names_of(lost_ambient), ": not both permitted and inheritable; ignoring"));
  sets.effective &= ~lost_effective;
  sets.ambient &= ~lost_ambient;
  return sets;
}

Result<std::vector<RlimitStep>> make_rlimits(const std::vector<oci::Rlimit>& from, std::string_view path) {
  std::vector<RlimitStep> steps;
  for (size_t i = 0; i < from.size(); ++i) {
    const auto resource = names::value(kRlimits, from[i].type);
    if (!resource)
      return unknown(str::cat(path, ".rlimits[", i, "].type"), from[i].type, names::all(kRlimits));
    steps.push_back({*resource, from[i].type, {from[i].soft, from[i].hard}});
  }
  // A lower limit on open files comes last: it must not stand in the way of our own.
  std::stable_sort(steps.begin(), steps.end(), [](const RlimitStep& a, const RlimitStep& b) {
    return (a.resource == RLIMIT_NOFILE) < (b.resource == RLIMIT_NOFILE);
  });
  return steps;
}

Result<SchedulerStep> make_scheduler(const oci::Scheduler& from, std::string_view path) {
  SchedulerStep step;
  const auto policy = names::value(kPolicies, from.policy);
  if (!policy) return unknown(str::cat(path, ".scheduler.policy"), from.policy, names::all(kPolicies));
  step.policy = *policy;
  for (size_t i = 0; i < from.flags.size(); ++i) {
    const auto flag = names::value(kSchedulerFlags, from.flags[i]);
    if (!flag)
      return unknown(str::cat(path, ".scheduler.flags[", i, "]"), from.flags[i], names::all(kSchedulerFlags));
    if (*flag & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX))
      return Error(Kind::unsupported,
                   str::cat(path, ".scheduler.flags[", i, "]: ", from.flags[i],
                            " needs a value, which the specification has no property for; leave it out"));
    step.flags |= *flag;
  }
  step.text = from.policy;
  step.nice = from.nice.value_or(0);
  step.priority = static_cast<uint32_t>(from.priority.value_or(0));
  step.runtime = from.runtime.value_or(0);
  step.deadline = from.deadline.value_or(0);
  step.period = from.period.value_or(0);
  return step;
}

Result<int> make_io_priority(const oci::IoPriority& from, std::string_view path) {
  const auto io_class = names::value(kIoClasses, from.io_class);
  if (!io_class) return unknown(str::cat(path, ".ioPriority.class"), from.io_class, names::all(kIoClasses));
  const int priority = from.priority.value_or(0);
  if (priority < 0 || priority > 7)
    return Error(Kind::invalid, str::cat(path, ".ioPriority.priority: ", priority, " is out of range 0..7"));
  return (*io_class << IOPRIO_CLASS_SHIFT) | priority;
}

Result<> make_affinity(const oci::Process& from, std::string_view path, Process& plan) {
  if (!from.exec_cpu_affinity) return {};
  const struct {
    const std::optional<std::string>& text;
    std::vector<unsigned>& cpus;
    std::string_view name;
  } rows[] = {{from.exec_cpu_affinity->initial, plan.cpus_initial, "initial"},
              {from.exec_cpu_affinity->final, plan.cpus_final, "final"}};
  for (const auto& row : rows) {
    if (!row.text || row.text->empty()) continue;
    auto cpus = parse_cpu_list(*row.text);
    if (!cpus)
      return Error(Kind::invalid, str::cat(path, ".execCPUAffinity.", row.name, ": '",
                                           str::printable(*row.text), "' is no list of CPUs such as 0-3,8"));
    row.cpus = std::move(*cpus);
  }
  return {};
}

}  // namespace

std::vector<std::string> capability_names() {
  std::vector<std::string> names;
  for (cap_value_t number = 0; number < kMostCapabilities; ++number) {
    char* text = ::cap_to_name(number);
    std::string name(text ? text : "");
    ::cap_free(text);
    if (!name.starts_with("cap_")) break;  // a number: libcap has no name for it
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c == '_' ? c : static_cast<char>(c - 'a' + 'A'); });
    names.push_back(std::move(name));
  }
  return names;
}

std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  constexpr unsigned kMostCpus = 8192;  // as many as the kernel can be built for
  std::vector<bool> wanted(kMostCpus);
  for (const std::string_view part : str::split(str::trim(text), ',')) {
    const size_t dash = part.find('-');
    const auto first = str::number<unsigned>(str::trim(part.substr(0, dash)));
    const auto last =
        dash == std::string_view::npos ? first : str::number<unsigned>(str::trim(part.substr(dash + 1)));
    if (!first || !last || *last < *first || *last >= kMostCpus) return std::nullopt;
    std::fill(wanted.begin() + *first, wanted.begin() + *last + 1, true);
  }
  std::vector<unsigned> cpus;  // each once, however often a list repeats itself
  for (unsigned cpu = 0; cpu < kMostCpus; ++cpu)
    if (wanted[cpu]) cpus.push_back(cpu);
  if (cpus.empty()) return std::nullopt;
  return cpus;
}

// Of several entries with one name the last counts, in its place: getenv(3) would find the first, and shells the last.
static std::vector<std::string> make_environment(std::vector<std::string> entries) {
  std::set<std::string_view> names;
  std::vector<bool> counts(entries.size());
  for (size_t i = entries.size(); i-- > 0;) {
    const std::string_view entry = entries[i];
    counts[i] = names.insert(entry.substr(0, entry.find('='))).second;
  }
  std::vector<std::string> environment;
  for (size_t i = 0; i < entries.size(); ++i)
    if (counts[i]) environment.push_back(std::move(entries[i]));
  return environment;
}

Result<Process> make_process(const oci::Process& from, const ProcessFacts& facts, std::string_view path,
                             std::vector<std::string>& warnings) {
  Process plan;
  plan.args = from.args;
  plan.cwd = from.cwd;
  plan.uid = from.user.uid;
  plan.gid = from.user.gid;
  plan.groups.assign(from.user.additional_gids.begin(), from.user.additional_gids.end());
  plan.set_groups = !facts.groups_denied || !plan.groups.empty();
  if (from.user.umask) plan.umask = *from.user.umask;
  const uint64_t grantable = facts.user_namespace ? ~uint64_t{0} : facts.permitted;
  if (from.capabilities) plan.capabilities = make_capabilities(*from.capabilities, grantable, path, warnings);
  plan.rlimits = TRY(make_rlimits(from.rlimits, path));
  plan.no_new_privileges = from.no_new_privileges.value_or(false);
  if (from.oom_score_adj) plan.oom_score_adj = *from.oom_score_adj;
  if (from.scheduler) plan.scheduler = TRY(make_scheduler(*from.scheduler, path));
  if (from.io_priority) plan.io_priority = TRY(make_io_priority(*from.io_priority, path));
  TRY(make_affinity(from, path, plan));
  plan.apparmor_profile = from.apparmor_profile.value_or("");
  plan.selinux_label = from.selinux_label.value_or("");
  plan.terminal = from.terminal.value_or(false);
  if (from.console_size) plan.console_size = *from.console_size;
  plan.preserve_fds = facts.listen_fds + facts.preserve_fds;
  std::vector<std::string> environment = from.env;
  if (facts.listen_fds) {
    environment.push_back(str::cat("LISTEN_FDS=", facts.listen_fds));
    environment.push_back("LISTEN_PID=1");
  }
  plan.env = make_environment(std::move(environment));
  return plan;
}

}  // namespace plan
