#include "runtime/concerns/workdir.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "spec/base/accounts.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace workdir {

namespace {

constexpr size_t kMostPasswd = 1 << 20;  // R9: an image chooses this file

struct Place {
  uint64_t mount;
  ino_t inode;
  bool operator==(const Place&) const = default;
};

Result<Place> place_of(Fd directory) {
  const uint64_t mount = TRY(sys::mount_id(directory));
  const struct stat st = TRY(sys::fstat(directory));
  return Place{mount, st.st_ino};
}

// Whether ".." leads from the working directory to the root.
Result<bool> climbs_to_root() {
  const UniqueFd top = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  const Place root = TRY(place_of(top));
  UniqueFd here = TRY(sys::open(".", O_PATH | O_DIRECTORY));
  for (Place place = TRY(place_of(here)); place != root;) {
    here = TRY(sys::openat(here, "..", O_PATH | O_DIRECTORY));
    const Place above = TRY(place_of(here));
    if (above == place) return false;
    place = above;
  }
  return true;
}

// getcwd(2) marks a directory that cannot be reached from the root; glibc's wrapper would hide it.  A seccomp filter
// that is loaded already may refuse the call: then the way up is gone step by step.
Result<> check_inside(const std::string& cwd) {
  char buffer[PATH_MAX + 32];
  const long n = ::syscall(SYS_getcwd, buffer, sizeof buffer);
  if (n > 0 && buffer[0] == '/') return {};
  if (n < 0 && errno != ENOENT && TRY(climbs_to_root().within("process.cwd: looking where '", cwd, "' is")))
    return {};
  return Error(Kind::invalid,
               str::cat("process.cwd: '", cwd, "' leads out of the container's root file system"));
}

// Only what this call has made gets an owner: a directory that was there, or appeared meanwhile in a volume that others
// share, keeps its own.  A dangling link and a path that ends in ".." lead to what make_dirs makes for them.
Result<> make(const std::string& cwd, uid_t uid, gid_t gid) {
  const UniqueFd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  const Result<path::Parent> parent = path::make_parent(root, cwd, 0755);
  const bool ours = parent.ok() && sys::mkdirat(parent.value().dir, parent.value().name.c_str(), 0755).ok();
  if (!ours) {
    (void)TRY(path::make_dirs(root, cwd, 0755));
    return {};
  }
  const UniqueFd made =
      TRY(sys::openat(parent.value().dir, parent.value().name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return sys::fchownat(made, "", uid, gid, AT_EMPTY_PATH);
}

std::string read_passwd() {
  std::string text;
  const Result<UniqueFd> root = sys::open("/", O_PATH | O_DIRECTORY);
  if (!root.ok()) return text;
  // Its links may not lead through /proc to what the process itself could not read.
  Result<UniqueFd> opened = path::open(root.value(), "etc/passwd", O_RDONLY | O_NONBLOCK);
  if (!opened.ok()) return text;
  const UniqueFd file = std::move(opened).take();
  const Result<struct stat> st = sys::fstat(file);
  if (!st.ok() || !S_ISREG(st.value().st_mode) || st.value().st_size > static_cast<off_t>(kMostPasswd))
    return text;
  text.resize(static_cast<size_t>(st.value().st_size));
  const Result<size_t> n = sys::pread(file, text.data(), text.size(), 0);
  text.resize(n.ok() ? n.value() : 0);
  return text;
}

}  // namespace

Result<> enter(const std::string& cwd) {
  if (cwd.empty()) return sys::chdir("/");
  Result<> entered = sys::chdir(cwd.c_str());
  if (!entered.ok() && entered.error().errnum == ENOENT)
    return Error(Kind::not_found, ENOENT,
                 str::cat("process.cwd: '", cwd, "' in the container: no such file or directory"));
  if (!entered.ok() && entered.error().errnum == ENOTDIR)
    return Error(Kind::invalid, ENOTDIR,
                 str::cat("process.cwd: '", cwd, "' in the container is, or leads through, a file"));
  // EACCES: perhaps the process's own user may enter it; enter_again tells.
  if (!entered.ok() && entered.error().errnum != EACCES) return std::move(entered).within("process.cwd");
  return check_inside(cwd);
}

Result<> make_and_enter(const std::string& cwd, uid_t uid, gid_t gid) {
  Result<> entered = enter(cwd);
  if (entered.ok() || entered.error().kind != Kind::not_found) return entered;
  TRY(make(cwd, uid, gid).within("process.cwd: '", cwd, "' does not exist and cannot be made"));
  return enter(cwd);
}

Result<> enter_again(const std::string& cwd) {
  if (cwd.empty()) return {};
  TRY(sys::chdir(cwd.c_str()).within("process.cwd: the user of the process cannot enter it"));
  return check_inside(cwd);
}

Result<> fill_home(plan::Process& process) {
  const auto is_home = [](const std::string& entry) { return entry.starts_with("HOME="); };
  const auto given = std::find_if(process.env.begin(), process.env.end(), is_home);
  if (given != process.env.end() && given->size() > 5) return {};
  const auto account = accounts::find(read_passwd(), process.uid);
  const std::string home = account ? account->home : std::string();
  std::string entry = str::cat("HOME=", home.empty() ? std::string_view("/") : std::string_view(home));
  if (given != process.env.end())
    *given = std::move(entry);
  else
    process.env.push_back(std::move(entry));
  return {};
}

}  // namespace workdir
