#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "spec/base/clock.h"
#include "spec/base/process.h"
#include "spec/base/sys.h"

static process::Command shell(const char* script) {
  return {
      .path = "/bin/sh", .argv = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}, .timeout_ms = 20000};
}

Test(process, outcome_as_text) {
  const struct {
    const char* script;
    const char* want;
  } cases[] = {
      {"exit 0", "exit status 0"},
      {"exit 3", "exit status 3"},
      {"echo why >&2; exit 1", "exit status 1: why"},
      {"printf 'one\\ntwo\\033\\n\\n' >&2; exit 1", "exit status 1: two\\x1b"},
      {"kill -SEGV $$", "killed by signal 11"},
      {"echo x; echo y >&2", "exit status 0: y"},
  };
  for (const auto& c : cases) {
    const std::string got = process::run(shell(c.script)).take().text();
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.script);
  }
}

Test(process, gets_what_it_is_given_and_nothing_else) {
  // A descriptor that was left open for everyone, and signals that we block or ignore.
  const int leaked = ::dup2(::open("/dev/null", O_RDONLY), 77);
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, nullptr);
  ::signal(SIGUSR2, SIG_IGN);
  process::Command command =
      shell("cat; env; ls /proc/self/fd | tr '\\n' ' '; exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
  command.env = {"PATH=/usr/bin:/bin", "A=b c"};
  command.input = "input\n";
  const process::Outcome got = process::run(command).take();
  ::close(leaked);
  cr_expect(got.ok());
  cr_expect(got.out.starts_with("input\n"), "%s", got.out.c_str());
  cr_expect(got.out.find("A=b c\n") != std::string::npos);
  cr_expect(got.out.find("HOME=") == std::string::npos);
  // 3 is the directory that ls reads.
  cr_expect(got.out.find("\n0 1 2 3 SigBlk:\t0000000000000000\n") != std::string::npos, "%s",
            got.out.c_str());
  // glibc leaves its own two signals ignored.
  const size_t ignored = got.out.find("SigIgn:\t");
  cr_assert(ignored != std::string::npos);
  cr_expect_eq(::strtoull(got.out.c_str() + ignored + 8, nullptr, 16) & (1ull << (SIGUSR2 - 1)), 0);
}

Test(process, input_that_is_not_read) {
  process::Command command = shell("exit 0");
  const std::string much(4 << 20, 'x');
  command.input = much;
  cr_expect(process::run(command).take().ok());
}

Test(process, the_end_of_long_output_is_kept) {
  process::Command command =
      shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo last >&2");
  command.keep = 100;
  const process::Outcome got = process::run(command).take();
  cr_expect(got.ok());
  cr_expect(got.out.ends_with("line 19998\nline 19999\n"), "%s", got.out.c_str());
  cr_expect_eq(got.out.size(), 100);
  cr_expect(got.out_cut);
  cr_expect_str_eq(got.err.c_str(), "last\n");
  cr_expect(!process::run(shell("echo short")).take().out_cut);
}

// On a busy machine the helper may not have come to its first word yet: then it gets more time.
Test(process, deadline) {
  process::Command command = shell("echo before >&2; sleep 1000");
  command.own_group = true;
  std::string text;
  for (command.timeout_ms = 100; command.timeout_ms < 200000 && !text.ends_with(" ms: before");
       command.timeout_ms *= 4) {
    const process::Outcome got = process::run(command).take();
    text = got.text();
    cr_expect(got.timed_out);
    cr_expect(!got.ok());
    cr_expect_geq(got.milliseconds, command.timeout_ms);
    cr_expect_lt(got.milliseconds, 900000, "the helper was not killed");
    cr_expect(text.starts_with("killed after "), "%s", text.c_str());
    cr_expect_eq(::waitpid(-1, nullptr, WNOHANG), -1, "a zombie is left");
  }
  cr_expect(text.ends_with(" ms: before"), "%s", text.c_str());
}

Test(process, a_daemon_is_not_waited_for) {
  const int64_t start = clocks::monotonic_ms();
  const process::Outcome got = process::run(shell("sleep 1000 & echo $!")).take();
  cr_expect(got.ok());
  cr_expect_lt(clocks::monotonic_ms() - start, 900000);
  ::kill(atoi(got.out.c_str()), SIGKILL);
}

