#include "imagetool/layers/tree.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "imagetool/layers/attributes.h"
#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace layer {

namespace {

constexpr size_t kMostLinks = 40;  // as the kernel's MAXSYMLINKS

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Result<> check_depth(std::string_view path) {
  if (std::count(path.begin(), path.end(), '/') < limits::kTreeDepth) return {};
  return Error(Kind::invalid, str::cat("is nested deeper than ", limits::kTreeDepth, " directories"));
}

}  // namespace

std::string join(std::string_view dir, std::string_view name) {
  return dir.empty() ? std::string(name) : str::cat(dir, "/", name);
}

// ---- looking ----

// `go_on` stays true if the layers below may have more to say.
Result<Tree::Node> Tree::look_in(Fd layer, bool lower, const std::string& path, bool& go_on) const {
  Node node;
  node.lower = lower;
  const std::vector<std::string_view> parts = str::split(path, '/');
  UniqueFd here;
  for (size_t i = 0; i < parts.size(); ++i) {
    Result<UniqueFd> next =
        sys::openat(i == 0 ? layer : here.get(), std::string(parts[i]).c_str(), O_PATH | O_NOFOLLOW);
    if (!next.ok() && next.error().errnum == ENOENT) return node;
    if (!next.ok()) return next.take_error();
    here = std::move(next).take();
    const struct stat st = TRY(sys::fstat(here));
    const bool last = i + 1 == parts.size();
    if (!S_ISDIR(st.st_mode)) {
      go_on = false;
      if (!last || (form_ == Form::overlay && is_whiteout(st))) return node;
      node.what = S_ISLNK(st.st_mode) ? What::link : What::other;
      break;
    }
    if (last) {
      go_on = false;
      node.what = What::directory;
    } else if (form_ == Form::overlay && TRY(is_opaque(here))) {
      go_on = false;
    }
  }
  if (node.what == What::link) node.target = TRY(sys::readlinkat(here, ""));
  node.fd = std::move(here);
  return node;
}

Result<Tree::Node> Tree::look(const std::string& path) const {
  bool go_on = true;
  Node node = TRY(look_in(root_, false, path, go_on));
  if (form_ == Form::tree) return node;
  for (size_t i = 0; go_on && i < lowers_.size(); ++i) node = TRY(look_in(lowers_[i], true, path, go_on));
  return node;
}

// The canonical form of `path`.  Missing directories, and what is in the way of one, are taken for directories when
// `making`; else they make the result empty.
Result<std::optional<Tree::Resolved>> Tree::resolve(std::string_view path, bool making) const {
  std::vector<std::string> todo;
  const auto push = [&](std::string_view text) {
    const std::vector<std::string_view> parts = str::split(text, '/');
    for (size_t i = parts.size(); i-- > 0;)
      if (!parts[i].empty() && parts[i] != ".") todo.emplace_back(parts[i]);
  };
  push(path);
  std::string at;
  std::vector<std::string> followed;
  std::optional<size_t> missing;  // how much of `at` there is: nothing is below what is not there
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == "..") {
      at = std::string(parent_of(at));
      if (missing && at.size() <= *missing) missing.reset();
      continue;
    }
    std::string next = join(at, part);
    if (next.size() > limits::kTarName)
      return Error(Kind::invalid, "the path is too long once its links are followed");
    TRY(check_depth(next));
    const Node node = missing ? Node() : TRY(look(next));
    if (node.what == What::link) {
      followed.push_back(next);
      if (followed.size() > kMostLinks)
        return Error(Kind::invalid,
                     str::cat("'", str::printable(next), "' is a link to itself, or one of more than 40"));
      if (node.target.starts_with('/')) at.clear();
      push(node.target);
      continue;
    }
    if (node.what != What::directory && !making) return std::optional<Resolved>();
    if (node.what != What::directory && !missing) missing = at.size();
    at = std::move(next);
  }
  return std::optional<Resolved>(Resolved{std::move(at), std::move(followed)});
}

// ---- entering ----

Result<> Tree::start() {
  if (form_ == Form::tree) return {};
  const UniqueFd root = TRY(sys::openat(root_, ".", kReadable));
  Pending pending;
  if (lowers_.empty()) {
    const uint32_t uid = TRY(map_uid(0, options_));
    const uint32_t gid = TRY(map_gid(0, options_));
    TRY(sys::fchownat(root, "", uid, gid, AT_EMPTY_PATH));
    TRY(sys::fchmod(root, 0755));
  } else {
    const UniqueFd lower = TRY(sys::openat(lowers_[0], ".", kReadable));
    TRY(copy_attributes(lower, root).within("the root directory"));
    pending.mtime = TRY(sys::fstat(lower)).st_mtim;
  }
  put_off("", pending);
  return {};
}

