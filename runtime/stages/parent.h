// The runtime's side of the conversation: clones the stages, answers them, and reports what went wrong.
//
// The death of a stage always ends the wait: the channel is at its end as soon as nobody holds the other side.
// Whatever fails, no process is left behind: launch kills and reaps what it started before it returns the error.
#pragma once

#include <functional>
#include <string>

#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/init.h"
#include "runtime/stages/protocol.h"

namespace stages {

// A process of the container that is ready and waits for `start`.
struct Launched {
  pid_t pid = 0;  // as the host sees it; a child of this process
  UniqueFd pidfd;
  Channel channel;
  UniqueFd terminal;          // pty master; invalid without a terminal
  std::string terminal_name;  // "/dev/pts/0", as the container sees it
};

// Runs the hooks that belong before pivot_root; yields the state JSON for those that init runs itself.
using HookRunner = std::function<Result<std::string>(pid_t init)>;

Result<Launched> launch(const plan::Plan& plan, Handles handles, bool privileged,
                        const HookRunner& run_hooks);
Result<Launched> launch_tenant(const Tenant& tenant, Handles handles);

// Hands the listener of a seccomp filter to its agent.
using ListenerTaker = std::function<Result<>(Fd listener)>;

// Tells the launched process to go on, and waits until it has executed the container's program (the end of the
// channel) or says why it could not.  If its filter has a listener, `take_listener` is called with that in between.
Result<> start(Channel& channel, const ListenerTaker& take_listener);

// Writes a record that a stage has sent into our own log.
void forward_log(std::string_view payload);

// SIGKILL, and the wait for its end; for clean-up, so it fails silently.
void kill_and_reap(pid_t pid, Fd pidfd);

}  // namespace stages
