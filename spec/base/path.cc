#include "spec/base/path.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "spec/base/sys.h"

namespace path {

namespace {

constexpr int kMostLinks = 40;      // as the kernel's MAXSYMLINKS
constexpr int kMostAttempts = 128;  // of one component that somebody else keeps changing
constexpr size_t kDeepest = 64;     // descriptors remove_tree holds before it flattens

// A NUL-terminated copy of a path on the stack.
struct Name {
  char text[PATH_MAX];
  explicit Name(std::string_view s) {  // precondition: acceptable(s)
    std::memcpy(text, s.data(), s.size());
    text[s.size()] = '\0';
  }
};

bool acceptable(std::string_view s) { return s.size() < PATH_MAX && s.find('\0') == std::string_view::npos; }

Error failure(std::string_view relative, int err) {
  const std::string name = str::cat(
      "'/", str::printable(relative.substr(std::min(relative.find_first_not_of('/'), relative.size()))), "'");
  if (err == ENOENT) return Error(Kind::not_found, ENOENT, str::cat(name, " does not exist"));
  if (err == ELOOP)
    return Error(Kind::os, ELOOP,
                 str::cat(name, " is or leads through a symbolic link that may not be followed here"));
  if (err == ENOTDIR)
    return Error(Kind::os, ENOTDIR,
                 str::cat(name, " is not a directory, or leads through something that is none"));
  return Error::os(name, err);
}

Result<> check(std::string_view relative) {
  if (relative.size() >= PATH_MAX) return failure(relative.substr(0, 64), ENAMETOOLONG);
  if (!acceptable(relative)) return failure(relative, EINVAL);
  return {};
}

// What the last component is wanted for.
struct Goal {
  enum class Last { open, make_file, make_dir };
  Last last = Last::open;
  int flags = O_PATH;
  mode_t mode = 0;         // of what is made at the end of the way
  bool make_dirs = false;  // missing directories on the way are made
  mode_t dir_mode = 0755;
};

// Walks one component at a time on O_PATH|O_NOFOLLOW descriptors.  stack_ is the way from the root (which is borrowed
// and not in it) to here; components still to be walked wait in todo_, nearest last.
class Walk {
 public:
  Walk(Fd root, Links links, const Goal& goal) : root_(root), links_(links), goal_(goal) {}

  Result<UniqueFd> run(std::string_view relative) {
    push(relative);
    for (int attempts = 0; !todo_.empty(); ++attempts) {
      if (attempts > kMostAttempts + PATH_MAX) return failure(relative, ELOOP);
      const std::string part = std::move(todo_.back());
      todo_.pop_back();
      if (part == "..") {
        if (!stack_.empty()) stack_.pop_back();
        continue;
      }
      if (todo_.empty() && !directory_wanted_ && goal_.last != Goal::Last::make_dir) {
        UniqueFd found;
        const int err = open_last(part, found);
        if (err == 0) return found;
        if (err == kAgain) continue;
        return failure(relative, err);
      }
      if (const int err = enter(part); err != 0 && err != kAgain) return failure(relative, err);
    }
    return reopen(relative);
  }

 private:
  static constexpr int kAgain = -1;  // todo_ holds what to try next

  [[nodiscard]] Fd here() const { return stack_.empty() ? root_ : stack_.back().get(); }

  // Adds the components of `text` in front of what is to be walked.  A trailing slash asks for a directory.
  void push(std::string_view text) {
    const bool slash = text.ends_with('/') || text.ends_with("/.") || text == ".";
    if (todo_.empty() && slash) directory_wanted_ = true;
    const std::vector<std::string_view> parts = str::split(text, '/');
    for (size_t i = parts.size(); i-- > 0;)
      if (!parts[i].empty() && parts[i] != ".") todo_.emplace_back(parts[i]);
  }

  // 0: descended into the directory `part`; kAgain: it was a link, which is now to be walked; else errno.
  int enter(const std::string& part) {
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      Result<UniqueFd> next = sys::openat(here(), part.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY);
      if (next.ok()) {
        stack_.push_back(std::move(next).take());
        return 0;
      }
      const int err = next.error().errnum;
      if (err == ENOENT && goal_.make_dirs) {
        const Result<> made = sys::mkdirat(here(), part.c_str(), goal_.dir_mode);
        if (!made.ok() && made.error().errnum != EEXIST) return made.error().errnum;
        continue;
      }
      if (err != ENOTDIR && err != ELOOP) return err;
      const int followed = follow(part);
      if (followed == EINVAL) return ENOTDIR;
      if (followed != ENOENT) return followed;  // ENOENT: it went away between the two calls
    }
    return EAGAIN;
  }

