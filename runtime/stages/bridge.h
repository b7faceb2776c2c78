// The process in between, where init cannot be cloned directly: it joins namespaces first and clones from there.
// See plan/namespaces.h for when it is needed and protocol.h for what it says.
#pragma once

#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/init.h"
#include "runtime/stages/protocol.h"

namespace stages {

// For a new container.  Ends well once init is cloned (as a child of the bridge's parent) and announced.
Result<> bridge(Channel::Pair& ends, const plan::Plan& plan, Handles& handles);
// For `exec`: joins the namespaces of handles.target and clones the tenant.
Result<> bridge_to(Channel::Pair& ends, const Tenant& tenant, Handles& handles);

}  // namespace stages
