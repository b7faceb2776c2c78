#include "imagetool/rootless.h"

#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imagetool/bundle/launch.h"
#include "spec/base/file.h"
#include "spec/base/process.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"
#include "spec/id_maps.h"

namespace rootless {

namespace {

constexpr size_t kMostLines = 1 << 20;     // bytes of /etc/subuid
constexpr uint32_t kFirstUsual = 100'000;  // where useradd(8) begins
constexpr uint32_t kUsualCount = 65'536;
constexpr size_t kMessage = 128 << 10;

// ---- who may have which ids ----

struct Line {
  std::string_view owner;
  uint32_t start = 0, count = 0;
};

// "NAME:START:COUNT" or "UID:START:COUNT" (subuid(5)).
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (const std::string_view line : str::split(text, '\n')) {
    const std::vector<std::string_view> words = str::split(str::trim(line), ':');
    if (words.size() != 3) continue;
    const auto start = str::number<uint32_t>(words[1]), count = str::number<uint32_t>(words[2]);
    if (start && count && *count > 0 && *start <= UINT32_MAX - *count)
      lines.push_back({words[0], *start, *count});
  }
  return lines;
}

std::vector<oci::IdMapping> mappings(uint32_t own, std::string_view uid, std::string_view name,
                                     const std::vector<Line>& lines) {
  std::vector<oci::IdMapping> list = {{.container_id = 0, .host_id = own, .size = 1}};
  for (const Line& line : lines) {
    if (line.owner != uid && (name.empty() || line.owner != name)) continue;
    const uint32_t next = list.back().container_id + list.back().size;
    if (line.count <= UINT32_MAX - next)
      list.push_back({.container_id = next, .host_id = line.start, .size = line.count});
  }
  return list;
}

uint32_t first_free(const std::vector<Line>& lines) {
  uint32_t free = kFirstUsual;
  for (const Line& line : lines) free = std::max(free, line.start + line.count);
  return free;
}

std::string advice(std::string_view user, const std::vector<Line>& uids, const std::vector<Line>& gids) {
  const uint32_t first = std::max(first_free(uids), first_free(gids));
  const std::string range = str::cat(first, "-", first + (kUsualCount - 1));
  return str::cat("root can give this user more ids with `apt install uidmap` and `usermod --add-subuids ",
                  range, " --add-subgids ", range, " ", user, "`");
}

std::string user_name(uid_t uid) {
  const struct passwd* entry = ::getpwuid(uid);  // one thread: nobody else uses its buffer
  return entry ? std::string(entry->pw_name) : std::string();
}

// ---- between the two ----

constexpr char kReady = 'r', kRun = 'R', kTry = 'T', kStatus = 's', kError = 'e';

std::string join(char kind, const std::vector<std::string>& words) {
  std::string text(1, kind);
  for (const std::string& word : words) {
    text += word;
    text += '\0';
  }
  return text;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : str::split(text, '\0')) words.emplace_back(word);
  words.pop_back();  // behind the last zero
  return words;
}

Result<int> try_it(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  const process::Outcome outcome =
      TRY(process::run({.path = command[0], .argv = command, .env = environment}));
  return outcome.ok() ? 0 : 1;
}

// One request of the child's.  False: there will be no more.
Result<bool> serve(Fd socket, const std::vector<std::string>& environment) {
  const Result<sys::Message> request = sys::receive(socket, kMessage);
  if (!request.ok() || request.value().data.empty()) return false;
  const std::string& text = request.value().data;
  const std::vector<std::string> command = words_of(std::string_view(text).substr(1));
  if (command.empty()) return false;
  const Result<int> status =
      text[0] == kRun ? launch::run(command, environment) : try_it(command, environment);
  TRY(sys::send(socket,
                status.ok() ? str::cat(kStatus, status.value()) : str::cat(kError, status.error().message)));
  return true;
}

// ---- the user's side ----

[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    ::signal(WTERMSIG(status), SIG_DFL);
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    (void)::raise(WTERMSIG(status));
    ::_exit(128 + WTERMSIG(status));
  }
  ::_exit(WEXITSTATUS(status));
}

