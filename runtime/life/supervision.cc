#include "runtime/life/supervision.h"

#include <sys/signalfd.h>
#include <sys/wait.h>

#include <optional>

#include "runtime/concerns/terminal_proxy.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace supervision {

namespace {

// Everything that can be blocked, but for what the kernel sends us for our own mistakes.
sigset_t forwarded() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGKILL, SIGSTOP})
    ::sigdelset(&set, number);
  return set;
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

bool stays_with_us(int number) {
  // About ourselves: our children, our terminal, and job control of the shell we run in.
  return number == SIGCHLD || number == SIGPIPE || number == SIGTTIN || number == SIGTTOU ||
         number == SIGTSTP || number == SIGURG;
}

Result<> forward_signals(Fd signals, Fd pidfd, terminal::Proxy* proxy) {
  signalfd_siginfo info{};
  for (;;) {
    const Result<size_t> n = sys::read(signals, &info, sizeof info);
    if (!n.ok()) return n.error().errnum == EAGAIN ? Result<>() : Result<>(n.error());
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGWINCH && proxy)
      proxy->resize();
    else if (!stays_with_us(number))
      (void)sys::pidfd_send_signal(pidfd, number);  // it may have ended already
  }
}

}  // namespace

void hold_signals() {
  const sigset_t set = forwarded();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<int> wait(pid_t pid, Fd pidfd, UniqueFd terminal, cgroups::OomCount& memory) {
  const UniqueFd signals = TRY(sys::signalfd(forwarded()));
  std::optional<terminal::Proxy> proxy;
  if (terminal.valid()) proxy.emplace(TRY(terminal::Proxy::start(std::move(terminal))));
  for (;;) {
    std::vector<pollfd> watched = {
        {pidfd.raw(), POLLIN, 0}, {signals.raw(), POLLIN, 0}, {memory.events().raw(), POLLPRI, 0}};
    if (proxy) proxy->watch(watched);
    (void)TRY(sys::poll(watched, -1));
    if (watched[2].revents) memory.note();
    if (watched[1].revents) TRY(forward_signals(signals, pidfd, proxy ? &*proxy : nullptr));
    if (proxy) proxy->serve(std::span<const pollfd>(watched).subspan(3));
    if (!watched[0].revents) continue;
    const std::optional<int> status = TRY(sys::waitpid(pid, 0));
    if (proxy) proxy->drain();
    return exit_code(status.value_or(0));
  }
}

void warn_of_memory(std::string_view who, const cgroups::OomCount& memory) {
  if (const std::string why = memory.told(); !why.empty()) logs::warn(who, " was killed: ", why);
}

}  // namespace supervision
