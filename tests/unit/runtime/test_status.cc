#include <criterion/criterion.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/life/status.h"
#include "spec/base/file.h"
#include "spec/base/proc.h"
#include "spec/base/sys.h"

namespace {

// A state of the process `pid`, as `start` leaves it.
oci::State state_of(pid_t pid) {
  oci::State state;
  state.id = "web";
  state.pid = pid;
  state.pid_start_time = proc::stat(pid).value().start_time;
  state.status = oci::Status::running;
  return state;
}

pid_t sleeper(const char* program = nullptr) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (program) ::execl(program, program, "100", nullptr);
    ::pause();
    ::_exit(0);
  }
  return pid;
}

}  // namespace

Test(status, follows_the_process) {
  const pid_t pid = sleeper();
  oci::State state = state_of(pid);
  cr_expect_eq(status::of(state), oci::Status::running);
  state.status = oci::Status::created;
  cr_expect_eq(status::of(state), oci::Status::created);
  state.status = oci::Status::creating;
  cr_expect_eq(status::of(state), oci::Status::creating);
  // It says "created" for as long as nothing has been executed.
  oci::State executed = state_of(sleeper("/bin/sleep"));
  executed.status = oci::Status::created;
  for (int tries = 0; tries < 6000 && status::of(executed) != oci::Status::running; ++tries) ::usleep(10000);
  cr_expect_eq(status::of(executed), oci::Status::running);
  ::kill(executed.pid, SIGKILL);
  ::waitpid(executed.pid, nullptr, 0);
  cr_expect(status::open_process(state).take().valid());
  state.status = oci::Status::running;

  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);  // now it is a zombie
  cr_expect_eq(status::of(state), oci::Status::stopped);
  cr_expect(!status::open_process(state).take().valid());
  ::waitpid(pid, nullptr, 0);
  cr_expect_eq(status::of(state), oci::Status::stopped);
  cr_expect(!status::open_process(state).take().valid());
}

Test(status, a_pid_that_was_used_again_is_not_ours) {
  oci::State state = state_of(::getpid());
  cr_expect_eq(status::of(state), oci::Status::running);
  state.pid_start_time += 1;
  cr_expect_eq(status::of(state), oci::Status::stopped);
  cr_expect(!status::open_process(state).take().valid());
  state.pid = 0;
  cr_expect_eq(status::of(state), oci::Status::stopped);
  cr_expect(!status::open_process(state).take().valid());
}

Test(status, paused) {
  std::string dir = "/tmp/test_status.XXXXXX";
  cr_assert(::mkdtemp(dir.data()));
  const UniqueFd fd = sys::open(dir.c_str(), O_RDONLY | O_DIRECTORY).take();
  oci::State state = state_of(::getpid());
  const struct {
    const char* controller;
    const char* file;
    const char* text;
    oci::Status want;
  } cases[] = {
      {"", "cgroup.events", "populated 1\nfrozen 1\n", oci::Status::paused},
      {"", "cgroup.events", "populated 1\nfrozen 0\n", oci::Status::running},
      {"freezer", "freezer.state", "FROZEN\n", oci::Status::paused},
      {"freezer", "freezer.state", "FREEZING\n", oci::Status::paused},
      {"freezer", "freezer.state", "THAWED\n", oci::Status::running},
      {"memory", "freezer.state", "FROZEN\n", oci::Status::running},  // not the controller that freezes
  };
  for (const auto& c : cases) {
    state.cgroup_paths = {{c.controller, dir}};
    cr_assert(files::replace(fd, c.file, c.text, 0600).ok());
    // As the v1 freezer leaves it; that of v2 stops it in any state.
    const proc::Stat process = {.state = c.controller[0] ? 'D' : 'S', .start_time = state.pid_start_time};
    cr_expect_eq(status::of(state, process), c.want, "%s %s", c.file, c.text);
    ::unlinkat(fd.raw(), c.file, 0);
  }
  ::rmdir(dir.c_str());
}
