#include "runtime/life/state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "spec/base/file.h"
#include "spec/base/sys.h"

// A process object with Docker's seccomp profile is some 60 KiB.  What is larger would be written, and never read again:
// a configuration can be half as long, but control characters become six in JSON.
static constexpr size_t kStateLimit = 8 << 20;
static constexpr const char* kStateFile = "state.json";
static constexpr const char* kExecFile = "exec.json";

namespace state_dirs {

Result<> check_id(std::string_view id) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
  if (id.empty()) return Error(Kind::invalid, "the container id is empty");
  if (id.size() > NAME_MAX)
    return Error(Kind::invalid, str::cat("the container id is longer than ", NAME_MAX, " bytes"));
  if (id == "." || id == ".." || id.find_first_not_of(kAllowed) != std::string_view::npos)
    return Error(Kind::invalid,
                 str::cat("'", str::printable(id),
                          "' cannot be a container id: it is made of letters, digits and _ + - ."));
  return {};
}

static Error no_container(std::string_view id) {
  return Error(Kind::not_found,
               str::cat("container '", id, "' does not exist; `runtime list` shows those that do"));
}

static Result<> check_root(const std::string& root) {
  if (!root.empty()) return {};
  return Error(Kind::invalid, "there is no place for the state: set XDG_RUNTIME_DIR, or give --root DIR");
}

static Error no_right(const std::string& root) {
  return Error(Kind::denied, EACCES,
               str::cat("no right to make state folder '", root,
                        "', or to look into it; run it as root, or give a --root of your own"));
}

Result<UniqueFd> open_root(const std::string& root) {
  TRY(check_root(root));
  auto opened = sys::open(root.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened.ok()) return opened;
  if (opened.error().errnum == ENOENT)
    return Error(Kind::not_found, ENOENT, str::cat("state folder '", root, "' does not exist"));
  if (opened.error().errnum == EACCES) return no_right(root);
  return std::move(opened).within("state folder '", root, "'");
}

