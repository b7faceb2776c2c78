// What the store takes on the disk, and for whom: blocks that are allocated, as du(1) counts them, not the sizes that
// files claim to have.  A file with several names counts once.
//
// A part (a blob, an unpacked layer) that one image alone needs is that image's own; it is what removing the image would
// give back while no bundle uses it.  What several need is shared by each of them.  So the own sizes may be added up, the
// shared ones may not.  What nothing needs is left over: `gc` takes it away.
//
// Not seen: blocks that files share by reflinks (--rootfs=copy on btrfs or xfs) count for each of them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "imagetool/store/image.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"

namespace usage {

// Files with several names that have been counted: device, inode.
using Seen = std::set<std::pair<dev_t, ino_t>>;

// Bytes on the disk of `name` in `dir`, and of all beneath it; 0 if it is not there.  No link is followed, and what is
// mounted inside does not count.  Directories we may not read count without their content.
Result<uint64_t> of(Fd dir, const std::string& name, Seen& seen);

struct ImageUse {
  Image image;
  uint64_t own = 0, shared = 0;
  std::vector<std::string> bundles;  // directories
};

struct LayerUse {
  oci::Digest chain_id;  // of the unpacked layer
  oci::Digest digest;    // of its blob
  uint64_t blob = 0, unpacked = 0;
  uint64_t images = 0, bundles = 0;  // how many need it
};

struct BundleUse {
  std::string dir, container, image;
  uint64_t own = 0;     // of its directory: what its container has written, or the whole tree of a copy
  uint64_t shared = 0;  // of the layers that its root file system is mounted from
  bool inside = false;  // its directory is in the store
};

struct Totals {
  uint64_t blobs = 0, layers = 0;  // that an image or a bundle needs
  uint64_t bundles = 0;            // in the store
  uint64_t left_over = 0;          // what `gc` would remove, and what pulls that are under way have got
  uint64_t other = 0;              // the store's own directories, index.json, leases, locks
  uint64_t all = 0;                // the sum: what `du -s` says of the store
};

struct Report {
  std::vector<ImageUse> images;
  std::vector<LayerUse> layers;
  std::vector<BundleUse> bundles;
  Totals totals;
};

// Precondition: the caller holds Store::share().  Kind::invalid as for marks::all().
Result<Report> measure(const Store& store);

}  // namespace usage
