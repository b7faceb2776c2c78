// `exec`: one more process in a running container.
//
// It joins the namespaces and cgroups of the container's first process and becomes what its process document says; with
// no document, what the container's own was, changed by the command line.  Nothing is taken from the bundle: the
// container's process was frozen when it was created.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "spec/base/error.h"

namespace execution {

struct Options {
  std::string id;
  std::vector<std::string> args;
  std::optional<std::string> process;  // file with a process document: then the options below it are not used
  std::optional<std::string> cwd, user, process_label, apparmor, cgroup;
  std::vector<std::string> env, capabilities;
  std::vector<uint32_t> additional_gids;
  bool terminal = false, no_new_privileges = false, ignore_paused = false, detach = false;
  std::optional<std::string> pid_file, console_socket, pidfd_socket;
  unsigned preserve_fds = 0;
};

// Returns the process's exit code, or with `detach` 0 as soon as it runs its program.
// Kind::not_found, Kind::conflict ("container not running", paused), the errors of the command.
Result<int> execute(const Runtime& rt, const Options& options);

}  // namespace execution
