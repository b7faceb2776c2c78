// The runtime's side of the conversation: clones the stages, answers them, and reports what went wrong.
//
// All waiting is done by Watch: the death of a stage, a signal to us and the limit of time end it.  Whatever fails, no
// process is left behind: launch ends and reaps what it started before it returns the error.
#pragma once

#include <functional>
#include <string>

#include "runtime/plan/plan.h"
#include "runtime/stages/handles.h"
#include "runtime/stages/init.h"
#include "runtime/stages/protocol.h"
#include "runtime/stages/watch.h"

namespace stages {

// A process of the container that is ready and waits for `start`.
struct Launched {
  pid_t pid = 0;  // as the host sees it; a child of this process
  UniqueFd pidfd;
  Channel channel;
  UniqueFd terminal;          // pty master; invalid without a terminal
  std::string terminal_name;  // "/dev/pts/0", as the container sees it
};

// Runs the hooks that belong before pivot_root; yields the state JSON for those that init runs itself: createContainer
// while the container is being created, startContainer when it is.
struct HookStates {
  std::string creating, created;
};
using HookRunner = std::function<Result<HookStates>(const Launched& init)>;

Result<Launched> launch(Watch& watch, const plan::Plan& plan, Handles handles, bool privileged,
                        const HookRunner& run_hooks);
Result<Launched> launch_tenant(Watch& watch, const Tenant& tenant, Handles handles);

// Hands the listener of a seccomp filter to its agent.
using ListenerTaker = std::function<Result<>(Fd listener)>;

// A process that waits for its start: one of our own, or that of an earlier `create`.
struct Waiting {
  Channel& channel;
  pid_t pid = 0;
  Fd process;                          // pidfd
  const ListenerTaker& take_listener;  // called in between if its filter has one
  bool runs_hooks = false;             // startContainer: they may take their time
};
// Tells it to go on, and waits until it has executed the container's program or says why it could not.
Result<> start(Watch& watch, const Waiting& waiting);

// The error for a process that ended without a word while we waited for `what`.
Error died(pid_t pid, Fd process, std::string_view what);

// Writes a record that a stage has sent into our own log.
void forward_log(std::string_view payload);

// SIGKILL, and the wait for its end; for clean-up, so it fails silently.
void kill_and_reap(pid_t pid, Fd pidfd);
// The same for one that has not been started: the end of the channel comes first, so that it can take the hook that it
// may be running along.
void abandon(Launched& launched);

}  // namespace stages