Result<> Tree::use(std::string_view given, std::string path, UniqueFd fd) {
  const struct stat st = TRY(sys::fstat(fd));
  if (!pending_.contains(path)) {
    Pending pending{.mtime = st.st_mtim};
    if (!options_.root && (st.st_mode & 0700) != 0700) {
      TRY(sys::fchmodat(fd, ".", (st.st_mode & 07777) | 0700));
      pending.mode = st.st_mode & 07777;
    }
    put_off(path, std::move(pending));
  }
  touch(path);
  current_ = Directory{std::move(path), std::move(fd), st.st_gid, (st.st_mode & S_ISGID) != 0};
  current_given_ = given;
  followed_.clear();
  return {};
}

Result<const Directory*> Tree::enter(std::string_view path) {
  if (current_.fd.valid() && current_given_ == path) return &current_;
  TRY(check_depth(path));
  Result<UniqueFd> there = path::open(root_, path, O_PATH | O_DIRECTORY, 0, path::kNoSymlinks);
  if (there.ok()) {
    TRY(use(path, std::string(path), std::move(there).take()));
    return &current_;
  }
  const int err = there.error().errnum;
  if (err != ENOENT && err != ELOOP && err != ENOTDIR) return there.take_error();
  const std::optional<Resolved> found = TRY(resolve(path, true));
  UniqueFd made = TRY(materialize(found->path));
  TRY(use(path, found->path, std::move(made)));
  followed_ = found->links;
  return &current_;
}

Result<UniqueFd> Tree::materialize(const std::string& path) {
  UniqueFd here = TRY(sys::openat(root_, ".", O_PATH | O_DIRECTORY));
  std::string at;
  bool bare = false;  // no layer has anything in there
  for (const std::string_view part : str::split(path, '/')) {
    const std::string name(part);
    at = join(at, name);
    Result<UniqueFd> next = sys::openat(here, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!next.ok()) {
      const int err = next.error().errnum;
      if (err != ENOENT && err != ENOTDIR && err != ELOOP) return next.take_error();
      const std::string parent(parent_of(at));
      if (!pending_.contains(parent)) put_off(parent, {.mtime = TRY(sys::fstat(here)).st_mtim});
      const bool replaces = err != ENOENT;
      const Node below = replaces || bare ? Node() : TRY(look(at));
      bare = below.what != What::directory;
      next = make_implied(here, name, at, below, replaces);
      if (!next.ok()) return next.take_error();
    }
    here = std::move(next).take();
  }
  return here;
}

