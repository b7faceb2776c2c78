// Runs a container runtime as a child that has our terminal, our standard streams and our process group, and stays
// behind it: what is left to do when the container could not be made (its bundle must go) needs somebody who is there.
//
// Signals that somebody sends us are handed on to the runtime, which hands them to the container.  What the terminal
// sends (Ctrl-C) reaches the whole process group by itself and is only kept from ending us first.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace launch {

// While it lives, the signals that are handed on do not end this process.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  ~Signals();
  // Hands them to `pid`, a child, until that ends: its wait status.  `serve` is called whenever `requests` can be read,
  // until it returns false.
  Result<int> attend(pid_t pid, Fd requests, const std::function<Result<bool>()>& serve) const;

 private:
  sigset_t set_{}, before_{};
};

// The runtime to use: `asked` if it is not empty (a path, or a name to be looked up), else the program `runtime` beside
// our own program, else `runtime` in the directories of `path`.  Kind::not_found says how to name one.
Result<std::string> find_runtime(std::string_view asked, std::string_view our_program, std::string_view path);

// Runs it to its end.  The exit status, or 128 + the signal that ended it.  `environment`: "K=V".
Result<int> run(const std::vector<std::string>& command, const std::vector<std::string>& environment);

// "calm-otter": a name for a container whose user gave none.  `random` is any number; equal ones give equal names.
std::string memorable_name(uint64_t random);

// Names that runtimes take: a letter or digit, then up to 62 of those, '_', '.', '-'.  Kind::invalid.
Result<> check_name(std::string_view name);

}  // namespace launch
