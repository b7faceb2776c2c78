// Runs a helper program to its end: hooks, newuidmap, credential helpers.
//
// Whatever the helper does, the caller goes on: it has a deadline and is killed when that passes, its output is kept
// only as far as there is room (the last part, which is where errors stand), input that it does not read neither
// blocks nor kills us, and a daemon that it leaves behind with its pipes open is not waited for.  What else its caller
// waits for (a signal, the end of a process) can end it early: Command::stop_on.  It gets the
// environment it is given and descriptors 0 to 2, nothing else; signals are as at the start of a program.
//
// It ends with us, also when we are killed (PR_SET_PDEATHSIG); what it has started as well, where a guard is asked for, which
// is a process that does nothing but wait for our end.  May be used with threads: between fork and exec there are system calls
// alone.  Precondition: SIGCHLD is not ignored (main sees to it), or there would be no exit status.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace process {

struct Command {
  std::string path;               // with a slash: nothing is looked up in PATH (see find)
  std::vector<std::string> argv;  // with argv[0]; empty: {path}
  std::vector<std::string> env;   // "NAME=value", all of it
  std::string_view input = {};    // its standard input; empty: /dev/null
  int64_t timeout_ms = -1;        // from now, in milliseconds; -1: none
  size_t keep = 4096;             // bytes of standard output, and as many of standard error
  bool own_group = false;  // a process group of its own, so that a timeout kills what it has started as well
  bool guarded = false;    // … and so does our end, as long as it has not ended itself
  std::vector<Fd> stop_on = {};  // killed as soon as one of these can be read, or is at its end
};

struct Outcome {
  int code = 0;    // exit status, if no signal ended it
  int signal = 0;  // that ended it, else 0
  bool timed_out = false;
  bool stopped = false;      // by Command::stop_on
  int64_t milliseconds = 0;  // it ran
  std::string out, err;      // the last Command::keep bytes of each
  bool out_cut = false;      // `out` has lost its beginning
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0 && !timed_out && !stopped; }
  // How it ended: "exit status 3", "killed by signal 11", "killed after 1000 ms", "stopped after 20 ms"; then, if there is any, the last
  // line of its standard error.
  [[nodiscard]] std::string text() const;
};

// Errors: the program cannot be started (Kind::not_found, Kind::denied, Kind::os).  One that fails is no error here.
Result<Outcome> run(const Command& command);

// The first executable called `name` in the directories of `path` ("/usr/bin:/bin").  Kind::not_found names both.
Result<std::string> find(std::string_view name, std::string_view path);

}  // namespace process
