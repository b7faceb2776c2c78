#include "imagetool/layers/compare.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <utility>

#include "imagetool/layers/tree.h"
#include "spec/base/cursor.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace layer {

namespace {

constexpr size_t kMostTold = 8;
constexpr size_t kPiece = 256 << 10;
constexpr off_t kNoMore = std::numeric_limits<off_t>::max();

using Names = std::vector<std::string>;
using Identity = std::pair<dev_t, ino_t>;

Identity identity(const struct stat& st) { return {st.st_dev, st.st_ino}; }

std::string octal(mode_t mode) {
  std::string text = "0000";
  for (size_t i = 4; i-- > 0; mode >>= 3) text[i] = static_cast<char>('0' + (mode & 7));
  return text;
}

bool same_time(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

Result<Names> sorted_names(Fd dir) {
  Names names;
  for (sys::Entry& entry : TRY(sys::list(dir))) names.push_back(std::move(entry.name));
  std::sort(names.begin(), names.end());
  return names;
}

// All attributes of `name` in `dir`, a link's own too: by /proc, since no descriptor of a link will do.
Result<std::map<std::string, std::string>> attributes_of(Fd dir, const std::string& name) {
  std::map<std::string, std::string> found;
  const std::string path = str::cat(dir.proc_path(), "/", name);
  const Result<std::vector<std::string>> names = sys::llistxattr(path.c_str());
  if (!names.ok() && names.error().errnum == ENOTSUP) return found;
  if (!names.ok()) return names.error();
  for (const std::string& attribute : names.value()) {
    if (attribute == "security.selinux" || attribute == "security.SMACK64") continue;
    const Result<std::string> value = sys::lgetxattr(path.c_str(), attribute.c_str());
    found[attribute] = value.ok() ? value.value() : std::string();  // listed, and not for us
  }
  return found;
}

// Where the next data is, from `from` on.
Result<off_t> next_data(Fd file, off_t from) {
  Result<off_t> at = sys::lseek(file, from, SEEK_DATA);
  if (!at.ok() && at.error().errnum == ENXIO) return kNoMore;
  return at;
}

// To ask for holes may wait until the file is on the disk (ext4), so only those are asked for that have some.
bool has_holes(const struct stat& st) { return st.st_blocks * 512 < st.st_size; }

Result<bool> same_content(Fd a, Fd b, bool holes) {
  std::string left(kPiece, '\0'), right(kPiece, '\0');
  for (off_t at = 0;;) {
    if (holes) at = std::min(TRY(next_data(a, at)), TRY(next_data(b, at)));
    if (at == kNoMore) return true;
    const size_t n = TRY(sys::pread(a, left.data(), kPiece, at));
    const size_t m = TRY(sys::pread(b, right.data(), kPiece, at));
    if (n != m || !std::equal(left.begin(), left.begin() + static_cast<ptrdiff_t>(n), right.begin()))
      return false;
    if (n == 0) return true;
    at += static_cast<off_t>(n);
  }
}

class Compare {
 public:
  Compare(path::Cursor expected, path::Cursor found)
      : expected_(std::move(expected)), found_(std::move(found)) {}

  Result<Comparison> run() {
    (void)TRY(entry("."));  // both are directories
    TRY(look_around());
    for (;;) {
      if (!left_.back().empty()) {
        const std::string name = std::move(left_.back().back());
        left_.back().pop_back();
        TRY(descend(name));
        continue;
      }
      left_.pop_back();
      if (left_.empty()) return std::move(result_);
      TRY(expected_.up());
      TRY(found_.up());
      here_.resize(here_.find_last_of('/', here_.size() - 2) + 1);
    }
  }

 private:
  template <class... Parts>
  void differs(const std::string& name, const Parts&... parts) {
    if (++result_.count > kMostTold) return;
    const std::string path = name == "." ? "/" : here_ + name;
    result_.differences.push_back(str::cat("'", str::printable(path), "' ", parts...));
  }

  Result<> descend(const std::string& name) {
    const Result<> down = expected_.down(name);
    const Result<> other = down.ok() ? found_.down(name) : Result<>();
    if (!down.ok() || !other.ok()) {
      if (down.ok()) TRY(expected_.up());
      const Error& error = down.ok() ? other.error() : down.error();
      if (error.errnum != EACCES) return error;
      ++result_.unreadable;
      return {};
    }
    here_ += name + "/";
    return look_around();
  }

  // Compares what is in the two directories, and notes the directories that both have.
  Result<> look_around() {
    const Names expected = TRY(sorted_names(expected_.here())), found = TRY(sorted_names(found_.here()));
    Names missing, foreign, both;
    std::ranges::set_difference(expected, found, std::back_inserter(missing));
    std::ranges::set_difference(found, expected, std::back_inserter(foreign));
    std::ranges::set_intersection(expected, found, std::back_inserter(both));
    for (const std::string& name : missing) differs(name, "is missing");
    for (const std::string& name : foreign) differs(name, "does not belong there");
    Names directories;
    for (std::string& name : both)
      if (TRY(entry(name))) directories.push_back(std::move(name));
    left_.push_back(std::move(directories));
    return {};
  }

  // True: a directory in both.
  Result<bool> entry(const std::string& name) {
    const struct stat want = TRY(sys::fstatat(expected_.here(), name.c_str(), AT_SYMLINK_NOFOLLOW));
    const struct stat have = TRY(sys::fstatat(found_.here(), name.c_str(), AT_SYMLINK_NOFOLLOW));
    if ((want.st_mode & S_IFMT) != (have.st_mode & S_IFMT)) {
      differs(name, "is of another type");
      return false;
    }
    const mode_t wanted = want.st_mode & 07777, mode = have.st_mode & 07777;
    if (mode != wanted) differs(name, "has another mode: ", octal(mode), " instead of ", octal(wanted));
    if (want.st_uid != have.st_uid || want.st_gid != have.st_gid)
      differs(name, "has another owner: ", have.st_uid, ":", have.st_gid, " instead of ", want.st_uid, ":",
              want.st_gid);
    // overlayfs's whiteouts are no files of the image's, and have the time at which they were made.
    const bool hides = layer::is_whiteout(want) && layer::is_whiteout(have);
    if (!hides && !same_time(want.st_mtim, have.st_mtim)) differs(name, "has another time of modification");
    if (TRY(attributes_of(expected_.here(), name)) != TRY(attributes_of(found_.here(), name)))
      differs(name, "has other extended attributes");
    if (S_ISDIR(want.st_mode)) return true;
    const bool seen = linked_.contains(identity(want));
    check_links(name, want, have);
    if (!seen) TRY(contents(name, want, have));
    return false;
  }

  // Names of one file in one tree have to be names of one file in the other.
  void check_links(const std::string& name, const struct stat& want, const struct stat& have) {
    if (want.st_nlink < 2 && have.st_nlink < 2) return;
    const auto there = linked_.emplace(identity(want), identity(have)).first;
    const auto back = linked_back_.emplace(identity(have), identity(want)).first;
    if (there->second != identity(have) || back->second != identity(want) || want.st_nlink != have.st_nlink)
      differs(name, "is not linked with the same names");
  }

  Result<> contents(const std::string& name, const struct stat& want, const struct stat& have) {
    const char* file = name.c_str();
    if (S_ISLNK(want.st_mode)) {
      if (TRY(sys::readlinkat(expected_.here(), file)) != TRY(sys::readlinkat(found_.here(), file)))
        differs(name, "is a link to somewhere else");
    } else if (!S_ISREG(want.st_mode)) {
      if (want.st_rdev != have.st_rdev) differs(name, "is another device");
    } else if (want.st_size != have.st_size) {
      differs(name, "has ", have.st_size, " bytes instead of ", want.st_size);
    } else {
      constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
      const Result<UniqueFd> a = sys::openat(expected_.here(), file, kFlags);
      const Result<UniqueFd> b = sys::openat(found_.here(), file, kFlags);
      if (!a.ok() || !b.ok()) {
        const Error& error = a.ok() ? b.error() : a.error();
        if (error.errnum != EACCES) return error;
        ++result_.unreadable;
      } else {
        const Result<bool> same = same_content(a.value(), b.value(), has_holes(want) || has_holes(have));
        if (!same.ok()) differs(name, "cannot be read: ", same.error().message);
        if (same.ok() && !same.value()) differs(name, "has another content");
      }
    }
    return {};
  }

  path::Cursor expected_, found_;
  std::string here_;         // relative to the top, with a '/' at its end unless it is ""
  std::vector<Names> left_;  // directories to visit, for each level
  std::map<Identity, Identity> linked_, linked_back_;  // files with several names
  Comparison result_;
};

}  // namespace

Result<Comparison> compare(Fd expected, Fd found) {
  path::Cursor left = TRY(path::Cursor::at(expected)), right = TRY(path::Cursor::at(found));
  return Compare(std::move(left), std::move(right)).run();
}

}  // namespace layer
