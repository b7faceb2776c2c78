#include "imagetool/layers/layer.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "imagetool/layers/attributes.h"
#include "imagetool/layers/tree.h"
#include "imagetool/layers/zeros.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace layer {

namespace {

constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq", kAufs = ".wh..wh.";
constexpr std::string_view kDefaultAcl = "system.posix_acl_default";

struct Cleaned {
  std::string dir, name;  // both empty: the root
};

// Without empty parts and '.'; '..' goes up, and stops at the root.
Cleaned clean(std::string_view path) {
  Cleaned cleaned;  // `dir` is the whole of it, until the end
  std::string& at = cleaned.dir;
  at.reserve(path.size());
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at.resize(at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
      continue;
    }
    if (!at.empty()) at += '/';
    at += part;
  }
  const size_t last = at.rfind('/');
  cleaned.name = at.substr(last + 1);  // npos + 1 is 0
  at.resize(last == std::string::npos ? 0 : last);
  return cleaned;
}

std::string_view text(tar::Type type) {
  switch (type) {
    case tar::Type::file:
      return "a file";
    case tar::Type::hard_link:
      return "a hard link";
    case tar::Type::symlink:
      return "a symbolic link";
    case tar::Type::char_device:
    case tar::Type::block_device:
      return "a device";
    case tar::Type::directory:
      return "a directory";
    case tar::Type::fifo:
      return "a fifo";
  }
  return "";
}

}  // namespace

Layer::Layer(Form form, Fd root, std::span<const Fd> lowers, const Options& options)
    : options_(options), tree_(std::make_unique<Tree>(form, root, lowers, options_)) {}

Layer::~Layer() = default;

Result<> Layer::entry(const tar::Entry& entry) {
  if (!started_) TRY(tree_->start());
  started_ = true;
  ++summary_.entries;
  return apply(entry);
}

Result<> Layer::apply(const tar::Entry& entry) {
  const Cleaned at = clean(entry.name);
  if (at.name.empty()) return apply_to_root(entry);
  if (at.dir.find(kWhiteout) != std::string::npos) {  // hardly ever: the parts are looked at only then
    for (const std::string_view part : str::split(at.dir, '/')) {
      if (part.starts_with(kAufs)) return {};
      if (part.starts_with(kWhiteout)) return Error(Kind::invalid, "lies below a whiteout");
    }
  }
  if (at.name.starts_with(kWhiteout)) return whiteout(at.dir, at.name);
  return make(entry, at.dir, at.name);
}

Result<> Layer::apply_to_root(const tar::Entry& entry) {
  if (entry.type != tar::Type::directory)
    return Error(Kind::invalid, str::cat("is ", text(entry.type), " in the place of the root directory"));
  (void)TRY(tree_->enter(""));
  tree_->leave();  // what is remembered of it changes
  return dress_directory(entry, tree_->root(), "");
}

Result<> Layer::whiteout(const std::string& dir, const std::string& name) {
  if (name == kOpaque) return tree_->opaque(dir);
  if (name.starts_with(kAufs)) return {};
  const std::string hidden = name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..")
    return Error(Kind::invalid, "is a whiteout that names no file");
  return tree_->whiteout(dir, hidden);
}

Result<> Layer::make(const tar::Entry& entry, const std::string& parent, const std::string& name) {
  const bool device = entry.type == tar::Type::char_device || entry.type == tar::Type::block_device;
  if (entry.type == tar::Type::char_device && entry.major == 0 && entry.minor == 0)
    return Error(Kind::invalid,
                 "is the device 0:0, which overlayfs takes for a whiteout; image layers write '.wh.NAME'");
  if (device && !options_.devices) return skip_device(parent, name);
  if (entry.type == tar::Type::hard_link) return make_link(entry, parent, name);
  const Directory& dir = *TRY(tree_->enter(parent));
  tree_->made(dir.path, name);
  switch (entry.type) {
    case tar::Type::directory:
      return make_directory(entry, dir, name);
    case tar::Type::file:
      return make_file(entry, dir, name);
    case tar::Type::symlink:
      return make_symlink(entry, dir, name);
    default:
      return make_node(entry, dir, name);
  }
}

// What we may not make still replaces what was there.
Result<> Layer::skip_device(const std::string& parent, const std::string& name) {
  ++summary_.devices_skipped;
  const Directory& dir = *TRY(tree_->enter(parent));
  TRY(tree_->remove(dir, name));
  return tree_->whiteout(std::string(dir.path), name);
}

// ---- owners ----

Result<Layer::Owner> Layer::owner(const tar::Entry& entry) const {
  const uint32_t uid = TRY(map_uid(entry.uid, options_));
  const uint32_t gid = TRY(map_gid(entry.gid, options_));
  return Owner{uid, gid};
}

// Whether what we make in `dir` belongs to `owner` without a chown.
bool Layer::owned(const Owner& owner, const Directory& dir) const {
  return owner.uid == options_.uid && owner.gid == options_.gid && dir.gid == options_.gid;
}

