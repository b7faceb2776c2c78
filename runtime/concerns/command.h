// The container's own command: finding it, executing it, and saying exactly what is missing when it does not run.
//
// Found while the container is made, so that `create` can already report it.  These are the only messages of the
// program that may say "no such file or directory" or "permission denied": engines take those words for exit statuses
// 127 and 126 of the container's command.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan/process.h"
#include "spec/base/error.h"

namespace command {

// Where execvp(3) would look for process.args[0], in this order.  Precondition: it is not empty.
std::vector<std::string> places(const plan::Process& process);

// The file that process.args[0] names, as execvp(3) would find it: a name with a slash is taken as it is, relative to
// the current directory; others are looked for in $PATH of process.env.  Call inside the container, in its cwd.
// Kind::command_missing, Kind::command_denied.
Result<std::string> find(const plan::Process& process);

// execve(2).  Returns only on failure, with what it means: a missing interpreter or loader, another architecture, a
// script with Windows line ends.
Error execute(const plan::Process& process, const std::string& path);

// The sentence for a failed exec of `path`, whose first bytes are `head`.
Error explain(std::string_view path, int error_number, std::string_view head, bool interpreter_exists);

}  // namespace command
