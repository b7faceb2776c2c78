// linux.personality and linux.memoryPolicy (personality(2), set_mempolicy(2)): what the words mean to the kernel.
#include <linux/mempolicy.h>
#include <sys/personality.h>

#include "runtime/plan/process.h"
#include "spec/base/names.h"

namespace plan {

namespace {

constexpr names::Table<unsigned long> kDomains[] = {{PER_LINUX, "LINUX"}, {PER_LINUX32, "LINUX32"}};

// MPOL_WEIGHTED_INTERLEAVE came with Linux 6.9.
constexpr names::Table<int> kModes[] = {
    {MPOL_DEFAULT, "MPOL_DEFAULT"},  {MPOL_PREFERRED, "MPOL_PREFERRED"},
    {MPOL_BIND, "MPOL_BIND"},        {MPOL_INTERLEAVE, "MPOL_INTERLEAVE"},
    {MPOL_LOCAL, "MPOL_LOCAL"},      {MPOL_PREFERRED_MANY, "MPOL_PREFERRED_MANY"},
    {6, "MPOL_WEIGHTED_INTERLEAVE"},
};
constexpr names::Table<int> kModeFlags[] = {
    {MPOL_F_NUMA_BALANCING, "MPOL_F_NUMA_BALANCING"},
    {MPOL_F_RELATIVE_NODES, "MPOL_F_RELATIVE_NODES"},
    {MPOL_F_STATIC_NODES, "MPOL_F_STATIC_NODES"},
};

Result<unsigned long> make_personality(const oci::Personality& from) {
  // Addresses that are not random, readable text… would be ways to weaken a container (config-linux.md, "Personality").
  if (!from.flags.empty())
    return Error(Kind::invalid,
                 "linux.personality.flags: the specification knows no flags yet; leave it empty");
  const auto domain = names::value(kDomains, from.domain);
  if (!domain)
    return Error(Kind::invalid, str::cat("linux.personality.domain: unknown value '",
                                         str::printable(from.domain), "', expected LINUX or LINUX32"));
  return *domain;
}

Result<MemoryPolicyStep> make_memory_policy(const oci::MemoryPolicy& from) {
  MemoryPolicyStep step;
  const auto mode = names::value(kModes, from.mode);
  if (!mode)
    return Error(Kind::invalid,
                 str::cat("linux.memoryPolicy.mode: unknown value '", str::printable(from.mode), "'"));
  step.mode = *mode;
  for (size_t i = 0; i < from.flags.size(); ++i) {
    const auto flag = names::value(kModeFlags, from.flags[i]);
    if (!flag)
      return Error(Kind::invalid, str::cat("linux.memoryPolicy.flags[", i, "]: unknown value '",
                                           str::printable(from.flags[i]), "'"));
    step.mode |= *flag;
  }
  step.text = from.mode;
  if (from.nodes.empty()) return step;
  auto nodes = parse_cpu_list(from.nodes);  // nodes are listed as CPUs are
  if (!nodes)
    return Error(Kind::invalid, str::cat("linux.memoryPolicy.nodes: '", str::printable(from.nodes),
                                         "' is no list of nodes such as 0-3,8"));
  step.nodes = std::move(*nodes);
  step.text += str::cat(" with nodes ", from.nodes);
  return step;
}

}  // namespace

Result<> add_execution(const std::optional<oci::Personality>& personality,
                       const std::optional<oci::MemoryPolicy>& memory, Process& plan) {
  if (personality) plan.personality = TRY(make_personality(*personality));
  if (memory) plan.memory_policy = TRY(make_memory_policy(*memory));
  return {};
}

}  // namespace plan