Test(process, leaves_no_descriptors) {
  const auto count = [] {
    const UniqueFd dir = sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY).take();
    return sys::list(dir).take().size();
  };
  const size_t before = count();
  for (int i = 0; i < 3; ++i) cr_expect(process::run(shell("echo a; echo b >&2")).take().ok());
  cr_expect(!process::run({.path = "/nowhere"}).ok());
  cr_expect_eq(count(), before);
}

Test(process, what_cannot_be_started) {
  const auto missing = process::run({.path = "/nowhere/program"});
  cr_assert(!missing.ok());
  cr_expect_eq(missing.error().kind, Kind::not_found);
  cr_expect_str_eq(missing.error().message.c_str(),
                   "'/nowhere/program' does not exist, or the interpreter that it names");
  const auto not_executable = process::run({.path = "/etc/passwd"});
  cr_assert(!not_executable.ok());
  cr_expect_eq(not_executable.error().kind, Kind::denied);
  cr_expect_str_eq(not_executable.error().message.c_str(), "'/etc/passwd' is not executable for us");
}

Test(process, found_in_a_path) {
  const std::string found = process::find("sh", "relative:/nowhere:/usr/bin:/bin").take();
  cr_expect(found == "/usr/bin/sh" || found == "/bin/sh");
  const auto missing = process::find("nothing-like-it", "/usr/bin:/bin");
  cr_assert(!missing.ok());
  cr_expect_str_eq(missing.error().message.c_str(), "'nothing-like-it' is not in /usr/bin:/bin");
}

// Whoever runs a helper is killed; the helper has started somebody, who holds the pipe that we read.
Test(process, what_it_has_started_ends_with_its_caller) {
  sys::SocketPair pipe = sys::pipe().take();
  const std::string held = str::cat("/proc/", ::getpid(), "/fd/", pipe.right.get().raw());
  const std::string script = str::cat("sleep 1000 >", held, " & echo started >", held, "; wait");
  const pid_t caller = ::fork();
  if (caller == 0) {
    process::Command command = shell(script.c_str());
    command.own_group = command.guarded = true;
    (void)process::run(command);
    ::_exit(0);
  }
  char text[16] = {};
  cr_assert_eq(sys::read(pipe.left, text, sizeof text - 1).take(), 8);
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  pipe.right.reset();
  pollfd end = {pipe.left.get().raw(), POLLIN, 0};
  cr_assert_eq(sys::poll({&end, 1}, 60000).take(), 1, "somebody lives on");
  cr_expect_eq(sys::read(pipe.left, text, sizeof text).take(), 0);
}

// A daemon is a helper's right, and a guard knows when the helper is done.
Test(process, a_guard_goes_when_the_helper_has_ended) {
  process::Command command = shell("sleep 1000 >/dev/null 2>&1 & echo $!");
  command.own_group = command.guarded = true;
  const process::Outcome got = process::run(command).take();
  cr_expect(got.ok());
  cr_expect_eq(::waitpid(-1, nullptr, WNOHANG), -1, "a zombie is left");
  const pid_t daemon = atoi(got.out.c_str());
  cr_expect_eq(::kill(daemon, 0), 0, "the daemon has been ended");
  ::kill(daemon, SIGKILL);
}

Test(process, what_its_caller_waits_for_ends_it) {
  sys::SocketPair pipe = sys::pipe().take();
  process::Command command = shell("sleep 100 & sleep 100");
  command.own_group = true;
  command.stop_on = {pipe.left};
  cr_assert(sys::write_all(pipe.right, "x").ok());
  const process::Outcome got = process::run(command).take();
  cr_expect(got.stopped && !got.ok() && !got.timed_out);
  const std::string text = got.text();
  cr_expect(text.starts_with("stopped after "), "%s", text.c_str());
  // A descriptor at its end counts as well, one that stays silent does not.
  pipe = sys::pipe().take();
  command = shell("exit 0");
  command.stop_on = {pipe.left};
  cr_expect(process::run(command).take().ok());
  pipe.right.reset();
  command = shell("sleep 100");
  command.stop_on = {pipe.left};
  cr_expect(process::run(command).take().stopped);
}