// ---- directories ----

Result<> Layer::make_directory(const tar::Entry& entry, const Directory& dir, const std::string& name) {
  const bool fresh = TRY(tree_->make_directory(dir, name, entry.mode));
  const Owner owner = TRY(this->owner(entry));
  const bool plain =
      fresh && owned(owner, dir) && (entry.mode & 07000) == 0 && !dir.setgid && entry.attributes.empty();
  const std::string path = join(dir.path, name);
  if (plain && (options_.root || (entry.mode & 0700) == 0700)) {
    tree_->put_off(path, {.mtime = entry.mtime});
    return {};
  }
  if (!options_.root) TRY(sys::fchmodat(dir.fd, name.c_str(), entry.mode | 0700));
  const UniqueFd made =
      TRY(sys::openat(dir.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK));
  return dress_directory(entry, made, path);
}

// All attributes of a directory are the entry's, whatever it had; but overlayfs's marks are ours.
Result<> Layer::dress_directory(const tar::Entry& entry, Fd dir, const std::string& path) {
  const UniqueFd fd = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  const Owner owner = TRY(this->owner(entry));
  const struct stat st = TRY(sys::fstat(fd));
  if (st.st_uid != owner.uid || st.st_gid != owner.gid)
    TRY(sys::fchownat(fd, "", owner.uid, owner.gid, AT_EMPTY_PATH));
  const Result<std::vector<std::string>> old = sys::flistxattr(fd);
  if (old.ok())
    for (const std::string& name : old.value())
      if (name != opaque_name(options_.control) && stored_name(name, Form::tree))
        (void)sys::fremovexattr(fd, name.c_str());  // not ours to remove
  Tree::Pending pending{.mtime = entry.mtime};
  const bool shut = !options_.root && (entry.mode & 0700) != 0700;
  if (shut) pending.mode = entry.mode;
  TRY(sys::fchmod(fd, shut ? entry.mode | 0700 : entry.mode));
  for (const tar::Attribute& attribute : entry.attributes)
    if (attribute.name == kDefaultAcl)
      pending.default_acl = attribute.value;  // what is made in here would inherit it
  TRY(set_attributes(entry, fd));
  tree_->put_off(path, std::move(pending));
  return {};
}

// ---- files ----

Result<> Layer::make_file(const tar::Entry& entry, const Directory& dir, const std::string& name) {
  file_owner_ = TRY(owner(entry));
  file_owned_ = owned(file_owner_, dir);
  // Until it has its owner nobody else shall read or run it.
  const mode_t mode = file_owned_ ? entry.mode & 0777 : 0600;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  Result<UniqueFd> made = sys::openat(dir.fd, name.c_str(), kFlags, mode);
  if (!made.ok() && made.error().errnum == EEXIST) {
    TRY(tree_->remove(dir, name));
    made = sys::openat(dir.fd, name.c_str(), kFlags, mode);
  }
  file_ = TRY(std::move(made));
  written_ = 0;
  entry_.size = entry.size;
  entry_.mode = entry.mode;
  entry_.mtime = entry.mtime;
  entry_.attributes = entry.attributes;
  return {};
}

Result<> Layer::data(uint64_t offset, std::string_view bytes) {
  if (!file_.valid()) return {};  // a whiteout with content
  summary_.bytes += bytes.size();
  // Between pieces of zeros, which become holes: end() gives the file its size.
  std::string_view dense;
  while (!bytes.empty()) {
    const size_t piece = std::min<size_t>(bytes.size(), zeros::kPiece - offset % zeros::kPiece);
    if (!zeros::only(bytes.substr(0, piece))) {
      dense = std::string_view(dense.empty() ? bytes.data() : dense.data(), dense.size() + piece);
    } else {
      TRY(write_dense(offset, dense));
      dense = {};
    }
    offset += piece;
    bytes.remove_prefix(piece);
  }
  return write_dense(offset, dense);
}

// `bytes`: those in front of `end`.
Result<> Layer::write_dense(uint64_t end, std::string_view bytes) {
  if (bytes.empty()) return {};
  TRY(sys::pwrite_all(file_, bytes, static_cast<off_t>(end - bytes.size())));
  written_ = end;
  return {};
}

Result<> Layer::end() {
  if (!file_.valid()) return {};
  if (written_ < entry_.size) TRY(sys::ftruncate(file_, static_cast<off_t>(entry_.size)));
  if (!file_owned_) TRY(sys::fchownat(file_, "", file_owner_.uid, file_owner_.gid, AT_EMPTY_PATH));
  if (!file_owned_ || (entry_.mode & 07000)) TRY(sys::fchmod(file_, entry_.mode));
  TRY(set_attributes(entry_, file_));
  const struct timespec times[2] = {entry_.mtime, entry_.mtime};
  TRY(sys::futimens(file_, times));
  file_.reset();
  return {};
}

// ---- links, devices, fifos ----