// The child's namespace gets its maps.
Result<> set_up(pid_t pid, Fd socket, const Caller& caller) {
  const sys::Message first = TRY(sys::receive(socket, kMessage));
  if (first.data.empty()) return Error(Kind::os, "a user namespace cannot be made: the process died");
  if (first.data[0] != kReady) return Error(Kind::denied, first.data.substr(1));
  TRY(id_maps::write(pid, caller.uids, caller.gids));
  return sys::send(socket, std::string(1, kReady));
}

// ---- the child's side ----

// The parent's end stays open in nobody but the parent.
Result<> become_root(Fd socket, pid_t parent) {
  TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
  if (::getppid() != parent) ::_exit(1);
  // The kernel says EPERM for what a setting forbids and ENOSPC for what a limit does.
  if (const Result<> made = sys::unshare(CLONE_NEWUSER | CLONE_NEWNS); !made.ok())
    return Error(Kind::denied, made.error().errnum,
                 str::cat("user namespaces are not for ordinary users here (", made.error().message,
                          "): see `sysctl kernel.unprivileged_userns_clone user.max_user_namespaces`"));
  TRY(sys::send(socket, std::string(1, kReady)));
  const sys::Message go = TRY(sys::receive(socket, kMessage));
  if (go.data.empty()) ::_exit(1);
  return {};
}

}  // namespace

Caller find(uid_t uid, gid_t gid, std::string_view name, std::string_view subuid, std::string_view subgid) {
  Caller caller{.uid = uid, .gid = gid};
  if (uid == 0) return caller;
  const std::vector<Line> uids = lines_of(subuid), gids = lines_of(subgid);
  const std::string number = str::cat(uid);
  caller.uids = mappings(uid, number, name, uids);
  caller.gids = mappings(gid, number, name, gids);
  caller.more_ids = advice(name.empty() ? std::string_view(number) : name, uids, gids);
  return caller;
}

Caller find() {
  const uid_t uid = ::geteuid();
  if (uid == 0) return find(0, 0, "", "", "");
  const auto text = [](const char* file) {
    Result<std::string> read = files::read(Fd::cwd(), file, kMostLines);
    return read.ok() ? std::move(read).take() : std::string();  // there may be none
  };
  return find(uid, ::getegid(), user_name(uid), text("/etc/subuid"), text("/etc/subgid"));
}

Result<int> Outside::ask(char kind, const std::vector<std::string>& command) const {
  TRY(sys::send(socket_, join(kind, command)));
  const sys::Message answer = TRY(sys::receive(socket_, kMessage));
  if (answer.data.empty()) return Error(Kind::os, "the process that runs programs for the user has died");
  const std::string_view text = std::string_view(answer.data).substr(1);
  if (answer.data[0] == kError) return Error(Kind::os, std::string(text));
  return str::number<int>(text).value_or(1);
}

Result<int> Outside::run(const std::vector<std::string>& command,
                         const std::vector<std::string>& environment) const {
  return socket_.valid() ? ask(kRun, command) : launch::run(command, environment);
}

bool Outside::succeeds(const std::vector<std::string>& command,
                       const std::vector<std::string>& environment) const {
  const Result<int> status = socket_.valid() ? ask(kTry, command) : try_it(command, environment);
  return status.ok() && status.value() == 0;
}

Result<Outside> enter(const Caller& caller, const std::vector<std::string>& environment) {
  (void)TRY(id_maps::find_helpers());
  sys::SocketPair ends = TRY(sys::socketpair(SOCK_SEQPACKET));
  const launch::Signals signals;
  const pid_t parent = ::getpid();
  const pid_t pid = TRY(sys::fork());
  if (pid == 0) {
    ends.left.reset();
    if (const Result<> done = become_root(ends.right, parent); !done.ok()) {
      (void)sys::send(ends.right, str::cat(kError, done.error().message));  // the parent says it
      ::_exit(1);
    }
    return Outside(std::move(ends.right));
  }
  ends.right.reset();
  if (Result<> done = set_up(pid, ends.left, caller); !done.ok()) {
    (void)sys::kill(pid, SIGKILL);
    (void)sys::waitpid(pid, 0);
    return done.take_error();
  }
  const Result<int> status = signals.attend(pid, ends.left, [&] { return serve(ends.left, environment); });
  if (!status.ok()) return status.error();
  end_as(status.value());
}

}  // namespace rootless