  // Opens the last component as goal_ says.
  int open_last(const std::string& part, UniqueFd& found) {
    const bool exclusive = (goal_.flags & O_CREAT) && (goal_.flags & O_EXCL);
    if (!(goal_.flags & O_NOFOLLOW) && !exclusive) {
      const int followed = follow(part);
      if (followed != EINVAL && followed != ENOENT) return followed;
      // mknod, not open: what appears there meanwhile may be a fifo or a device, and stays untouched.
      if (followed == ENOENT && goal_.last == Goal::Last::make_file) {
        const Result<> made = sys::mknodat(here(), part.c_str(), S_IFREG | goal_.mode, 0);
        if (!made.ok() && made.error().errnum != EEXIST) return made.error().errnum;
      }
    }
    Result<UniqueFd> fd = sys::openat(here(), part.c_str(), goal_.flags | O_NOFOLLOW, goal_.mode);
    if (fd.ok()) {
      found = std::move(fd).take();
      // Somebody may have put a link there since: O_PATH|O_NOFOLLOW opens even that.
      if ((goal_.flags & O_PATH) && !(goal_.flags & O_NOFOLLOW) && is_link_fd(found)) return retry(part);
      return 0;
    }
    const int err = fd.error().errnum;
    if ((err == ELOOP || err == ENOTDIR) && !(goal_.flags & O_NOFOLLOW) && is_link(part)) return retry(part);
    return err;
  }

  int retry(const std::string& part) {
    todo_.push_back(part);
    return ++links_seen_ > kMostLinks ? ELOOP : kAgain;
  }

  // Replaces the link `part` by the components of its target: kAgain.  EINVAL: not a link.
  int follow(const std::string& part) {
    Result<std::string> target = sys::readlinkat(here(), part.c_str());
    if (!target.ok()) return target.error().errnum;
    if (links_ == Links::refuse || ++links_seen_ > kMostLinks || is_magic(target.value())) return ELOOP;
    if (target.value().empty()) return ENOENT;
    const bool absolute = target.value().front() == '/';
    push(target.value());
    if (absolute) stack_.clear();
    return kAgain;
  }

  // procfs's links to objects (exe, cwd, root, fd/*, ns/*, map_files/*) are absolute or look like "pipe:[12]";
  // its ordinary ones (self, mounts, net) are neither.
  [[nodiscard]] bool is_magic(std::string_view target) const {
    if (!target.starts_with('/') && target.find(':') == std::string_view::npos) return false;
    return sys::filesystem_magic(here()) == PROC_SUPER_MAGIC;
  }

  [[nodiscard]] bool is_link(const std::string& part) const {
    const Result<struct stat> st = sys::fstatat(here(), part.c_str(), AT_SYMLINK_NOFOLLOW);
    return st.ok() && S_ISLNK(st.value().st_mode);
  }
  static bool is_link_fd(Fd fd) {
    const Result<struct stat> st = sys::fstat(fd);
    return st.ok() && S_ISLNK(st.value().st_mode);
  }

  // The walk has ended in a directory (the root, after "..", after a trailing slash, or made by make_dirs).
  Result<UniqueFd> reopen(std::string_view relative) {
    if (goal_.flags & O_CREAT) return failure(relative, goal_.flags & O_EXCL ? EEXIST : EISDIR);
    Result<UniqueFd> fd = sys::openat(here(), ".", goal_.flags, goal_.mode);
    if (!fd.ok()) return failure(relative, fd.error().errnum);
    return fd;
  }

