// The runtime's waits while it makes a process: one poll(2) over the channel, the end of who speaks, the signals that
// are to end us, and a deadline.
//
// Every wait has a name, which is what the error says when it is cut short ("interrupted by SIGTERM while waiting for
// the terminal"), and a limit: kStageLimitMs for what our own stages do, which is far more than they ever need.  Only
// hooks may take as long as their own timeouts allow.  What was said before a process ended is heard first; then its
// end beats everything else.
//
// From begin() on SIGHUP, SIGINT, SIGQUIT and SIGTERM do not end us on the spot but end the wait, with an error, so that
// whoever waits cleans up.  Those that our caller has us ignore stay ignored.  What our children start with is their own
// affair: stages and helpers reset their signals.
#pragma once

#include <string_view>

#include "runtime/stages/protocol.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace stages {

inline constexpr int64_t kStageLimitMs =
    180'000;  // mounting a slow network file system, copying up a large directory
inline constexpr int64_t kNoLimit = -1;

class Watch {
 public:
  // Blocks the signals, for the rest of this process.
  static Result<Watch> begin();

  struct Wait {
    std::string_view what;  // "the terminal"
    int64_t limit_ms = kStageLimitMs;
  };
  // The next packet.  nullopt: the channel is at its end, or one of the processes has ended and there is no more to hear.
  // An invalid descriptor is none.  Errors: interrupted; Kind::conflict when the time is over.
  struct Processes {
    Fd speaker, helper;
  };
  Result<std::optional<Packet>> receive(Channel& channel, const Processes& processes, const Wait& wait);
  // Until `process` has ended.  Errors: as above.
  Result<> ended(Fd process, const Wait& wait);
  // The error of a signal that has arrived, if one has, with what it interrupted.
  Result<> interrupted(std::string_view what);
  // The one that interrupted us last; 0: none.
  [[nodiscard]] int signal() const { return signal_; }
  // Readable as soon as such a signal has arrived: for process::Command::stop_on.
  [[nodiscard]] Fd signals() const { return signals_; }

 private:
  explicit Watch(UniqueFd signals) : signals_(std::move(signals)) {}
  UniqueFd signals_;
  int signal_ = 0;
};

bool has_ended(Fd process);
// For a wait status: "was killed by signal 9 (KILL)", "ended with status 1"; "ended" where it is not known.
std::string how_it_ended(std::optional<int> status);

}  // namespace stages
