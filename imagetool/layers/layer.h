// One layer onto a tree: what the tar reader finds, applied beneath one root descriptor, exact in owners, modes, times,
// extended attributes, links, devices and holes.  Long runs of zeros become holes, too.
//
//   Form::overlay  the layer alone, as one lower directory of an overlay mount.  Whiteouts are character devices 0:0,
//                  opaque directories carry the attribute `trusted.overlay.opaque` (or `user.overlay.opaque`).  The
//                  layers below are read only to learn what the merged tree looks like.
//   Form::tree     all layers one after the other onto one plain tree.  Whiteouts delete what lower layers had.
//
// Both give the same merged tree.  What that takes, and what we decided where peers differ:
//  - A parent that is a symbolic link in the merged tree is followed, within the root: with `lib -> usr/lib` below, a
//    layer's `lib/x` lands in usr/lib.  In overlay form a directory that only lower layers have is made again with
//    its owner, mode, times and attributes: an implied parent changes nothing.  One that nobody has is 0755 root, time 0.
//  - A parent that is anything else (a file, a device; also one that this layer made) is replaced by a directory.
//  - An entry over an existing one replaces it; a directory over a directory replaces only its attributes, all of them.
//    Of two entries with one name the last one counts.  The root stays a directory whatever the layer says.
//  - Whiteouts concern lower layers only, wherever they stand in the layer.  A whiteout of nothing is nothing.
//    A bare `.wh.`, `.wh..` and `.wh...` are refused, and so is what would lie below a whiteout; `.wh..wh.*` other than
//    `.wh..wh..opq` are AUFS's own and skipped, with all that is in them.
//  - Names are taken beneath the root: leading slashes and '.' do not count, '..' goes up lexically and stops at the root.
//  - `trusted.overlay.*` and `user.overlay.*` of a layer never act: in overlay form they are escaped as overlayfs (6.7)
//    does, `trusted.overlay.overlay.*`; a device 0:0 would be a whiteout and is refused.  SELinux labels are the host's
//    business and skipped.  An attribute the file system cannot hold is skipped and counted, security.capability too.
//  - Owners from 2^32-1 on are refused (peers take them for root), and so are owners outside of the mapping.
//  - A hard link to a file that only lower layers have: overlay form copies the file up first, as overlayfs would.
//
// Precondition of everything here: umask 0, and nobody else writes to the target.  Directory times, and rights that would
// keep us out, are set at the end.  The work is done by names of one component in descriptors of directories; nothing
// here needs /proc, so it runs in a jail without one; instead, attributes of links and devices move the working directory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "imagetool/layers/tar.h"
#include "imagetool/limits.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace layer {

enum class Form { overlay, tree };
// The namespace of overlayfs's attributes: `user` is for mounts with the option userxattr, in user namespaces.
enum class Control { trusted, user };

// Ids `inside` … `inside + count - 1` of the image are `outside` … on disk.
struct IdRange {
  uint32_t inside = 0, outside = 0, count = 0;
};

struct Options {
  Control control = Control::trusted;
  bool devices = true;  // false: block and character devices are skipped and counted
  bool root = true;     // whether we override file modes: false makes directories writable until the end
  uint32_t uid = 0, gid = 0;            // who we are: what we make belongs to them before any chown
  std::vector<IdRange> uids, gids;      // empty: ids are taken as they are
  std::string more_ids;                 // for messages: how to get others than these
  uint32_t max_ratio = limits::kRatio;  // of what a layer unpacks to, inflate.h
};

struct Summary {
  uint64_t entries = 0, bytes = 0;  // of content
  uint64_t devices_skipped = 0, attributes_skipped = 0;
};

class Tree;
struct Directory;

class Layer final : public tar::Handler {
 public:
  // `lowers`: the directories of the layers below, topmost first; used by Form::overlay only.  The descriptors must
  // outlive this.
  Layer(Form form, Fd root, std::span<const Fd> lowers, const Options& options);
  ~Layer() override;

  Result<> entry(const tar::Entry& entry) override;
  Result<> data(uint64_t offset, std::string_view bytes) override;
  Result<> end() override;
  // After the last entry: directory times and modes, what was put off.
  Result<Summary> finish();

 private:
  struct Owner {
    uint32_t uid, gid;
  };
  Result<> apply(const tar::Entry& entry);
  Result<> apply_to_root(const tar::Entry& entry);
  Result<> whiteout(const std::string& dir, const std::string& name);
  Result<> make(const tar::Entry& entry, const std::string& parent, const std::string& name);
  Result<> make_directory(const tar::Entry& entry, const Directory& dir, const std::string& name);
  Result<> dress_directory(const tar::Entry& entry, Fd dir, const std::string& path);
  Result<> make_file(const tar::Entry& entry, const Directory& dir, const std::string& name);
  Result<> make_link(const tar::Entry& entry, const std::string& parent, const std::string& name);
  Result<> make_symlink(const tar::Entry& entry, const Directory& dir, const std::string& name);
  Result<> make_node(const tar::Entry& entry, const Directory& dir, const std::string& name);
  Result<> write_dense(uint64_t end, std::string_view bytes);
  Result<> skip_device(const std::string& parent, const std::string& name);
  Result<> dress(const tar::Entry& entry, const Directory& dir, const std::string& name);
  Result<> set_attributes(const tar::Entry& entry, Fd fd);
  Result<> count_attribute(const tar::Attribute& attribute, const Result<>& set);
  [[nodiscard]] Result<Owner> owner(const tar::Entry& entry) const;
  [[nodiscard]] bool owned(const Owner& owner, const Directory& dir) const;

  const Options options_;
  std::unique_ptr<Tree> tree_;
  Summary summary_;
  bool started_ = false;

  // The file whose content is arriving.
  UniqueFd file_;
  Owner file_owner_ = {0, 0};
  bool file_owned_ = false;
  uint64_t written_ = 0;  // up to here
  tar::Entry entry_;
};

}  // namespace layer
