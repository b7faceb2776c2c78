#include "spec/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
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

struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { ::posix_spawn_file_actions_init(&value); }
  Actions(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
};

struct Attributes {
  posix_spawnattr_t value;
  explicit Attributes(bool own_group) {
    ::posix_spawnattr_init(&value);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&value, &none);
    ::posix_spawnattr_setsigdefault(&value, &all);
    ::posix_spawnattr_setflags(&value, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                          (own_group ? POSIX_SPAWN_SETPGROUP : 0)));
  }
  Attributes(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
};

Error cannot_start(const std::string& path, int err) {
  if (err == ENOENT)
    return Error(Kind::not_found, err,
                 str::cat("'", path, "' does not exist, or the interpreter that it names"));
  if (err == EACCES) return Error(Kind::denied, err, str::cat("'", path, "' is not executable for us"));
  return Error::os(str::cat("starting '", path, "'"), err);
}

Result<pid_t> spawn(const Command& command, Fd in, Fd out, Fd err) {
  Actions actions;
  const Attributes attributes(command.own_group);
  // Never 0, 1 or 2 themselves: dup keeps away from them, so no action overwrites the source of a later one.
  const UniqueFd sources[] = {TRY(sys::dup(in)), TRY(sys::dup(out)), TRY(sys::dup(err))};
  for (int i = 0; i < 3; ++i) ::posix_spawn_file_actions_adddup2(&actions.value, sources[i].raw(), i);
  ::posix_spawn_file_actions_addclosefrom_np(&actions.value, 3);

  const std::vector<std::string> path_only = {command.path};
  const std::vector<char*> argv = pointers(command.argv.empty() ? path_only : command.argv);
  const std::vector<char*> env = pointers(command.env);
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, command.path.c_str(), &actions.value, &attributes.value, argv.data(), env.data());
  if (failed) return cannot_start(command.path, failed);
  return pid;
}

// A helper that runs, its pipes and its deadline.
class Running {
 public:
  Running(const Command& command, pid_t pid, UniqueFd out, UniqueFd err)
      : command_(command), pid_(pid), started_(clocks::monotonic_ms()) {
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
  void kill() const { (void)::kill(command_.own_group ? -pid_ : pid_, SIGKILL); }  // it may just have ended

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
  const pid_t pid_;
  const int64_t started_;
  Pipe out_, err_;
  bool timed_out_ = false, stopped_ = false, reaped_ = false;
};

}  // namespace

Result<Outcome> run(const Command& command) {
  const UniqueFd in = TRY(input_of(command.input));
  sys::SocketPair out = TRY(sys::pipe());
  sys::SocketPair err = TRY(sys::pipe());
  const pid_t pid = TRY(spawn(command, in, out.right, err.right));
  out.right.reset();
  err.right.reset();
  Running running(command, pid, std::move(out.left), std::move(err.left));
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
