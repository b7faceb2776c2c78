// What this host cannot do of a configuration that is sound in itself, found by looking and without making anything: for
// `validate`.  `create` finds the same, but one at a time and half way.
//
// Only what can be known is said.  A command is looked for in the root file system where nothing is mounted over the
// places it could be in; a file system type that the kernel does not list may still be a module to be loaded.
#pragma once

#include "runtime/plan/plan.h"
#include "spec/inspection.h"

namespace host_checks {

// `bundle` is absolute.
void check_config(const oci::Config& config, const std::string& bundle, oci::Inspection& found);
// What needs the plan: labels, Intel RDT, kernel parameters, the container's command.
void check_plan(const plan::Plan& plan, oci::Inspection& found);

}  // namespace host_checks
