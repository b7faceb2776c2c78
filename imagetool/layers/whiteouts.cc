// Hiding what lower layers have: whiteouts and opaque directories, as marks of overlayfs or by removing.
#include <dirent.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "imagetool/layers/attributes.h"
#include "imagetool/layers/tree.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace layer {

// ---- overlayfs's marks ----

bool is_whiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0); }

Result<bool> Tree::is_opaque(Fd dir) const {
  const UniqueFd readable = TRY(sys::openat(dir, ".", kReadable));
  const Result<std::string> mark = sys::fgetxattr(readable, opaque_name(options_.control));
  if (mark.ok()) return mark.value() == "y";
  const int err = mark.error().errnum;
  if (err == ENODATA || err == ENOTSUP) return false;
  return mark.error();
}

Result<> Tree::make_opaque(Fd dir, const std::string& name, const std::string& path) const {
  const UniqueFd fd = TRY(sys::openat(dir, name.c_str(), kReadable));
  TRY(drop_unneeded(fd, path));
  return sys::fsetxattr(fd, opaque_name(options_.control), "y");
}

// Below an opaque directory nothing is merged: whiteouts would be listed as files there, and what stood in for something
// of a lower layer has nothing to stand in for, unless it is a directory that holds something of this layer.
Result<> Tree::drop_unneeded(Fd dir, const std::string& path) const {
  for (const sys::Entry& entry : TRY(sys::list(dir))) {
    const std::string inner = join(path, entry.name);
    if (entry.type == DT_DIR) {
      const UniqueFd inside = TRY(sys::openat(dir, entry.name.c_str(), kReadable));
      TRY(drop_unneeded(inside, inner));
      if (is_implied(inner))
        (void)sys::unlinkat(dir, entry.name.c_str(), AT_REMOVEDIR);  // stays if it holds something
    } else if (entry.type == DT_CHR) {
      const struct stat st = TRY(sys::fstatat(dir, entry.name.c_str(), AT_SYMLINK_NOFOLLOW));
      if (is_whiteout(st) || is_implied(inner)) TRY(sys::unlinkat(dir, entry.name.c_str(), 0));
    } else if (is_implied(inner)) {
      TRY(sys::unlinkat(dir, entry.name.c_str(), 0));
    }
  }
  return {};
}

// ---- what an entry asks for ----

Result<> Tree::whiteout(std::string_view dir, const std::string& name) {
  const std::optional<Resolved> found = TRY(resolve(dir, false));
  if (!found) return {};
  if (form_ == Form::overlay) return whiteout_in_overlay(found->path, name);
  const Directory& parent = *TRY(enter(found->path));
  return remove_lower(parent.fd, parent.path, name);
}

Result<> Tree::whiteout_in_overlay(const std::string& dir, const std::string& name) {
  const Node node = TRY(look(join(dir, name)));
  if (node.what == What::nothing) return {};
  const std::string path = join(dir, name);
  const bool file = !node.lower && node.what != What::directory;
  if (file && !is_implied(path)) return {};  // it hides the lower ones already
  const Directory& parent = *TRY(enter(dir));
  if (file) {
    TRY(sys::unlinkat(parent.fd, name.c_str(), 0));
  } else if (!node.lower) {
    TRY(make_opaque(parent.fd, name, path));
    const bool empty = is_implied(path) && sys::unlinkat(parent.fd, name.c_str(), AT_REMOVEDIR).ok();
    if (!empty || TRY(look(path)).what == What::nothing) return {};
  }
  return sys::mknodat(parent.fd, name.c_str(), S_IFCHR, makedev(0, 0));
}

Result<> Tree::opaque(std::string_view dir) {
  const std::optional<Resolved> found = TRY(resolve(dir, false));
  if (!found) return {};
  if (found->path.empty() && form_ == Form::overlay) return opaque_root();
  const Directory& entered = *TRY(enter(found->path));
  if (form_ == Form::tree) return remove_lower_contents(entered.fd, entered.path);
  return make_opaque(entered.fd, ".", entered.path);
}

// overlayfs does not ask the roots of its layers for the mark, so every name below gets a whiteout of its own.
Result<> Tree::opaque_root() {
  for (const Fd lower : lowers_) {
    const UniqueFd root = TRY(sys::openat(lower, ".", kReadable));
    for (const sys::Entry& entry : TRY(sys::list(root))) TRY(whiteout_in_overlay("", entry.name));
  }
  return {};
}

Result<> Tree::remove_lower(Fd dir, const std::string& dir_path, const std::string& name) {
  const std::string path = join(dir_path, name);
  if (!is_made(path) && !is_touched(path)) return path::remove_tree(dir, name, path::Mounts::stay);
  const Result<struct stat> st = sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!st.ok() || !S_ISDIR(st.value().st_mode)) return {};  // gone, or this layer's own
  const UniqueFd inside = TRY(sys::openat(dir, name.c_str(), kReadable));
  if (!pending_.contains(path)) put_off(path, {.mtime = TRY(sys::fstat(inside)).st_mtim});
  TRY(remove_lower_contents(inside, path));
  if (is_made(path)) return {};
  const Result<> removed = sys::unlinkat(dir, name.c_str(), AT_REMOVEDIR);
  return removed.ok() || removed.error().errnum == ENOTEMPTY ? Result<>() : removed.error();
}

Result<> Tree::remove_lower_contents(Fd dir, const std::string& dir_path) {
  const UniqueFd readable = TRY(sys::openat(dir, ".", kReadable));
  for (const sys::Entry& entry : TRY(sys::list(readable))) TRY(remove_lower(readable, dir_path, entry.name));
  return {};
}

}  // namespace layer
