#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "spec/base/proc.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

static pid_t sleeper() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  return pid;
}

static void kill_and_keep(pid_t pid, int signal) {
  siginfo_t info{};
  ::kill(pid, signal);
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
}

Test(proc, parse_stat) {
  const char* rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
  const struct {
    std::string text;
    bool ok;
  } cases[] = {
      {str::cat("12 (sh) S", rest), true},
      {str::cat("12 (a) Z (b c) S", rest, "\n"), true},  // a name that looks like more fields
      {str::cat("12 (sh S", rest), false},
      {"12 (sh) S 1 2 3", false},
      {"", false},
      {str::cat("12 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20"), false},
  };
  for (const auto& c : cases) {
    const auto facts = proc::parse_stat(c.text);
    cr_assert_eq(facts.has_value(), c.ok, "%s", c.text.c_str());
    if (facts)
      cr_expect(
          facts->state == 'S' && facts->flags == 6 && facts->start_time == 4711 && !facts->never_executed(),
          "%s", c.text.c_str());
  }
}

Test(proc, tells_a_clone_from_an_executed_program) {
  const pid_t pid = sleeper();
  cr_expect(proc::stat(pid).value().never_executed());
  kill_and_keep(pid, SIGKILL);
  const auto zombie = proc::stat(pid);
  cr_expect(zombie && zombie->never_executed() && zombie->ended() && zombie->exit_code == SIGKILL);
  ::waitpid(pid, nullptr, 0);
  cr_expect(!proc::stat(pid));
}

Test(proc, exit_status) {
  const pid_t pid = sleeper();
  const UniqueFd pidfd = sys::pidfd_open(pid).take();
  cr_expect(!sys::exit_status(pidfd));
  kill_and_keep(pid, SIGUSR1);
  const auto status = sys::exit_status(pidfd);
  cr_expect(status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGUSR1);
  ::waitpid(pid, nullptr, 0);
  // Where the kernel still knows, it says the same.
  const auto later = sys::exit_status(pidfd);
  cr_expect(!later || *later == *status);
}

Test(proc, lines_of_mountinfo) {
  const struct {
    const char* line;
    const char* want;
  } cases[] = {
      {"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,discard",
       "36 35 '/mnt2' ext3 rw,discard"},
      {"36 35 98:0 / /a\\040b\\134c\\011 rw - ext3 /dev/root rw", "36 35 '/a b\\c\t' ext3 rw"},
      {"36 35 98:0 / /half\\04 rw - ext3 /dev/root rw", "36 35 '/half\\04' ext3 rw"},
      {"36 35 98:0 / /mnt rw shared:1 - tmpfs ", "36 35 '/mnt' tmpfs "},
      {"", "0 0 ''  "},
      {"36 x 98:0 / /mnt rw - ext3 /dev/root rw", "0 0 ''  "},
      {"36 35 98:0 / /mnt rw", "0 0 ''  "},
      {"36 35 98:0 /", "0 0 ''  "},
  };
  for (const auto& c : cases) {
    const proc::MountLine got = proc::parse_mount_line(c.line);
    expect_text(str::cat(got.id, " ", got.parent, " '", got.path, "' ", got.type, " ", got.options), c.want);
  }
}
