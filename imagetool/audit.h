// Looking at all that the store has, again: what `imagetool check` does.
//
//   blobs     each is read, and has to have the digest it is called by
//   images    each name and each bundle leads to a manifest, a config and layers that are there, and that fit together
//   layers    each is unpacked again from its blob, which proves its diff_id, and the two trees are compared
//
// The store keeps no digest of an unpacked tree: to make one would cost every pull the reading of all its files, and
// trusting it would prove less.  So a check costs what reading all blobs and unpacking all layers costs (as a pull
// without its network), and as much room as the largest layer takes, beside it; each layer is done once for all images.
// Images that are not unpacked, such as skopeo puts here, take all their layers' room for the time.
//
// What nothing needs is read as well; what interrupted pulls left is no damage.  Not looked at: bundles, whose files
// belong to their containers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/layer.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

namespace audit {

enum class Part { image, blob, layer, lease };
std::string_view text_of(Part part);

struct Problem {
  Part part = Part::blob;
  oci::Digest digest;  // of the manifest, the blob, or the layer's chain id; empty for a lease
  std::string text;    // "is missing", "has the digest sha256:…"
  std::vector<std::string> needed_by;  // names of images in full, or digests where there is no name
};

struct Report {
  std::vector<Problem> problems;
  std::vector<oci::Descriptor> broken;  // manifests of images that a problem concerns
  uint64_t images = 0, blobs = 0, bytes = 0, layers = 0;
  uint64_t unreadable = 0;  // files in layers that only root may read: their content was not compared
};

struct Options {
  bool layers = true;                                                    // false: blobs and documents only
  layer::Options unpacking;                                              // unpack::options_for()
  std::function<void(std::string_view)> step = [](std::string_view) {};  // what is done now
};

// Precondition: the caller holds Store::share().  An error is that the check could not be made; what is wrong with the
// store is in the report.
Result<Report> run(const Store& store, const Options& options);

}  // namespace audit
