// What init has no right to open once it is in the container's user namespace: the sources of bind mounts, the root
// file system itself, and mounts whose ids are mapped.
//
//   init                                                     a process of the host, cloned by the parent before init
//     │ want_source (+ our mount namespace, its root) ──────▶│ joins it: from now on it sees what init sees, with the
//     │◀─────────────────────── source (+ descriptor) ──│ rights of the runtime
//     │ want_source "3" ───────────────────────────────────▶│ mounts[3]
//     │◀─────────────────────── source (+ detached mount) ──│ or: failed
//     │ end of file ───────────────────────────────────────▶│ ends
//
// In the mount namespace of the container and not in the host's: so a step finds what earlier steps have mounted, and the
// kernel keeps the restrictions of the host's mounts locked (user_namespaces(7)).  It runs nothing of the container.
#pragma once

#include "runtime/concerns/mounts.h"
#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/protocol.h"

namespace stages {

bool needs_sources(const plan::Plan& plan);

// Body of the process of the host; returns when init has all it needs.
Result<> serve_sources(Channel& channel, const plan::Plan& plan, const Handles& handles);

// Init's side.
Result<UniqueFd> rootfs_from_outside(Channel& sources);
mounts::Opener sources_from_outside(Channel& sources);

}  // namespace stages
