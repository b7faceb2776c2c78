#include "spec/base/program.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "spec/base/log.h"

namespace program {

void settle() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0)
      (void)::open("/dev/null", O_RDWR);  // NOLINT: takes the lowest free number, fd
  ::signal(SIGCHLD, SIG_DFL);
}

static int exit_status(const Error& error) {
  if (error.kind == Kind::network) return error.errnum == EAGAIN ? kExitTryLater : kExitUnreachable;
  if (error.kind == Kind::command_missing) return 127;
  if (error.kind == Kind::command_denied) return 126;
  return 1;
}

int finish(const Result<int>& status, std::optional<int> failure) {
  if (status.ok()) return status.value();
  logs::error(status.error());
  return failure.value_or(exit_status(status.error()));
}

}  // namespace program
