// Making a container: `create`, and the first half of `run`.
//
// The order is the design: each step that leaves something on the host (state directory, cgroups, process) is followed
// by its Undo, so that a failure leaves the host as it was (runtime.md, "Errors").  A first state.json says "creating", and
// what `delete` has to remove should we be killed; the whole one is written last, and only then can `start` find it.
#pragma once

#include <optional>
#include <string>

#include "runtime/cgroups/oom.h"
#include "runtime/life/state_dir.h"
#include "runtime/runtime.h"
#include "runtime/stages/parent.h"
#include "spec/base/error.h"

namespace creation {

struct Options {
  std::string id;
  std::string bundle = ".";
  std::optional<std::string> config;  // instead of <bundle>/config.json
  std::optional<std::string> console_socket, pid_file, pidfd_socket;
  bool no_pivot = false, no_new_keyring = false;
  unsigned preserve_fds = 0;
  bool detached = true;    // nobody stays to serve a terminal
  bool own_start = false;  // `run`: it is started over the channel, at once
  bool keep = false;
};

struct Created {
  StateDir dir;
  oci::State state;
  stages::Launched init;
  cgroups::OomCount memory;  // since its first process was in its cgroups
};

// Errors: everything that config.json, the host or the command line can have wrong, and a signal that told us to end
// (stages/watch.h); nothing is left behind.
Result<Created> create(const Runtime& rt, stages::Watch& watch, const Options& options);

// The name of the socket in the state directory where init waits for `start`.
inline constexpr const char* kStartSocket = "start.sock";

}  // namespace creation
