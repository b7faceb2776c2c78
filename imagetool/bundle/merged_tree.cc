#include "imagetool/bundle/merged_tree.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace {

constexpr int kMostLinks = 40;  // the kernel's own limit

bool is_whiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0); }

// Whether this directory of a layer hides what the layers below have of it.
bool is_opaque(Fd directory) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    const Result<std::string> value = sys::fgetxattr(directory, name);
    if (value.ok() && value.value() == "y") return true;
  }
  return false;
}

bool is_overlay_attribute(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

Result<UniqueFd> open_directory(Fd parent, const char* name) {
  return sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Owner, mode, times and xattrs, in the order in which they do not undo each other (a chown clears set-user-id and
// security.capability).
Result<> copy_attributes(Fd from, Fd to, bool owners) {
  const struct stat st = TRY(sys::fstat(from));
  if (owners) TRY(sys::fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH));
  TRY(sys::fchmod(to, st.st_mode & 07777));
  const Result<std::vector<std::string>> names = sys::flistxattr(from);
  if (!names.ok() && names.error().errnum != ENOTSUP) return names.error();
  for (const std::string& name : names.ok() ? names.value() : std::vector<std::string>()) {
    if (is_overlay_attribute(name) || name == "security.selinux")
      continue;  // a label is of the place, not of the file
    const std::string value = TRY(sys::fgetxattr(from, name.c_str()));
    TRY(sys::fsetxattr(to, name.c_str(), value));
  }
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  return sys::utimensat(Fd::cwd(), to.proc_path().c_str(), times, 0);
}

}  // namespace

// What copying a tree remembers on its way.
struct MergedTree::Copy {
  bool owners = false;  // whether the caller may give files away
  Fd top;               // where the copy begins
  int depth = 0;
  std::string here;  // the directory being copied, relative to `top`, with a '/' at its end unless it is ""
  std::map<std::pair<dev_t, ino_t>, std::string>
      linked;  // files with several names: the first copy, below `top`
};

Result<MergedTree> MergedTree::open(const std::vector<std::string>& layers) {
  MergedTree tree;
  tree.root_ = std::make_shared<Directory>();
  for (const std::string& layer : layers) {
    UniqueFd dir = TRY(sys::open(layer.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const bool opaque = is_opaque(dir);
    tree.root_->push_back(std::move(dir));
    if (opaque) break;
  }
  return tree;
}

Result<MergedTree::Found> MergedTree::look_up(const Directory& in, const std::string& name) {
  Found found;
  for (const UniqueFd& layer : in) {
    UniqueFd entry;
    if (Result<UniqueFd> opened = sys::openat(layer, name.c_str(), O_PATH | O_NOFOLLOW); opened.ok())
      entry = std::move(opened).take();
    else if (opened.error().errnum == ENOENT)
      continue;
    else
      return opened.take_error();
    const struct stat st = TRY(sys::fstat(entry));
    if (is_whiteout(st)) break;
    if (!S_ISDIR(st.st_mode)) {
      if (!found.directory) {
        found.file = std::move(entry);
        found.mode = st.st_mode;
      }
      break;
    }
    if (!found.directory) {
      found.directory = std::make_shared<Directory>();
      found.mode = st.st_mode;
    }
    found.directory->push_back(TRY(open_directory(layer, name.c_str())));
    if (is_opaque(found.directory->back())) break;
  }
  return found;
}

Result<MergedTree::Found> MergedTree::resolve(std::string_view path) const {
  std::vector<std::shared_ptr<Directory>> way = {root_};
  std::vector<std::string> left;  // components still to come, the next one last
  const auto push = [&left](std::string_view more) {
    const std::vector<std::string_view> parts = str::split(more, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
      if (!part->empty() && *part != ".") left.emplace_back(*part);
  };
  push(path);
  int links = 0;
  while (!left.empty()) {
    const std::string name = std::move(left.back());
    left.pop_back();
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    Found found = TRY(look_up(*way.back(), name));
    if (found.directory) {
      way.push_back(std::move(found.directory));
      continue;
    }
    if (!found.file.valid()) return Found{};
    if (!S_ISLNK(found.mode)) {
      if (left.empty()) return found;
      return Found{};  // a file where a directory would have to be: nothing is below it
    }
    if (++links > kMostLinks)
      return Error(Kind::invalid, str::cat("too many symbolic links in '", path, "'"));
    const std::string target = TRY(sys::readlinkat(found.file, ""));
    if (target.starts_with('/')) way.resize(1);
    push(target);
  }
  Found result;
  result.directory = way.back();
  result.mode = S_IFDIR;
  return result;
}

Result<std::optional<std::string>> MergedTree::read_file(std::string_view path, size_t limit) const {
  const Found found = TRY(resolve(path));
  if (!found.directory && !found.file.valid()) return std::optional<std::string>();
  // Asked before it is opened: to open a device or a fifo may do something.
  if (!S_ISREG(found.mode))
    return Error(Kind::invalid, str::cat("'", path, "' in the image is not a regular file"));
  const UniqueFd file = TRY(sys::open(found.file.get().proc_path().c_str(), O_RDONLY | O_NONBLOCK));
  std::string text;
  char piece[4096];
  while (const size_t n = TRY(sys::read(file, piece, sizeof piece))) {
    text.append(piece, n);
    if (text.size() > limit)
      return Error(Kind::invalid, str::cat("'", path, "' in the image is larger than ", limit, " bytes"));
  }
  return std::optional<std::string>(std::move(text));
}

Result<bool> MergedTree::copy_directory(std::string_view path, Fd into) const {
  const Found found = TRY(resolve(path));
  if (!found.directory || found.directory->empty()) return false;
  Copy copy;
  copy.owners = ::geteuid() == 0;
  copy.top = into;
  TRY(copy_entries(*found.directory, into, copy));
  TRY(copy_attributes(found.directory->front(), into, copy.owners));
  return true;
}

Result<> MergedTree::copy_root_attributes(Fd into) const {
  if (root_->empty()) return {};
  return copy_attributes(root_->front(), into, ::geteuid() == 0);
}

Result<> MergedTree::copy_entries(const Directory& from, Fd into, Copy& copy) {
  if (++copy.depth > limits::kTreeDepth)
    return Error(Kind::unsupported, "directories are nested too deeply to be copied");
  std::set<std::string> names;
  for (const UniqueFd& layer : from)
    for (sys::Entry& entry : TRY(sys::list(layer))) names.insert(std::move(entry.name));
  for (const std::string& name : names)
    TRY(copy_entry(from, name, into, copy).within("copying '", str::printable(name), "'"));
  --copy.depth;
  return {};
}

Result<> MergedTree::copy_entry(const Directory& from, const std::string& name, Fd into, Copy& copy) {
  const Found found = TRY(look_up(from, name));
  if (found.directory) {
    TRY(sys::mkdirat(into, name.c_str(), 0700));
    const UniqueFd to = TRY(open_directory(into, name.c_str()));
    copy.here += name + "/";
    TRY(copy_entries(*found.directory, to, copy));
    copy.here.resize(copy.here.size() - name.size() - 1);
    return copy_attributes(found.directory->front(), to, copy.owners);
  }
  if (!found.file.valid()) return {};  // hidden by a whiteout
  return copy_file(found, name, into, copy);
}

Result<> MergedTree::copy_file(const Found& found, const std::string& name, Fd into, Copy& copy) {
  const struct stat st = TRY(sys::fstat(found.file));
  if (st.st_nlink > 1) {
    std::string& first = copy.linked[{st.st_dev, st.st_ino}];
    if (!first.empty()) return sys::linkat(copy.top, first.c_str(), into, name.c_str(), 0);
    first = copy.here + name;
  }
  if (S_ISLNK(st.st_mode)) {
    TRY(sys::symlinkat(TRY(sys::readlinkat(found.file, "")).c_str(), into, name.c_str()));
  } else if (!S_ISREG(st.st_mode)) {
    TRY(sys::mknodat(into, name.c_str(), st.st_mode, st.st_rdev));
  }
  if (!S_ISREG(st.st_mode)) {
    if (copy.owners) TRY(sys::fchownat(into, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW));
    if (!S_ISLNK(st.st_mode)) TRY(sys::fchmodat(into, name.c_str(), st.st_mode & 07777));
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    return sys::utimensat(into, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  const UniqueFd source = TRY(sys::open(found.file.get().proc_path().c_str(), O_RDONLY));
  const UniqueFd to = TRY(sys::openat(into, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(files::copy(source, to));
  return copy_attributes(source, to, copy.owners);
}