  const Fd root_;
  const Links links_;
  const Goal goal_;
  std::vector<UniqueFd> stack_;
  std::vector<std::string> todo_;
  bool directory_wanted_ = false;
  int links_seen_ = 0;
};

// The last component is cut off; trailing slashes do not count.
struct Split {
  std::string_view dir, name;
};
Split split_last(std::string_view relative) {
  while (relative.ends_with('/')) relative.remove_suffix(1);
  const size_t slash = relative.rfind('/');
  if (slash == std::string_view::npos) return {"", relative};
  return {relative.substr(0, slash + 1), relative.substr(slash + 1)};
}

Result<std::string_view> nameable(std::string_view relative, std::string_view name) {
  if (name.empty() || name == "." || name == "..")
    return Error(Kind::invalid, str::cat("'", str::printable(relative), "' does not end in a name"));
  return name;
}

}  // namespace

Result<UniqueFd> open(Fd root, std::string_view relative, int flags, mode_t mode, How how) {
  TRY(check(relative));
  if (how.resolver == Resolver::kernel) {
    const Name name(relative.find_first_not_of('/') == std::string_view::npos ? "." : relative);
    const uint64_t links = how.links == Links::refuse ? RESOLVE_NO_SYMLINKS : 0;
    const bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    const int all =
        flags & O_PATH ? flags : flags | O_NOCTTY;  // openat2 refuses what O_PATH makes meaningless
    Result<UniqueFd> fd = sys::openat2(root, name.text, static_cast<uint64_t>(all), creates ? mode : 0,
                                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | links);
    if (fd.ok()) return fd;
    const int err = fd.error().errnum;
    // EPERM: seccomp filters older than the call answer so; where the file system means it, the walk hears it again.
    if (err != ENOSYS && err != EPERM) return failure(relative, err);
  }
  return Walk(root, how.links, {.flags = flags, .mode = mode}).run(relative);
}

namespace {

// Where the last component alone is missing, as mostly: makes it without a walk.  Whatever is in the way is the walk's.
Result<UniqueFd> make_last_dir(Fd root, std::string_view relative, mode_t mode, How how) {
  const Split parts = split_last(relative);
  const std::string name(TRY(nameable(relative, parts.name)));
  const UniqueFd dir = TRY(open(root, parts.dir, O_PATH | O_DIRECTORY, 0, how));
  TRY(sys::mkdirat(dir, name.c_str(), mode));
  return sys::openat(dir, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY);
}

}  // namespace

Result<UniqueFd> make_dirs(Fd root, std::string_view relative, mode_t mode, How how) {
  Result<UniqueFd> there = open(root, relative, O_PATH | O_DIRECTORY, 0, how);
  if (there.ok() || there.error().errnum != ENOENT) return there;
  if (Result<UniqueFd> made = make_last_dir(root, relative, mode, how); made.ok()) return made;
  const Goal goal{
      .last = Goal::Last::make_dir, .flags = O_PATH | O_DIRECTORY, .make_dirs = true, .dir_mode = mode};
  return Walk(root, how.links, goal).run(relative);
}

Result<UniqueFd> make_file(Fd root, std::string_view relative, mode_t mode, How how) {
  Result<UniqueFd> there = open(root, relative, O_PATH, 0, how);
  if (!there.ok() && there.error().errnum == ENOENT) {
    const Goal goal{.last = Goal::Last::make_file, .flags = O_PATH, .mode = mode, .make_dirs = true};
    there = Walk(root, how.links, goal).run(relative);
  }
  if (!there.ok()) return there;
  const struct stat st = TRY(sys::fstat(there.value()));
  if (S_ISDIR(st.st_mode))
    return Error(Kind::os, EISDIR, str::cat("'/", str::printable(relative), "' is a directory"));
  return there;
}

Result<Parent> parent(Fd root, std::string_view relative, How how) {
  const Split parts = split_last(relative);
  const std::string_view name = TRY(nameable(relative, parts.name));
  UniqueFd dir = TRY(open(root, parts.dir, O_PATH | O_DIRECTORY, 0, how));
  return Parent{std::move(dir), std::string(name)};
}

Result<Parent> make_parent(Fd root, std::string_view relative, mode_t mode, How how) {
  const Split parts = split_last(relative);
  const std::string_view name = TRY(nameable(relative, parts.name));
  UniqueFd dir = TRY(make_dirs(root, parts.dir, mode, how));
  return Parent{std::move(dir), std::string(name)};
}

// ---- removing ----

