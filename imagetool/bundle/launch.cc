#include "imagetool/bundle/launch.h"

#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "spec/base/process.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace launch {

namespace {

constexpr int kHandedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE};

constexpr std::array<std::string_view, 32> kQualities = {
    "able",  "bold", "brave",  "bright", "brisk", "calm",  "clear",  "clever", "cosy",  "daring", "eager",
    "early", "fair", "famous", "fine",   "fond",  "frank", "gentle", "glad",   "grand", "happy",  "jolly",
    "keen",  "kind", "lively", "lucky",  "merry", "noble", "proud",  "quick",  "quiet", "witty"};
constexpr std::array<std::string_view, 32> kAnimals = {
    "badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "ferret", "finch", "fox",   "gecko",
    "hare",   "heron",  "ibis",  "koala", "lemur",   "lynx",  "marten", "mole",   "moth",  "otter", "owl",
    "panda",  "puffin", "robin", "seal",  "stork",   "swift", "tapir",  "trout",  "wren",  "yak"};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts)
    list.push_back(const_cast<char*>(text.c_str()));  // for exec's signature
  list.push_back(nullptr);
  return list;
}

Result<pid_t> spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const mode_t ours = ::umask(022);  // main clears it; a runtime may go by the mask it finds
  const int error = ::posix_spawn(&pid, command[0].c_str(), nullptr, &attributes, pointers(command).data(),
                                  pointers(environment).data());
  ::umask(ours);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return Error::os(str::cat("running '", command[0], "'"), error);
  return pid;
}

// One signal from `signals` to the child, unless the terminal has sent it to both of us.
Result<> hand_on(Fd signals, Fd child) {
  struct signalfd_siginfo info {};
  if (TRY(sys::read(signals, &info, sizeof info)) != sizeof info) return {};
  const bool from_terminal = info.ssi_code == SI_KERNEL;
  if (!from_terminal)
    (void)sys::pidfd_send_signal(child, static_cast<int>(info.ssi_signo));  // it may be over already
  return {};
}

}  // namespace

Signals::Signals() {
  ::sigemptyset(&set_);
  for (const int signal : kHandedOn) ::sigaddset(&set_, signal);
  ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
}

Signals::~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Result<int> Signals::attend(pid_t pid, Fd requests, const std::function<Result<bool>()>& serve) const {
  const UniqueFd signals = TRY(sys::signalfd(set_));
  const UniqueFd child = TRY(sys::pidfd_open(pid));
  for (;;) {
    pollfd ready[] = {{.fd = child.raw(), .events = POLLIN, .revents = 0},
                      {.fd = signals.raw(), .events = POLLIN, .revents = 0},
                      {.fd = requests.raw(), .events = POLLIN, .revents = 0}};
    (void)TRY(sys::poll(ready, -1));
    if (ready[1].revents != 0) TRY(hand_on(signals, child));
    if (ready[0].revents != 0) break;
    if (ready[2].revents != 0 && !TRY(serve())) requests = Fd();
  }
  return TRY(sys::waitpid(pid, 0)).value_or(0);
}

Result<std::string> find_runtime(std::string_view asked, std::string_view our_program,
                                 std::string_view path) {
  if (asked.find('/') != std::string_view::npos) {
    if (::access(std::string(asked).c_str(), X_OK) == 0) return std::string(asked);
    return Error(Kind::not_found,
                 str::cat("'", asked, "' is no program that can be run: name another with --runtime"));
  }
  const std::string name(asked.empty() ? "runtime" : asked);
  if (asked.empty()) {
    const std::string beside = str::cat(our_program.substr(0, our_program.rfind('/') + 1), name);
    if (::access(beside.c_str(), X_OK) == 0) return beside;
  }
  Result<std::string> found = process::find(name, path);
  if (found.ok()) return found;
  return Error(Kind::not_found,
               str::cat("no program '", name, "' beside this one or in PATH: name one with --runtime"));
}

Result<int> run(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  const Signals signals;
  const pid_t pid = TRY(spawn(command, environment));
  const int status = TRY(signals.attend(pid, Fd(), {}));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string memorable_name(uint64_t random) {
  return str::cat(kQualities[random % kQualities.size()], "-",
                  kAnimals[random / kQualities.size() % kAnimals.size()]);
}

Result<> check_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !name.empty() && name.size() <= 63 && plain(name[0]) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
  if (good) return {};
  return Error(Kind::invalid,
               str::cat("'", str::printable(name), "' is no name for a container: write a letter or digit, ",
                        "then up to 62 letters, digits, '_', '.' and '-'"));
}

}  // namespace launch
