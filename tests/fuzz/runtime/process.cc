// Any bytes as a process document (`exec --process`): read, written again, and planned.  Whatever it says, no process
// gets a capability that the runtime has not, or that is effective and not permitted.
#include "runtime/plan/process.h"

#include "spec/config.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

static void check_capabilities(const plan::CapabilitySets& sets, uint64_t held) {
  const uint64_t all = sets.bounding | sets.effective | sets.permitted | sets.inheritable | sets.ambient;
  fuzz::must((all & ~held) == 0, "no capability beyond those of the runtime");
  fuzz::must((sets.effective & ~sets.permitted) == 0, "what is effective is permitted");
  fuzz::must((sets.ambient & ~(sets.permitted & sets.inheritable)) == 0,
             "what is ambient is permitted and inheritable");
}

static void check_plan(const oci::Process& process, const plan::ProcessFacts& facts) {
  std::vector<std::string> warnings;
  const auto made = plan::make_process(process, facts, "process", warnings);
  if (!made.ok()) {
    fuzz::must_be_sentence(made.error(), false);
    return;
  }
  for (const std::string& warning : warnings) fuzz::must_be_sentence(Error(Kind::invalid, warning));
  const plan::Process& plan = made.value();
  if (plan.capabilities && !facts.user_namespace) check_capabilities(*plan.capabilities, facts.permitted);
  fuzz::must(plan.uid == process.user.uid && plan.gid == process.user.gid, "the user is the one asked for");
  fuzz::must(plan.uid != UINT32_MAX && plan.gid != UINT32_MAX, "no id is -1");
  fuzz::must(plan.groups.size() == process.user.additional_gids.size(), "the groups are those asked for");
  fuzz::must(plan.set_groups || plan.groups.empty(), "groups that cannot be set are refused");
  for (const plan::RlimitStep& step : plan.rlimits)
    fuzz::must(step.limit.rlim_cur <= step.limit.rlim_max, "a soft limit is not above the hard one");
}

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto process = oci::parse_process(fuzz::text(data, size));
  fuzz::round_trip(process, oci::parse_process);
  if (!process.ok()) return 0;
  check_plan(process.value(), {.permitted = 0x1ffffffffff});
  check_plan(process.value(), {.permitted = 0xa80425fb, .preserve_fds = 2});
  check_plan(process.value(), {.permitted = 0, .user_namespace = true, .groups_denied = true});
  return 0;
}
