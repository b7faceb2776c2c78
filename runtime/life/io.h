// What create and exec hand to their caller: pid file, terminal, pidfd; and the bundle they are given.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "runtime/stages/parent.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace io {

// The bundle's directory.  Kind::not_found with the next step.
Result<UniqueFd> open_bundle(const std::string& path);
// The text of a config.json.  Kind::not_found with the next step.
Result<std::string> read_config(const std::string& path, const std::string& bundle);
// Digits only, in one step: containerd reads it with strconv.Atoi, and may look at any moment.
Result<> write_pid_file(const std::string& path, pid_t pid);
// To the listening AF_UNIX stream socket that `place`, an option or a property, names.  Kind::invalid: nobody listens, and
// `listener`, "the seccomp agent", has to be started.
Result<UniqueFd> connect(std::string_view place, const std::string& socket, std::string_view listener);
// One message with the name of the terminal and exactly one descriptor.
Result<> send_terminal(const std::string& socket, Fd master, const std::string& name);
Result<> send_pidfd(const std::string& socket, Fd pidfd);

// All that the command line asks for, of a process that is ready: the terminal goes to its socket and is ours no more.
Result<> hand_out(const std::optional<std::string>& console_socket,
                  const std::optional<std::string>& pidfd_socket, const std::optional<std::string>& pid_file,
                  stages::Launched& launched);

}  // namespace io
