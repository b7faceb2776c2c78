// Layers applied by imagetool, and the tree that comes out of it: as one plain tree, and as an overlay mount would merge
// the directories.  Nothing is mounted.
#pragma once

#include <sys/sysmacros.h>
#include <unistd.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "imagetool/layers/layer.h"
#include "tests/fuzz/support/scratch.h"

namespace fuzz {

// All belongs to whoever runs this.
inline layer::Options layer_options() {
  layer::Options options{.control = layer::Control::user,
                         .devices = false,
                         .root = ::geteuid() == 0,
                         .uid = ::geteuid(),
                         .gid = ::getegid()};
  options.uids = {{0, ::geteuid(), 1}};
  options.gids = {{0, ::getegid(), 1}};
  return options;
}

// A file's content is its size as digits.
inline Result<> apply(layer::Form form, Fd root, std::span<const Fd> lowers,
                      const std::vector<tar::Entry>& entries) {
  layer::Layer layer(form, root, lowers, layer_options());
  for (const tar::Entry& entry : entries) {
    TRY(layer.entry(entry));
    if (entry.type != tar::Type::file) continue;
    if (entry.size > 0) TRY(layer.data(0, std::string(entry.size, static_cast<char>('0' + entry.size))));
    TRY(layer.end());
  }
  (void)TRY(layer.finish());
  return {};
}

using Listing = std::map<std::string, std::string>;

inline bool is_whiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0); }

// What an overlay mount of these directories, topmost first, would show: `describe` says what of each.
template <class Describe>
void merge(const std::vector<UniqueFd>& dirs, const std::string& path, const Describe& describe,
           Listing& into) {
  must(path.size() < 4000, "a tree is not endless");
  Listing names;  // of all directories; the values do not matter here
  for (const UniqueFd& dir : dirs)
    for (const sys::Entry& entry : sys::list(dir).take()) names[entry.name];
  for (const auto& [name, unused] : names) {
    std::vector<UniqueFd> below;
    for (const UniqueFd& dir : dirs) {
      const auto st = sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
      if (!st.ok()) continue;
      if (is_whiteout(st.value())) break;
      const std::string here = str::cat(path, "/", name);
      if (below.empty()) into[here] = describe(dir, name, st.value());
      if (!S_ISDIR(st.value().st_mode)) break;
      below.push_back(sys::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW).take());
      const auto opaque = sys::fgetxattr(below.back(), "user.overlay.opaque");
      if (opaque.ok() && opaque.value() == "y") break;
    }
    if (!below.empty()) merge(below, str::cat(path, "/", name), describe, into);
  }
}

inline std::string text(const Listing& listing) {
  std::string all;
  for (const auto& [path, what] : listing) all += str::cat(path, " ", what, "; ");
  return all;
}

}  // namespace fuzz
