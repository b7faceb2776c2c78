// The host side of a container's terminal when the runtime itself holds it (`run` and `exec` without a console socket):
// standard input goes to the pty master, what comes from it to standard output.
//
// Our own terminal, if standard input is one, is in raw mode meanwhile, so that keys reach the container as they are;
// it is restored when the proxy ends.  Where nobody takes the output any more, the container's terminal hangs up.  (A runtime killed by SIGKILL cannot: `reset` helps, as with every such program.)
#pragma once

#include <poll.h>
#include <termios.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace terminal {

// Where our output is no terminal but a file or pipe, lines end as they do there, and not with carriage returns.  To be
// called before the process runs.
void give_lines(Fd master);

class Proxy {
 public:
  // Takes our terminal into raw mode and gives the master its size.
  static Result<Proxy> start(UniqueFd master);
  Proxy(Proxy&& other) noexcept;
  Proxy& operator=(Proxy&&) = delete;
  ~Proxy();

  void resize() const;  // after SIGWINCH
  // Adds what it waits for to a poll set; `serve` gets those entries back with their results.
  void watch(std::vector<pollfd>& set) const;
  void serve(std::span<const pollfd> results);
  // Once the process has ended: what is still on its way from the master.
  void drain();

 private:
  explicit Proxy(UniqueFd master) : master_(std::move(master)) {}
  void copy_output();
  UniqueFd master_;
  std::optional<termios> saved_;
  bool input_open_ = true, master_open_ = true;
  std::string to_master_;  // read and not yet taken: the master is not blocked on
};

}  // namespace terminal