Result<> Layer::make_link(const tar::Entry& entry, const std::string& parent, const std::string& name) {
  const Cleaned to = clean(entry.link);
  if (to.name.empty()) return Error(Kind::invalid, "is a hard link to the root directory");
  const Tree::Place target =
      TRY(tree_->locate(to.dir, to.name).within("its target '", str::printable(entry.link), "'"));
  const Directory& dir = *TRY(tree_->enter(parent));
  if (dir.path == target.dir_path && name == target.name) return {};  // a link to itself
  tree_->made(dir.path, name);
  Result<> made = sys::linkat(target.dir, target.name.c_str(), dir.fd, name.c_str(), 0);
  if (!made.ok() && made.error().errnum == EEXIST) {
    TRY(tree_->remove(dir, name));
    made = sys::linkat(target.dir, target.name.c_str(), dir.fd, name.c_str(), 0);
  }
  if (made.ok()) return {};
  const int err = made.error().errnum;
  // Its own parent, or what it replaces, held the target.
  if (err == ENOENT || err == EPERM)
    return Error(Kind::invalid,
                 str::cat("its target '", str::printable(entry.link), "' is replaced by the link itself"));
  return Error::os(str::cat("linking it to '", str::printable(entry.link), "'"), err);
}

Result<> Layer::make_symlink(const tar::Entry& entry, const Directory& dir, const std::string& name) {
  Result<> made = sys::symlinkat(entry.link.c_str(), dir.fd, name.c_str());
  if (!made.ok() && made.error().errnum == EEXIST) {
    TRY(tree_->remove(dir, name));
    made = sys::symlinkat(entry.link.c_str(), dir.fd, name.c_str());
  }
  TRY(std::move(made));
  return dress(entry, dir, name);
}

Result<> Layer::make_node(const tar::Entry& entry, const Directory& dir, const std::string& name) {
  const mode_t type = entry.type == tar::Type::fifo          ? S_IFIFO
                      : entry.type == tar::Type::char_device ? S_IFCHR
                                                             : S_IFBLK;
  const dev_t number = makedev(entry.major, entry.minor);
  const Owner owner = TRY(this->owner(entry));
  const mode_t mode = owned(owner, dir) ? entry.mode & 0777 : 0;
  Result<> made = sys::mknodat(dir.fd, name.c_str(), type | mode, number);
  if (!made.ok() && made.error().errnum == EEXIST) {
    TRY(tree_->remove(dir, name));
    made = sys::mknodat(dir.fd, name.c_str(), type | mode, number);
  }
  TRY(std::move(made));
  return dress(entry, dir, name);
}

// Owner, mode, attributes and times of something that is not opened: by its name in its directory, which only we change.
Result<> Layer::dress(const tar::Entry& entry, const Directory& dir, const std::string& name) {
  const Owner owner = TRY(this->owner(entry));
  const bool ours = owned(owner, dir);
  const bool link = entry.type == tar::Type::symlink;
  if (!ours) TRY(sys::fchownat(dir.fd, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW));
  if (!link && (!ours || (entry.mode & 07000))) TRY(sys::fchmodat(dir.fd, name.c_str(), entry.mode));
  if (!entry.attributes.empty()) TRY(sys::fchdir(dir.fd));
  for (const tar::Attribute& attribute : entry.attributes) {
    const std::optional<std::string> stored = stored_name(attribute.name, tree_->form());
    if (stored)
      TRY(count_attribute(attribute, sys::setxattr(name.c_str(), stored->c_str(), attribute.value, false)));
  }
  const struct timespec times[2] = {entry.mtime, entry.mtime};
  return sys::utimensat(dir.fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

Result<> Layer::set_attributes(const tar::Entry& entry, Fd fd) {
  for (const tar::Attribute& attribute : entry.attributes) {
    if (attribute.name == kDefaultAcl) continue;  // a directory's; the tree sets it at the end
    const std::optional<std::string> stored = stored_name(attribute.name, tree_->form());
    if (stored) TRY(count_attribute(attribute, sys::fsetxattr(fd, stored->c_str(), attribute.value)));
  }
  return {};
}

// One without room is no full disk: a file system gives a file a block of them, the kernel takes 64 KiB of each.
Result<> Layer::count_attribute(const tar::Attribute& attribute, const Result<>& set) {
  if (set.ok()) return {};
  const int err = set.error().errnum;
  if (may_skip_attribute(err)) {
    ++summary_.attributes_skipped;
    return {};
  }
  const std::string what = str::cat("the extended attribute '", str::shortened(attribute.name, 64), "' of ",
                                    attribute.value.size(), " bytes");
  if (err != ENOSPC && err != E2BIG && err != ERANGE) return Error::os(str::cat("setting ", what), err);
  return Error(Kind::unsupported, str::cat(what, " is too large for the store's file system"));
}

Result<Summary> Layer::finish() {
  if (!started_) TRY(tree_->start());
  started_ = true;
  TRY(tree_->finish());
  return summary_;
}

}  // namespace layer