namespace {

struct Level {
  UniqueFd dir;
  std::string name;  // in the level above
  std::vector<sys::Entry> todo;
};

class Removal {
 public:
  Removal(Mounts mounts, uint64_t mount) : mounts_(mounts), mount_(mount) {}

  // Empties the directory `base`, which must be open for reading.
  Result<> empty(UniqueFd base) {
    TRY(descend(std::move(base), ""));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.todo.empty()) {
        const std::string name = std::move(level.name);
        levels_.pop_back();
        if (!levels_.empty()) TRY(sys::unlinkat(levels_.back().dir, name.c_str(), AT_REMOVEDIR));
        continue;
      }
      const sys::Entry entry = std::move(level.todo.back());
      level.todo.pop_back();
      TRY(remove(level, entry));
    }
    return {};
  }

 private:
  Result<> descend(UniqueFd dir, std::string name) {
    std::vector<sys::Entry> todo = TRY(sys::list(dir));
    levels_.push_back({std::move(dir), std::move(name), std::move(todo)});
    return {};
  }

  Result<> remove(Level& level, const sys::Entry& entry) {
    if (entry.type != DT_DIR) {
      const Result<> gone = sys::unlinkat(level.dir, entry.name.c_str(), 0);
      if (gone.ok() || gone.error().errnum == ENOENT) return {};
      if (gone.error().errnum != EISDIR) return gone.error();
    }
    if (levels_.size() >= kDeepest) return lift(level, entry);
    UniqueFd dir = TRY(open_to_empty(level.dir, entry.name, mounts_, mount_));
    return descend(std::move(dir), entry.name);
  }

  // Too deep for the descriptors we want to hold: the directory moves up to the first level and waits there.
  Result<> lift(Level& level, const sys::Entry& entry) {
    Level& first = levels_.front();
    for (;;) {
      const std::string name = str::cat(".removing-", ++lifted_);
      const Result<> moved =
          sys::renameat2(level.dir, entry.name.c_str(), first.dir, name.c_str(), RENAME_NOREPLACE);
      if (!moved.ok() && moved.error().errnum == EEXIST) continue;
      if (!moved.ok()) return moved.error();
      first.todo.push_back({name, DT_DIR});
      return {};
    }
  }

 public:
  // The directory `name`, readable; its owner's rights are put back where they are missing.
  static Result<UniqueFd> open_to_empty(Fd parent, const std::string& name, Mounts mounts, uint64_t mount) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
    const UniqueFd handle = TRY(sys::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (mounts == Mounts::stay && TRY(sys::mount_id(handle)) != mount)
      return Error(Kind::os, EXDEV,
                   str::cat("'", str::printable(name), "' is a mount point; unmount it first"));
    const struct stat st = TRY(sys::fstat(handle));
    if ((st.st_mode & 0700) != 0700)  // without effect for root; for others the only way in
      (void)sys::fchmodat(Fd::cwd(), handle.get().proc_path().c_str(),
                          (st.st_mode & 07777) | 0700);  // else the next call tells
    return sys::openat(handle, ".", kFlags);
  }

 private:
  const Mounts mounts_;
  const uint64_t mount_;
  std::vector<Level> levels_;
  uint64_t lifted_ = 0;
};

}  // namespace

Result<> remove_tree(Fd dir, std::string_view name, Mounts mounts) {
  (void)TRY(nameable(name, name));
  if (name.find('/') != std::string_view::npos || !acceptable(name))
    return Error(Kind::invalid, str::cat("'", str::printable(name), "' is not the name of a file"));
  const std::string last(name);
  const Result<> gone = sys::unlinkat(dir, last.c_str(), 0);
  if (gone.ok() || gone.error().errnum == ENOENT) return {};
  if (gone.error().errnum != EISDIR) return gone.error();
  const uint64_t mount = TRY(sys::mount_id(dir));
  UniqueFd base = TRY(Removal::open_to_empty(dir, last, mounts, mount));
  TRY(Removal(mounts, mount).empty(std::move(base)).within("removing '", str::printable(name), "'"));
  return sys::unlinkat(dir, last.c_str(), AT_REMOVEDIR);
}

Result<> remove_contents(Fd dir, Mounts mounts) {
  UniqueFd base = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  const uint64_t mount = TRY(sys::mount_id(dir));
  return Removal(mounts, mount).empty(std::move(base));
}

}  // namespace path
