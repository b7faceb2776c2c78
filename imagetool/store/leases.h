// Leases: which bundle uses which image, so that `rm` and `gc` take nothing away from under a container.
//
// DIR/leases/<hash of the bundle's path>.json names the bundle's directory (absolute path, device and inode), the
// manifest and the unpacked layers.  A lease is as alive as its bundle: when the directory is gone, or another one has
// taken its place, the lease is stale; it counts for nothing and gc removes it.  So deleting a bundle with `rm -r` is
// enough, and nothing needs to run at that moment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/image.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"

struct Lease {
  std::string bundle;     // absolute path of the bundle's directory
  std::string container;  // the id its container was given by `imagetool run`; empty: only a bundle was made
  std::string image;      // the name it was made from, for people
  oci::Descriptor manifest;
  std::vector<oci::Digest> chain_ids;  // the layers its rootfs is mounted from; none for --rootfs=copy
  uint64_t device = 0, inode = 0;      // of the bundle's directory
};

namespace leases {

struct Use {
  std::string bundle;     // an existing directory; made absolute here
  std::string container;  // may be empty
  std::string image;      // the name it was asked for by
  bool layers = true;     // whether the rootfs goes on using the unpacked layers (overlay) or is a copy
};

// Records that `use.bundle` uses `image`; a lease of the same bundle is replaced.  Holds off a sweep while it looks, and
// fails with Kind::conflict when a layer has been removed since `image` was looked up: pull again.
Result<> add(const Store& store, const Use& use, const Image& image);
// That there is none is no error.  The bundle's directory may be gone already.
Result<> release(const Store& store, std::string_view bundle);
// Those that are alive, sorted by path.  A lease that cannot be read is an error: a sweep must not guess.
Result<std::vector<Lease>> all(const Store& store);
Result<std::vector<Lease>> users_of(const Store& store, const oci::Digest& manifest);
// Removes the stale ones.  For gc, under Store::exclude().
Result<> drop_stale(const Store& store);

}  // namespace leases
