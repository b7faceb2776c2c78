#include "imagetool/jail.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace jail {

namespace {

constexpr size_t kMessage = 32 << 10;

// ---- what is said over the socket: a tag, then its content ----

constexpr char kResult = 'o', kError = 'e';

std::string encode(const Error& error) {
  std::string text = str::cat(kError, static_cast<int>(error.kind), " ", error.errnum, " ", error.message);
  text.resize(std::min(text.size(), kMessage));
  return text;
}

// The child has read hostile bytes: nothing it says is taken on trust.
Error decode(std::string_view text) {
  const size_t first = text.find(' ');
  const size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) return Error(Kind::protocol, "the unpacking process spoke nonsense");
  const auto kind = str::number<int>(text.substr(0, first));
  const auto errnum = str::number<int>(text.substr(first + 1, second - first - 1));
  if (!kind || !errnum || *kind < 0 || *kind > static_cast<int>(Kind::command_denied))
    return Error(Kind::protocol, "the unpacking process spoke nonsense");
  return Error(static_cast<Kind>(*kind), *errnum, str::printable(text.substr(second + 1)));
}

// ---- before the fork ----

struct Detached {
  std::vector<UniqueFd> owned;
  View view;
};

Result<UniqueFd> detach(Fd dir, bool read_only) {
  UniqueFd copy = TRY(sys::open_tree(dir, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
  struct mount_attr attributes {};
  attributes.attr_set =
      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (read_only ? MOUNT_ATTR_RDONLY : 0);
  attributes.propagation = MS_PRIVATE;
  TRY(sys::mount_setattr(copy, "", AT_EMPTY_PATH, attributes));
  return copy;
}

Result<Detached> detach_all(const View& view) {
  Detached made;
  made.view.others = view.others;
  made.owned.push_back(TRY(detach(view.target, false)));
  made.view.target = made.owned.back();
  for (const Fd lower : view.lowers) {
    made.owned.push_back(TRY(detach(lower, true)));
    made.view.lowers.push_back(made.owned.back());
  }
  return made;
}

// ---- in the child ----

constexpr uint64_t kFileRights = (uint64_t{1} << 13) - 1;  // those of the first version
constexpr uint64_t kRefer = uint64_t{1} << 13;             // version 2: links between directories
constexpr uint64_t kTruncate = uint64_t{1} << 14;          // version 3
constexpr uint64_t kIoctlDevice = uint64_t{1} << 15;       // version 5
constexpr uint64_t kTcp = 3;                               // version 4: bind, connect
constexpr uint64_t kScopes = 3;                            // version 6: abstract sockets, signals

// Below version 2 every hard link between directories would fail, so Landlock is not used there.
Result<> lock_files(const View& view) {
  const int version = sys::landlock_version();
  if (version < 2) return {};
  const uint64_t granted = kFileRights | kRefer | (version >= 3 ? kTruncate : 0);
  const uint64_t handled = granted | (version >= 5 ? kIoctlDevice : 0);
  const UniqueFd rules = TRY(sys::landlock_create(handled, kTcp, kScopes));
  TRY(sys::landlock_allow(rules, view.target, granted & ~uint64_t{LANDLOCK_ACCESS_FS_EXECUTE}));
  for (const Fd lower : view.lowers)
    TRY(sys::landlock_allow(rules, lower, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR));
  return sys::landlock_restrict(rules);
}

constexpr uint64_t kCapabilities = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH |
                                   1U << CAP_FOWNER | 1U << CAP_FSETID | 1U << CAP_MKNOD |
                                   1U << CAP_SYS_ADMIN |  // trusted.* attributes
                                   uint64_t{1} << CAP_SETFCAP | uint64_t{1} << CAP_MAC_ADMIN;

// Descriptors 0 to 2 stay: a failed assertion writes to the last of them.
Result<> close_others(const View& view, Fd socket) {
  std::vector<unsigned> keep = {0, 1, 2};
  for (const Fd fd : {socket, view.target}) keep.push_back(static_cast<unsigned>(fd.raw()));
  for (const Fd lower : view.lowers) keep.push_back(static_cast<unsigned>(lower.raw()));
  for (const Fd other : view.others) keep.push_back(static_cast<unsigned>(other.raw()));
  std::sort(keep.begin(), keep.end());
  unsigned next = 0;
  for (const unsigned kept : keep) {
    if (kept > next) TRY(sys::close_range(next, kept - 1, 0));
    next = kept + 1;
  }
  return sys::close_range(next, ~0U, 0);
}

Result<> enter(const View& view, Fd socket, pid_t parent) {
  TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
  if (::getppid() != parent) ::_exit(1);  // it was quicker
  TRY(sys::prctl(PR_SET_NO_NEW_PRIVS, 1));
  const Result<> closed = close_others(view, socket);
  if (!closed.ok() && closed.error().errnum != ENOSYS) return closed.error();  // before Linux 5.9
  TRY(sys::fchdir(view.target));
  const Result<> rooted = sys::chroot(".");
  if (!rooted.ok() && rooted.error().errnum != EPERM) return rooted.error();
  TRY(lock_files(view));
  TRY(sys::limit_capabilities(kCapabilities));
  sys::umask(0);
  return {};
}

[[noreturn]] void child(const View& view, const Body& body, Fd socket, pid_t parent) {
  const auto all = [&]() -> Result<std::string> {
    TRY(enter(view, socket, parent).within("entering the jail"));
    return body(view);
  };
  Result<std::string> result = all();
  const std::string last = result.ok() ? str::cat(kResult, result.value()) : encode(result.error());
  const Result<> sent = sys::send(socket, last);
  ::_exit(sent.ok() ? 0 : 1);
}

// ---- in the caller ----

Error died(int status) {
  if (!WIFSIGNALED(status))
    return Error(Kind::os,
                 str::cat("the unpacking process ended with status ", WEXITSTATUS(status), " and no result"));
  const int signal = WTERMSIG(status);
  return Error(Kind::os, str::cat("the unpacking process was ended by signal ", signal,
                                  signal == SIGKILL ? ": perhaps there is not enough memory" : ""));
}

Result<std::string> decode_last(const std::string& text) {
  if (text[0] == kResult) return text.substr(1);
  if (text[0] == kError) return decode(std::string_view(text).substr(1));
  return Error(Kind::protocol, "the unpacking process spoke nonsense");
}

}  // namespace

bool alone() {
  // /proc/self/task has a directory for each thread, and so many links more than two.
  const Result<struct stat> tasks = sys::fstatat(Fd::cwd(), "/proc/self/task", 0);
  return !tasks.ok() || tasks.value().st_nlink <= 3;
}

Result<Child> Child::start(const View& view, const Body& body) {
  Result<Detached> made = detach_all(view);
  const bool detached = made.ok();
  if (!detached) logs::debug("unpacking without detached mounts: ", made.error().message);
  if (sys::landlock_version() < 2)
    logs::debug("unpacking without Landlock: the kernel does not have version 2 of it");
  const View& inside = detached ? made.value().view : view;

  sys::SocketPair ends = TRY(sys::socketpair(SOCK_SEQPACKET));
  const pid_t parent = ::getpid();
  const pid_t pid = TRY(sys::fork());
  if (pid == 0) child(inside, body, ends.right, parent);
  return Child(pid, std::move(ends.left));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

Child::~Child() {
  if (pid_ > 0) (void)reap();
}

// Whatever it is at: a child that has said its last word is not waited for longer than it takes to end it.  One that
// has ended by itself keeps its status.
int Child::reap() {
  (void)sys::kill(pid_, SIGKILL);
  const Result<std::optional<int>> status = sys::waitpid(pid_, 0);
  pid_ = -1;
  return status.ok() ? status.value().value_or(0) : 0;
}

std::optional<Result<std::string>> Child::poll() {
  pollfd ready{.fd = socket_.get().raw(), .events = POLLIN, .revents = 0};
  const Result<int> polled = sys::poll(std::span(&ready, 1), 0);
  if (polled.ok() && polled.value() == 0) return std::nullopt;
  const Result<sys::Message> last = sys::receive(socket_, kMessage + 64);
  const int status = reap();
  if (!last.ok()) return last.error();
  if (last.value().data.empty()) return died(status);
  return decode_last(last.value().data);
}

}  // namespace jail
