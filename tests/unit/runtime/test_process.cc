#include <criterion/criterion.h>
#include <linux/capability.h>

#include "runtime/plan/process.h"
#include "tests/unit/support/expect.h"

namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }

using Names = std::vector<std::string>;

plan::Process make(const oci::Process& from, const plan::ProcessFacts& facts,
                   std::vector<std::string>& warnings) {
  auto made = plan::make_process(from, facts, "process", warnings);
  cr_assert(made.ok(), "%s", made.ok() ? "" : made.error().message.c_str());
  return std::move(made).take();
}

std::string refusal(const oci::Process& from) {
  std::vector<std::string> warnings;
  const auto made = plan::make_process(from, {}, "process", warnings);
  return made.ok() ? "accepted" : made.error().message;
}

std::string show(const std::optional<std::vector<unsigned>>& cpus) {
  if (!cpus) return "none";
  std::string text;
  for (const unsigned cpu : *cpus) text += str::cat(text.empty() ? "" : " ", cpu);
  return text;
}

}  // namespace

Test(process, capability_sets) {
  oci::Process from;
  from.capabilities =
      oci::Capabilities{.effective = Names{"CAP_KILL", "CAP_CHOWN", "CAP_SETUID"},
                        .bounding = Names{"CAP_KILL", "CAP_CHOWN", "CAP_NONESUCH", "cap_kill", "KILL"},
                        .inheritable = Names{"CAP_KILL"},
                        .permitted = Names{"CAP_KILL", "CAP_CHOWN", "CAP_SYS_ADMIN"},
                        .ambient = Names{"CAP_KILL", "CAP_CHOWN"}};
  std::vector<std::string> warnings;
  const plan::ProcessFacts facts{.permitted = bit(CAP_KILL) | bit(CAP_CHOWN) | bit(CAP_SETUID)};
  const plan::Process process = make(from, facts, warnings);
  cr_assert(process.capabilities.has_value());
  const plan::CapabilitySets& sets = *process.capabilities;
  cr_expect(sets.bounding == (bit(CAP_KILL) | bit(CAP_CHOWN)));
  cr_expect(sets.permitted == (bit(CAP_KILL) | bit(CAP_CHOWN)));  // the runtime itself has no CAP_SYS_ADMIN
  cr_expect(sets.effective == (bit(CAP_KILL) | bit(CAP_CHOWN)));  // CAP_SETUID is not permitted
  cr_expect(sets.inheritable == bit(CAP_KILL));
  cr_expect(sets.ambient == bit(CAP_KILL));  // CAP_CHOWN is not inheritable
  std::string text;
  for (const std::string& warning : warnings) text += warning + "\n";
  expect_text(
      text,
      "process.capabilities: unknown: CAP_NONESUCH, cap_kill, KILL; ignoring\n"
      "process.capabilities: the runtime itself does not have CAP_SYS_ADMIN, so the container does "
      "not get it; ignoring\n"
      "process.capabilities.effective: not permitted: CAP_SETUID; ignoring\n"
      "process.capabilities.ambient: can't raise ambient capability CAP_CHOWN: not both permitted and "
      "inheritable; ignoring\n");
}

Test(process, capabilities_in_a_user_namespace) {
  oci::Process from;
  from.capabilities = oci::Capabilities{.permitted = Names{"CAP_SYS_ADMIN"}};
  std::vector<std::string> warnings;
  cr_expect(make(from, {.user_namespace = true}, warnings).capabilities->permitted == bit(CAP_SYS_ADMIN));
  cr_expect(warnings.empty());
  // Not asked for: nothing, in every set; nothing is ever inheritable by default (CVE-2022-29162).
  const plan::CapabilitySets sets = *make(from, {.user_namespace = true}, warnings).capabilities;
  cr_expect(sets.inheritable == 0 && sets.ambient == 0 && sets.bounding == 0 && sets.effective == 0);
  cr_expect(!make({}, {.user_namespace = true}, warnings).capabilities.has_value());
}

Test(process, only_some_of_many_unknown_capabilities_are_named, .timeout = 300) {
  oci::Process from;
  from.capabilities.emplace().bounding.emplace();
  for (int i = 0; i < 300000; ++i) from.capabilities->bounding->push_back(str::cat("CAP_NEW_", i));
  std::vector<std::string> warnings;
  (void)make(from, {}, warnings);
  cr_assert_eq(warnings.size(), 1u);
  cr_expect(warnings[0].ends_with("CAP_NEW_15, others; ignoring"), "%s", warnings[0].c_str());
}

