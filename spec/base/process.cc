#include "spec/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "spec/base/clock.h"
#include "spec/base/fd.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace process {

namespace {

// One pipe from the helper, and what is kept of it.
struct Pipe {
  UniqueFd end;  // closed at end of file
  std::string text;
  bool cut = false;

  // Precondition: poll says there is something.  False: there is no more.
  bool take(size_t keep) {
    char buffer[4096];
    auto got = sys::read(end, buffer, sizeof buffer);
    if (!got.ok() || got.value() == 0) return false;
    text.append(buffer, got.value());
    // Cut now and then, not at every read.
    if (text.size() > 2 * keep + sizeof buffer) trim(keep);
    return true;
  }
  void trim(size_t keep) {
    if (text.size() <= keep) return;
    text.erase(0, text.size() - keep);
    cut = true;
  }
};

// A file in memory: it needs no writing loop, and one that nobody reads harms nobody.
Result<UniqueFd> input_of(std::string_view text) {
  if (text.empty()) return sys::open("/dev/null", O_RDONLY);
  UniqueFd file = TRY(sys::memfd_create("input", 0));
  TRY(sys::pwrite_all(file, text, 0));
  return file;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Made before the fork: in the child there is nothing but system calls.
struct Start {
  const char* path;
  char* const* argv;
  char* const* env;
  int streams[3];
  int report;   // the errno of what fails goes there
  pid_t group;  // to join; 0: its own, as its leader; -1: ours
  pid_t parent;
};

void reset_signals() {
  for (int number = 1; number < _NSIG; ++number) ::signal(number, SIG_DFL);  // some cannot be changed
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// posix_spawn(3) cannot have the child end with its parent, which may be killed at any moment.
[[noreturn]] void become(const Start& start) {
  constexpr int kReport = 3;
  reset_signals();
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(1);                 // it was quicker
  bool ready = ::dup3(start.report, kReport, O_CLOEXEC) >= 0;  // NOLINT: after fork
  ready = ready && (start.group < 0 || ::setpgid(0, start.group) >= 0);
  for (int i = 0; i < 3; ++i) ready = ready && ::dup2(start.streams[i], i) >= 0;  // NOLINT: after fork
  if (ready && sys::close_range(kReport + 1, ~0U, 0).ok()) ::execve(start.path, start.argv, start.env);
  const int failed = errno;
  (void)!::write(kReport, &failed, sizeof failed);
  ::_exit(127);
}

Error cannot_start(const std::string& path, int err) {
  if (err == ENOENT)
    return Error(Kind::not_found, err,
                 str::cat("'", path, "' does not exist, or the interpreter that it names"));
  if (err == EACCES) return Error(Kind::denied, err, str::cat("'", path, "' is not executable for us"));
  return Error::os(str::cat("starting '", path, "'"), err);
}

// The errno of a child that could not execute its program; 0: it has.
int reported(Fd report) {
  int failed = 0;
  const Result<size_t> got = sys::read(report, &failed, sizeof failed);
  return got.ok() && got.value() == sizeof failed ? failed : 0;
}

constexpr int kAbove = 10;  // out of the way of what descriptors become

// Leads a process group, and ends it when our end of a line closes without a word before.
class Guard {
 public:
  static Result<Guard> begin() {
    sys::SocketPair line = TRY(sys::socketpair(SOCK_SEQPACKET));
    const UniqueFd theirs = TRY(sys::dup(line.right, kAbove));
    const pid_t pid = TRY(sys::fork());
    if (pid == 0) stand(theirs);
    (void)::setpgid(pid, pid);  // whoever of the two comes first: a group that is not there cannot be joined
    return Guard(pid, std::move(line.left));
  }
  Guard() = default;
  Guard(Guard&& other) noexcept : pid_(std::exchange(other.pid_, 0)), line_(std::move(other.line_)) {}
  Guard& operator=(Guard&&) = delete;
  ~Guard() {
    if (!pid_) return;
    (void)sys::send(line_, "x");  // it may have been killed with its group
    (void)sys::waitpid(pid_, 0);
  }
  [[nodiscard]] pid_t group() const { return pid_; }

 private:
  Guard(pid_t pid, UniqueFd line) : pid_(pid), line_(std::move(line)) {}

  [[noreturn]] static void stand(Fd line) {
    (void)::setpgid(0, 0);
    // What it has of ours nobody must wait for.
    const auto number = static_cast<unsigned>(line.raw());
    (void)sys::close_range(0, number - 1, 0);
    (void)sys::close_range(number + 1, ~0U, 0);
    char word;
    const Result<size_t> got = sys::read(line, &word, sizeof word);
    if (got.ok() && got.value() == 0) (void)::kill(0, SIGKILL);
    ::_exit(0);
  }

  pid_t pid_ = 0;
  UniqueFd line_;
};

Result<pid_t> spawn(const Command& command, pid_t group, Fd in, Fd out, Fd err) {
  UniqueFd streams[3];
  for (int i = 0; const Fd stream : {in, out, err}) streams[i++] = TRY(sys::dup(stream, kAbove));
  sys::SocketPair report = TRY(sys::pipe());
  UniqueFd told = TRY(sys::dup(report.right, kAbove));
  report.right.reset();
  const std::vector<std::string> path_only = {command.path};
  const std::vector<char*> argv = pointers(command.argv.empty() ? path_only : command.argv);
  const std::vector<char*> env = pointers(command.env);
  const Start start{.path = command.path.c_str(),
                    .argv = argv.data(),
                    .env = env.data(),
                    .streams = {streams[0].raw(), streams[1].raw(), streams[2].raw()},
                    .report = told.raw(),
                    .group = group,
                    .parent = ::getpid()};
  const pid_t pid = TRY(sys::fork());
  if (pid == 0) become(start);
  told.reset();
  const int failed = reported(report.left);
  if (!failed) return pid;
  (void)sys::waitpid(pid, 0);
  return cannot_start(command.path, failed);
}

// A helper that runs, its pipes and its deadline.
class Running {
 public:
  // A signal reaches all of `group`, where it is not ours (-1).
  Running(const Command& command, pid_t pid, pid_t group, UniqueFd out, UniqueFd err)
      : command_(command),
        pid_(pid),
        killed_(group < 0    ? pid
                : group == 0 ? -pid
                             : -group),
        started_(clocks::monotonic_ms()) {
    out_.end = std::move(out);
    err_.end = std::move(err);
  }
  Running(const Running&) = delete;
  // However we leave: no process without a parent that waits for it.
  ~Running() {
    if (reaped_) return;
    kill();
    (void)sys::waitpid(pid_, 0);
  }

  Result<Outcome> wait() {
    const UniqueFd pidfd = TRY(sys::pidfd_open(pid_));
    while (!TRY(step(pidfd))) {}
    const std::optional<int> status = TRY(sys::waitpid(pid_, 0));
    reaped_ = true;
    drain(out_);
    drain(err_);
    return outcome(*status);
  }

 private:
  void kill() const { (void)::kill(killed_, SIGKILL); }  // it may just have ended

  // True: it has ended.
  Result<bool> step(Fd pidfd) {
    std::vector<pollfd> fds = {
        {pidfd.raw(), POLLIN, 0}, {out_.end.raw(), POLLIN, 0}, {err_.end.raw(), POLLIN, 0}};
    // Once it is killed it ends soon, and what stays readable would keep us busy.
    if (!stopped_)
      for (const Fd fd : command_.stop_on) fds.push_back({fd.raw(), POLLIN, 0});
    if (TRY(sys::poll(fds, time_left())) == 0) {
      timed_out_ = true;
      kill();
    }
    if (std::any_of(fds.begin() + 3, fds.end(), [](const pollfd& fd) { return fd.revents != 0; })) {
      stopped_ = true;
      kill();
    }
    if (fds[1].revents && !out_.take(command_.keep)) out_.end.reset();
    if (fds[2].revents && !err_.take(command_.keep)) err_.end.reset();
    return fds[0].revents != 0;
  }

  [[nodiscard]] int time_left() const {
    if (command_.timeout_ms < 0 || timed_out_ || stopped_) return -1;  // killed: it ends soon
    const int64_t left = started_ + command_.timeout_ms - clocks::monotonic_ms();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
  }

  // What is still in the pipe: no more than a pipe can hold, or a daemon that goes on writing would keep us here.
  void drain(Pipe& pipe) const {
    constexpr int kMostReads = 256;
    for (int i = 0; i < kMostReads && pipe.end.valid(); ++i) {
      pollfd fd = {pipe.end.raw(), POLLIN, 0};
      auto ready = sys::poll({&fd, 1}, 0);
      if (!ready.ok() || ready.value() == 0 || !pipe.take(command_.keep)) break;
    }
    pipe.trim(command_.keep);
  }

  Outcome outcome(int status) {
    Outcome o;
    if (WIFEXITED(status)) o.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) o.signal = WTERMSIG(status);
    o.timed_out = timed_out_;
    o.stopped = stopped_;
    o.milliseconds = clocks::monotonic_ms() - started_;
    o.out = std::move(out_.text);
    o.err = std::move(err_.text);
    o.out_cut = out_.cut;
    return o;
  }

  const Command& command_;
  const pid_t pid_, killed_;
  const int64_t started_;
  Pipe out_, err_;
  bool timed_out_ = false, stopped_ = false, reaped_ = false;
};

}  // namespace

Result<Outcome> run(const Command& command) {
  const UniqueFd in = TRY(input_of(command.input));
  sys::SocketPair out = TRY(sys::pipe());
  sys::SocketPair err = TRY(sys::pipe());
  const Guard guard = command.guarded ? TRY(Guard::begin()) : Guard();
  const pid_t group = command.guarded ? guard.group() : command.own_group ? 0 : -1;
  const pid_t pid = TRY(spawn(command, group, in, out.right, err.right));
  out.right.reset();
  err.right.reset();
  Running running(command, pid, group, std::move(out.left), std::move(err.left));
  return running.wait().within("waiting for '", command.path, "'");
}

std::string Outcome::text() const {
  std::string how = timed_out ? str::cat("killed after ", milliseconds, " ms")
                    : stopped ? str::cat("stopped after ", milliseconds, " ms")
                    : signal  ? str::cat("killed by signal ", signal)
                              : str::cat("exit status ", code);
  const std::string_view said = str::trim(err);
  if (said.empty()) return how;
  return str::cat(how, ": ", str::printable(said.substr(said.rfind('\n') + 1)));
}

Result<std::string> find(std::string_view name, std::string_view path) {
  for (const std::string_view directory : str::split(path, ':')) {
    if (!directory.starts_with('/')) continue;  // never from the working directory
    const std::string candidate = str::cat(directory, "/", name);
    const auto st = sys::fstatat(Fd::cwd(), candidate.c_str(), 0);
    if (st.ok() && S_ISREG(st.value().st_mode) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Error(Kind::not_found, str::cat("'", name, "' is not in ", path));
}

}  // namespace process
