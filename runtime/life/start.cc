#include "runtime/life/start.h"

#include "runtime/concerns/hooks.h"
#include "runtime/life/creation.h"
#include "runtime/life/seccomp_agent.h"
#include "runtime/life/status.h"
#include "runtime/stages/parent.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace start {

namespace {

Error not_created(const oci::State& state, oci::Status now) {
  return Error(Kind::conflict, str::cat("container '", state.id, "' cannot be started: it is ",
                                        oci::text(now), ", not created"));
}

}  // namespace

Result<> run_poststart(const oci::State& state) {
  if (!state.hooks || state.hooks->poststart.empty()) return {};
  Result<> ran =
      hooks::run("poststart", state.hooks->poststart, oci::public_state(state, oci::Status::running, false));
  if (ran.ok()) return ran;
  Result<UniqueFd> process = status::open_process(state);
  if (process.ok() && process.value().valid())
    (void)sys::pidfd_send_signal(process.value(), SIGKILL);  // it may have ended by itself
  return ran;
}

Result<> start(const Runtime& rt, const std::string& id) {
  StateDir dir = TRY(StateDir::open(rt.root, id));
  TRY(dir.lock());
  oci::State state = TRY(dir.load());
  if (const oci::Status now = status::of(state); now != oci::Status::created) return not_created(state, now);
  if (state.no_process)
    return Error(Kind::invalid,
                 str::cat("container '", id, "' cannot be started: its config.json has no process"));
  stages::Channel channel(
      TRY(sys::connect_seqpacket(dir.fd(), creation::kStartSocket).within("starting '", id, "'")));
  // Written first: were we killed behind the message, it would be a running container that says "created".  If the
  // command cannot be executed, its process ends, and that shows as well.
  state.status = oci::Status::running;
  TRY(dir.save(state));
  TRY(stages::start(channel, seccomp_agent::sender(dir, state, oci::Status::created, state.pid))
          .within("starting '", id, "'"));
  (void)sys::unlinkat(dir.fd(), creation::kStartSocket, 0);  // nobody listens any more
  return run_poststart(state);
}

}  // namespace start
