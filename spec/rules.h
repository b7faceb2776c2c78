// Checks across the fields of a decoded document: what the specification demands, and what the kernel would refuse
// later with an errno that explains nothing.  Pure: what depends on the host is decided by runtime/plan.
// Each rule is a function of its own in rules.cc, or in rules_ids.cc; paths are those of the JSON document.  Parts that the field tables refused
// have their defaults here (spec/inspection.h goes on after mistakes): a rule may rely on types, not on values.
#pragma once

#include <vector>

#include "spec/config.h"
#include "spec/schema.h"

namespace rules {

struct Findings {
  std::vector<json::Problem> problems;  // their offset is open: json::error() looks it up by the path
  std::vector<json::Problem> warnings;
};

Findings check(const oci::Config& config);
Findings check(
    const oci::Process& process);  // of its own, as `exec --process` takes it: paths start at the process
Findings check(const oci::Resources& resources);  // likewise, as `update --resources` takes them

}  // namespace rules
