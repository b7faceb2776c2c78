// The files of an image as its container will see them, read from the unpacked layers without mounting anything.
//
// An overlay bundle is mounted by the runtime, much later and elsewhere; but passwd is needed now, and volumes are
// filled from the image.  So this walks the layers as overlayfs would: from the top, one name at a time; a character
// device 0:0 hides a name, the xattr overlay.opaque what lies below a directory, a directory goes on in the layers
// below until something else is in the way (Documentation/filesystems/overlayfs.rst).  Symbolic links are followed within
// the merged tree, '..' stops at its root.  A plain tree is a merged tree of one layer.
//
// The layers do not change while they are leased.  Still nothing is trusted: every step is O_NOFOLLOW on a descriptor,
// only regular files are read, and never more than asked for (CVE-2024-9676, CVE-2026-47262).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

class MergedTree {
 public:
  // `layers`: absolute directories, highest first, as Image::lower_dirs() has them.
  static Result<MergedTree> open(const std::vector<std::string>& layers);

  // The text of a regular file; nullopt if there is none at `path`.  Kind::invalid if it is something else, or larger
  // than `limit` bytes.
  [[nodiscard]] Result<std::optional<std::string>> read_file(std::string_view path, size_t limit) const;

  // Copies what is in the directory `path`, and its own owner, mode, times and xattrs, into the empty directory `into`.
  // Returns false, and leaves `into` as it is, if there is no directory at `path`.  Without root, owners stay the
  // caller's, and devices are an error.
  [[nodiscard]] Result<bool> copy_directory(std::string_view path, Fd into) const;

  // Gives the directory `into` the owner, mode, times and xattrs of the tree's root.
  [[nodiscard]] Result<> copy_root_attributes(Fd into) const;

 private:
  // A directory that several layers make up: each one's, highest first.
  using Directory = std::vector<UniqueFd>;
  // What a name in a directory stands for.
  struct Found {
    std::shared_ptr<Directory> directory;  // set: a directory
    UniqueFd file;  // else: anything but a directory, O_PATH; invalid: there is nothing
    mode_t mode = 0;
  };
  struct Copy;

  static Result<Found> look_up(const Directory& in, const std::string& name);
  [[nodiscard]] Result<Found> resolve(std::string_view path) const;
  static Result<> copy_entries(const Directory& from, Fd into, Copy& copy);
  static Result<> copy_entry(const Directory& from, const std::string& name, Fd into, Copy& copy);
  static Result<> copy_file(const Found& found, const std::string& name, Fd into, Copy& copy);

  std::shared_ptr<Directory> root_;
};