Test(process, cpu_lists) {
  const struct {
    const char *text, *want;
  } cases[] = {
      {"0", "0"},
      {"0-3,8", "0 1 2 3 8"},
      {"3,0-1,1-2,3", "0 1 2 3"},
      {"2-2", "2"},
      {" 1,3\n", "1 3"},
      {"8191", "8191"},
      {"", "none"},
      {"8192", "none"},
      {"3-1", "none"},
      {"a", "none"},
      {"1-", "none"},
      {"-1", "none"},
      {"1,,2", "none"},
      {"0-99999999999", "none"},
      {"0x1", "none"},
  };
  for (const auto& c : cases) expect_text(show(plan::parse_cpu_list(c.text)), c.want, c.text);
}

Test(process, rlimits) {
  oci::Process from;
  from.rlimits = {{"RLIMIT_NOFILE", 1, 2}, {"RLIMIT_CORE", 3, 4}};
  std::vector<std::string> warnings;
  const plan::Process process = make(from, {}, warnings);
  cr_assert(process.rlimits.size() == 2);
  cr_expect(process.rlimits[0].resource == RLIMIT_CORE && process.rlimits[0].limit.rlim_max == 4);
  cr_expect(process.rlimits[1].resource == RLIMIT_NOFILE && process.rlimits[1].limit.rlim_cur == 1,
            "open files come last");
  from.rlimits = {{"RLIMIT_NOFILES", 1, 2}};
  expect_text(refusal(from),
              "process.rlimits[0].type: unknown value 'RLIMIT_NOFILES' (did you mean 'RLIMIT_NOFILE'?)");
}

Test(process, refused) {
  oci::Process from;
  from.scheduler = oci::Scheduler{.policy = "SCHED_OTHER",
                                  .flags = {"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX"}};
  expect_text(
      refusal(from),
      "process.scheduler.flags[1]: SCHED_FLAG_UTIL_CLAMP_MAX needs a value, which the specification has "
      "no property for; leave it out");
  from.scheduler.reset();
  from.io_priority = oci::IoPriority{"IOPRIO_CLASS_BE", 8};
  expect_text(refusal(from), "process.ioPriority.priority: 8 is out of range 0..7");
  from.io_priority.reset();
  from.exec_cpu_affinity = oci::ExecCpuAffinity{.initial = "0", .final = "x"};
  expect_text(refusal(from), "process.execCPUAffinity.final: 'x' is no list of CPUs such as 0-3,8");
}

Test(process, environment_has_each_name_once) {
  oci::Process from;
  from.env = {"ONE=1", "HOME=/a", "TWO=", "ONE=2", "ONE", "LISTEN_PID=7", "HOME="};
  std::vector<std::string> warnings;
  std::string env;
  for (const std::string& entry : make(from, {.listen_fds = 1}, warnings).env) env += entry + " ";
  expect_text(env, "TWO= ONE HOME= LISTEN_FDS=1 LISTEN_PID=1 ");
}

Test(process, descriptors_and_groups) {
  oci::Process from;
  from.env = {"A=b"};
  std::vector<std::string> warnings;
  const plan::Process process = make(from, {.listen_fds = 2, .preserve_fds = 3}, warnings);
  cr_expect(process.preserve_fds == 5);
  std::string env;
  for (const std::string& entry : process.env) env += entry + " ";
  expect_text(env, "A=b LISTEN_FDS=2 LISTEN_PID=1 ");
  cr_expect(!make(from, {.groups_denied = true}, warnings).set_groups);
  from.user.additional_gids = {7};
  cr_expect(make(from, {.groups_denied = true}, warnings).set_groups,
            "asked for groups that are denied: the kernel shall refuse");
}

Test(process, personality_and_memory_policy) {
  plan::Process process;
  const oci::MemoryPolicy memory{"MPOL_BIND", "0-1,4", {"MPOL_F_STATIC_NODES", "MPOL_F_NUMA_BALANCING"}};
  cr_assert(plan::add_execution(oci::Personality{"LINUX32", {}}, memory, process).ok());
  cr_expect(process.personality == 8ul);  // PER_LINUX32
  cr_assert(process.memory_policy.has_value());
  cr_expect_eq(process.memory_policy->mode, 2 | 1 << 15 | 1 << 13);
  cr_expect((process.memory_policy->nodes == std::vector<unsigned>{0, 1, 4}));
  expect_text(process.memory_policy->text, "MPOL_BIND with nodes 0-1,4");

  const auto refused = [](const std::optional<oci::Personality>& personality,
                          const std::optional<oci::MemoryPolicy>& policy) {
    plan::Process none;
    Result<> added = plan::add_execution(personality, policy, none);
    return added.ok() ? std::string("accepted") : added.error().message;
  };
  expect_text(refused(oci::Personality{"LINUX", {"ADDR_NO_RANDOMIZE"}}, {}),
              "linux.personality.flags: the specification knows no flags yet; leave it empty");
  expect_text(refused({}, oci::MemoryPolicy{"MPOL_BIND", "3-1", {}}),
              "linux.memoryPolicy.nodes: '3-1' is no list of nodes such as 0-3,8");
}