// A directory no entry stands for, or none yet.  `below`: what lower layers show there.  `replaces`: the target has
// something else under that name.
Result<UniqueFd> Tree::make_implied(Fd dir, const std::string& name, const std::string& path,
                                    const Node& below, bool replaces) {
  if (replaces) TRY(sys::unlinkat(dir, name.c_str(), 0));
  TRY(sys::mkdirat(dir, name.c_str(), 0755));
  const UniqueFd made = TRY(sys::openat(dir, name.c_str(), kReadable));
  Pending pending;
  if (below.what == What::directory) {
    const UniqueFd from = TRY(sys::openat(below.fd, ".", kReadable));
    TRY(copy_attributes(from, made));
    if (form_ == Form::overlay) implied_.insert(std::hash<std::string_view>()(path));
    const struct stat st = TRY(sys::fstat(from));
    pending.mtime = st.st_mtim;
    if (!options_.root && (st.st_mode & 0700) != 0700) {
      pending.mode = st.st_mode & 07777;
      TRY(sys::fchmod(made, (st.st_mode & 07777) | 0700));
    }
  } else {
    const uint32_t uid = TRY(map_uid(0, options_));
    const uint32_t gid = TRY(map_gid(0, options_));
    TRY(sys::fchownat(made, "", uid, gid, AT_EMPTY_PATH));
    TRY(sys::fchmod(made, 0755));  // a set-group-id parent hands that bit on
    if (replaces && form_ == Form::overlay) TRY(sys::fsetxattr(made, opaque_name(options_.control), "y"));
  }
  put_off(path, std::move(pending));
  return sys::openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<Tree::Place> Tree::locate(std::string_view dir, std::string_view name) {
  const std::optional<Resolved> found = TRY(resolve(dir, false));
  const Node node = found ? TRY(look(join(found->path, name))) : Node();
  if (node.what == What::nothing) return Error(Kind::not_found, "is not in the image");
  if (node.what == What::directory) return Error(Kind::invalid, "is a directory");
  const Directory& parent = *TRY(enter(found->path));
  if (node.lower) {
    TRY(copy_up(node, parent, std::string(name)));
    implied_.insert(std::hash<std::string_view>()(join(parent.path, name)));
  }
  UniqueFd again = TRY(sys::openat(parent.fd, ".", O_PATH | O_DIRECTORY));
  return Place{found->path, std::move(again), std::string(name)};
}

Result<> Tree::copy_up(const Node& node, const Directory& dir, const std::string& name) {
  const struct stat st = TRY(sys::fstat(node.fd));
  const struct timespec times[2] = {st.st_mtim, st.st_mtim};
  if (S_ISREG(st.st_mode)) {
    // By its name in its layer: an O_PATH descriptor cannot be read, and there may be no /proc to open it again by.
    for (const Fd lower : lowers_) {
      Result<UniqueFd> from =
          path::open(lower, join(dir.path, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, path::kNoSymlinks);
      if (!from.ok()) continue;
      const struct stat found = TRY(sys::fstat(from.value()));
      if (found.st_ino == st.st_ino && found.st_dev == st.st_dev)
        return copy_file(from.value(), dir.fd, name);
    }
    return Error(Kind::os, "the file of the layer below cannot be opened");
  }
  if (node.what == What::link) {
    TRY(sys::symlinkat(node.target.c_str(), dir.fd, name.c_str()));
  } else {
    TRY(sys::mknodat(dir.fd, name.c_str(), st.st_mode, st.st_rdev));
  }
  TRY(sys::fchownat(dir.fd, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW));
  return sys::utimensat(dir.fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

Result<> Tree::copy_file(Fd from, Fd dir, const std::string& name) const {
  const UniqueFd to = TRY(sys::openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(files::copy(from, to));
  TRY(copy_attributes(from, to));
  const struct stat st = TRY(sys::fstat(from));
  const struct timespec times[2] = {st.st_mtim, st.st_mtim};
  return sys::futimens(to, times);
}

// ---- changing ----

Result<> Tree::remove(const Directory& dir, const std::string& name) {
  return path::remove_tree(dir.fd, name, path::Mounts::stay);
}

Result<bool> Tree::make_directory(const Directory& dir, const std::string& name, mode_t mode) {
  Result<> made = sys::mkdirat(dir.fd, name.c_str(), mode);
  if (made.ok()) return true;
  if (made.error().errnum != EEXIST) return made.take_error();
  const struct stat st = TRY(sys::fstatat(dir.fd, name.c_str(), AT_SYMLINK_NOFOLLOW));
  if (S_ISDIR(st.st_mode)) return false;
  TRY(sys::unlinkat(dir.fd, name.c_str(), 0));
  TRY(sys::mkdirat(dir.fd, name.c_str(), mode));
  // A whiteout, or something of this layer, was there: what lower layers have under that name is not to show through.
  if (form_ == Form::overlay) TRY(make_opaque(dir.fd, name, join(dir.path, name)));
  return true;
}

void Tree::made(std::string_view dir, std::string_view name) {
  const std::string path = join(dir, name);
  // The links that led to the current directory may be among what is replaced: the next entry must look again.
  if (std::find(followed_.begin(), followed_.end(), path) != followed_.end()) current_given_ = "//";
  const size_t hash = std::hash<std::string_view>()(path);
  if (form_ == Form::tree)
    made_.insert(hash);
  else if (!implied_.empty())
    implied_.erase(hash);
}

void Tree::touch(std::string_view path) {
  if (form_ != Form::tree) return;
  for (; !path.empty(); path = parent_of(path))
    if (!touched_.insert(std::hash<std::string_view>()(path)).second) return;
}

// ---- the end ----

Result<> Tree::finish() {
  leave();
  std::vector<const std::pair<const std::string, Pending>*> all;
  all.reserve(pending_.size());
  for (const auto& item : pending_) all.push_back(&item);
  // Deepest first: what gets its final mode may be closed to us.
  std::sort(all.begin(), all.end(),
            [](const auto* a, const auto* b) { return a->first.size() > b->first.size(); });
  for (const auto* item : all) {
    const Pending& pending = item->second;
    const Result<UniqueFd> dir = path::open(root_, item->first, O_PATH | O_DIRECTORY, 0, path::kNoSymlinks);
    if (!dir.ok()) continue;  // replaced or removed by a later entry
    if (pending.default_acl) {
      const UniqueFd readable = TRY(sys::openat(dir.value(), ".", kReadable));
      const Result<> set = sys::fsetxattr(readable, "system.posix_acl_default", *pending.default_acl);
      if (!set.ok() && !may_skip_attribute(set.error().errnum)) return set.error();
    }
    const struct timespec times[2] = {pending.mtime, pending.mtime};
    Result<> set = sys::utimensat(dir.value(), ".", times, 0);
    if (set.ok() && pending.mode) set = sys::fchmodat(dir.value(), ".", *pending.mode);
    if (!set.ok()) return std::move(set).within("'/", str::printable(item->first), "'");
  }
  return {};
}

}  // namespace layer
