#include "runtime/life/run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/concerns/descriptors.h"
#include "runtime/life/container.h"
#include "runtime/life/seccomp_agent.h"
#include "runtime/life/start.h"
#include "runtime/life/supervision.h"
#include "runtime/stages/spawn.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace run {

namespace {

// From here on a failure removes the container again: it has never been anybody's.
Result<creation::Created> create_and_start(const Runtime& rt, const creation::Options& options) {
  stages::Watch watch = TRY(stages::Watch::begin());
  creation::Created made = TRY(creation::create(rt, watch, options));
  Undo remove([&] {
    stages::abandon(made.init);
    made.dir.unlock();
    const Result<> gone = Container::remove(rt, options.id, true);
    if (!gone.ok()) logs::warn("removing '", options.id, "': ", gone.error().message, ", ignoring");
  });
  stages::Launched& init = made.init;
  const stages::ListenerTaker agent =
      seccomp_agent::sender(made.dir, made.state, oci::Status::created, init.pid);
  const stages::Waiting waiting{init.channel, init.pid, init.pidfd, agent,
                                start::has_start_hooks(made.state)};
  TRY(made.memory.explain(stages::start(watch, waiting)).within("starting '", options.id, "'"));
  init.channel.close();
  TRY(start::run_poststart(watch, made.state, init.pidfd));
  made.dir.unlock();
  remove.keep();
  return made;
}

Result<> record_exit(StateDir& dir, oci::State state, int code) {
  TRY(dir.lock());
  state.status = oci::Status::stopped;
  state.exit = oci::Exit{code, clocks::rfc3339(clocks::now())};
  return dir.save(state);
}

Result<int> wait_and_record(const Runtime& rt, creation::Created& made, bool keep) {
  const std::string& id = made.state.id;
  const int code =
      TRY(supervision::wait(made.init.pid, made.init.pidfd, std::move(made.init.terminal), made.memory));
  if (code == supervision::kKilled)
    supervision::warn_of_memory(str::cat("container '", id, "'"), made.memory);
  const Result<> done =
      keep ? record_exit(made.dir, made.state, code).within("recording the exit of '", id, "'")
           : Container::remove_ended(rt, made.dir, made.state);
  if (!done.ok() && done.error().kind != Kind::not_found) return done.error();
  return code;  // not found: somebody has deleted it meanwhile
}

// Lets go of everything of its caller's: nobody's pipe stays open because of the keeper.
Result<> detach_from_caller() {
  TRY(descriptors::close_inherited());
  const UniqueFd null = TRY(sys::open("/dev/null", O_RDWR));
  for (int n = 0; n <= 2; ++n) TRY(sys::dup2(null, n));
  return sys::chdir("/");
}

Result<> keeper(stages::Channel& channel, const Runtime& rt, const creation::Options& options) {
  TRY(sys::setsid());
  creation::Created made = TRY(create_and_start(rt, options));
  (void)channel.send(
      stages::Tag::ready);  // our caller may have been killed; the container runs, and has to be kept
  channel.close();
  logs::redirect(nullptr);
  TRY(detach_from_caller());
  (void)TRY(wait_and_record(rt, made, true));
  return {};
}

// A signal to us is one to the keeper, which then cleans up and says so.
Result<int> with_keeper(const Runtime& rt, const creation::Options& options) {
  stages::Watch watch = TRY(stages::Watch::begin());
  stages::Channel::Pair ends = TRY(stages::Channel::pair());
  const stages::Child child =
      TRY(stages::spawn("rt:keeper", 0, Fd(), SIGCHLD, ends,
                        [&](stages::Channel& channel) { return keeper(channel, rt, options); }));
  ends.child.close();
  for (;;) {
    auto received = watch.receive(ends.parent, {child.pidfd}, {"the keeper", stages::kNoLimit});
    if (!received.ok() && received.error().errnum == EINTR) {
      (void)sys::pidfd_send_signal(child.pidfd, watch.signal());  // it may have ended
      continue;
    }
    const std::optional<stages::Packet> packet = TRY(std::move(received));
    if (!packet)
      return Error(Kind::protocol, str::cat("the keeper of '", options.id, "' ",
                                            stages::how_it_ended(sys::exit_status(child.pidfd)),
                                            " before the container was running; `runtime delete --force ",
                                            options.id, "` removes what there is of it"));
    if (packet->tag == stages::Tag::ready) return 0;
    if (packet->tag == stages::Tag::failed) {
      TRY(watch.ended(child.pidfd, {"the end of the keeper"}));  // it has cleaned up by now
      return stages::decode_error(packet->payload);
    }
    if (packet->tag == stages::Tag::log) stages::forward_log(packet->payload);
  }
}

}  // namespace

Result<int> foreground(const Runtime& rt, creation::Options options) {
  options.own_start = true;
  options.detached = options.console_socket.has_value();
  supervision::hold_signals();
  creation::Created made = TRY(create_and_start(rt, options));
  return wait_and_record(rt, made, options.keep);
}

Result<int> detached(const Runtime& rt, creation::Options options) {
  options.own_start = true;
  options.detached = true;
  supervision::hold_signals();
  if (options.keep) return with_keeper(rt, options);
  (void)TRY(create_and_start(rt, options));
  return 0;
}

}  // namespace run