Result<std::vector<std::string>> list(const std::string& root) {
  std::vector<std::string> ids;
  auto opened = open_root(root);
  if (!opened.ok() && opened.error().kind == Kind::not_found) return ids;
  const UniqueFd dir = TRY(std::move(opened));
  for (sys::Entry& entry : TRY(sys::list(dir).within("state folder '", root, "'")))
    if (entry.type == DT_DIR && check_id(entry.name).ok()) ids.push_back(std::move(entry.name));
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Mostly one read(2) between open and close: the size need not be asked for.
static Result<std::string> read_state(Fd root, const std::string& id) {
  auto opened = sys::openat(root, str::cat(id, "/", kStateFile).c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (!opened.ok() && opened.error().errnum == ENOENT) return Error(Kind::not_found, "");
  const UniqueFd file = TRY(std::move(opened));
  char text[4096];
  const size_t size = TRY(sys::read(file, text, sizeof text));
  if (size < sizeof text) return std::string(text, size);
  return std::string(text, size) + TRY(files::read(file, kStateLimit));
}

Result<oci::State> peek(Fd root, const std::string& id) {
  auto text = read_state(root, id);
  if (!text.ok() && text.error().kind == Kind::not_found) return no_container(id);
  return oci::parse_listed(TRY(std::move(text).within("container '", id, "'")))
      .within("container '", id, "'");
}

bool exists(Fd root, const std::string& id) {
  return sys::fstatat(root, str::cat(id, "/", kStateFile).c_str(), AT_SYMLINK_NOFOLLOW).ok();
}

Result<> make_root(const std::string& root) {
  for (size_t at = root.find('/', 1); at != std::string::npos; at = root.find('/', at + 1)) {
    auto made = sys::mkdirat(Fd::cwd(), root.substr(0, at).c_str(), 0755);
    if (!made.ok() && made.error().errnum != EEXIST) return made;
  }
  auto made = sys::mkdirat(Fd::cwd(), root.c_str(), 0700);
  if (!made.ok()) return made.error().errnum == EEXIST ? Result<>() : std::move(made);
  return sys::fchmodat(Fd::cwd(), root.c_str(), 01700);
}

}  // namespace state_dirs

using namespace state_dirs;

StateDir::~StateDir() { unlock(); }

void StateDir::unlock() {
  if (std::exchange(locked_, false) && dir_.valid())
    (void)sys::flock(dir_, LOCK_UN);  // it would end with the last copy of the descriptor
}

Result<StateDir> StateDir::claim(const std::string& root, std::string_view id) {
  TRY(check_id(id));
  std::string name(id);
  TRY(check_root(root));
  Result<> root_made = make_root(root);
  if (!root_made.ok() && root_made.error().errnum == EACCES) return no_right(root);
  TRY(std::move(root_made).within("making state folder '", root, "'"));
  UniqueFd parent = TRY(open_root(root));
  auto made = sys::mkdirat(parent, name.c_str(), 0711);
  if (!made.ok() && made.error().errnum == EEXIST)
    return Error(
        Kind::conflict, EEXIST,
        str::cat("container '", id, "' already exists; delete it first with `runtime delete ", id, "`"));
  TRY(std::move(made).within("container '", id, "'"));
  UniqueFd dir = TRY(sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  StateDir claimed(std::move(name), std::move(parent), std::move(dir));
  auto locked = claimed.lock();
  if (!locked.ok() && locked.error().kind == Kind::not_found)
    return Error(Kind::conflict, str::cat("container '", id, "' was deleted while it was being created"));
  TRY(std::move(locked));
  return claimed;
}

Result<StateDir> StateDir::open(const std::string& root, std::string_view id) {
  TRY(check_id(id));
  std::string name(id);
  auto parent = open_root(root);
  if (!parent.ok() && parent.error().kind == Kind::not_found) return no_container(id);
  UniqueFd root_fd = TRY(std::move(parent));
  auto dir = sys::openat(root_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!dir.ok() && dir.error().errnum == ENOENT) return no_container(id);
  UniqueFd dir_fd = TRY(std::move(dir).within("container '", id, "'"));
  return StateDir(std::move(name), std::move(root_fd), std::move(dir_fd));
}

Result<> StateDir::lock(int64_t wait_ms) {
  auto taken = files::lock(dir_, files::Lock::exclusive, wait_ms);
  if (!taken.ok() && taken.error().kind == Kind::conflict)
    return Error(Kind::conflict, str::cat("container '", id_,
                                          "' is busy: another command has been working on it for more than ",
                                          wait_ms, " ms"));
  TRY(std::move(taken).within("locking container '", id_, "'"));
  locked_ = true;
  // Whoever held it may have removed it.
  if (TRY(sys::fstat(dir_)).st_nlink == 0) return no_container(id_);
  return {};
}

Result<oci::State> StateDir::load() const {
  auto text = files::read(dir_, kStateFile, kStateLimit);
  if (!text.ok() && text.error().kind == Kind::not_found)
    return Error(Kind::not_found,
                 str::cat("container '", id_, "' does not exist: its creation has not finished; ",
                          "if it was interrupted, `runtime delete ", id_, "` clears the name"));
  return oci::parse_state(TRY(std::move(text).within("container '", id_, "'")))
      .within("container '", id_, "'");
}

static Result<> save_file(Fd dir, const char* name, const std::string& text) {
  if (text.size() <= kStateLimit) return files::replace(dir, name, text, 0600);
  return Error(Kind::invalid, str::cat("'", name, "' would be larger than ", kStateLimit,
                                       " bytes; config.json has too much in annotations, hooks or process"));
}

Result<> StateDir::save(const oci::State& state) const {
  return save_file(dir_, kStateFile, oci::encode(state)).within("saving the state of container '", id_, "'");
}

Result<oci::ExecDefaults> StateDir::load_exec_defaults() const {
  const std::string text = TRY(files::read(dir_, kExecFile, kStateLimit).within("container '", id_, "'"));
  return oci::parse_exec_defaults(text).within("container '", id_, "'");
}

Result<> StateDir::save_exec_defaults(const oci::ExecDefaults& defaults) const {
  return save_file(dir_, kExecFile, oci::encode(defaults))
      .within("saving the state of container '", id_, "'");
}

Result<> StateDir::forget() {
  const auto entries = TRY(sys::list(dir_).within("container '", id_, "'"));
  for (const sys::Entry& entry : entries)
    if (entry.name != kStateFile)
      TRY(sys::unlinkat(dir_, entry.name.c_str(), entry.type == DT_DIR ? AT_REMOVEDIR : 0)
              .within("removing container '", id_, "'"));
  auto state = sys::unlinkat(dir_, kStateFile, 0);
  if (!state.ok() && state.error().errnum != ENOENT)
    return std::move(state).within("removing container '", id_, "'");
  return sys::unlinkat(root_, id_.c_str(), AT_REMOVEDIR).within("removing container '", id_, "'");
}
