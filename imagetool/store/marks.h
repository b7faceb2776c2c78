// What the names and the leases of a store need: the blobs and unpacked layers that a sweep leaves alone, and that `du`
// and `check` go by.
#pragma once

#include <set>

#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

struct Marks {
  std::set<oci::Digest> blobs, chain_ids;
};

namespace marks {

// Adds `root`, an index, a manifest or any other blob, and all that it needs.  What is missing needs nothing; what is
// damaged is Kind::invalid: then nobody knows what it needs.
Result<> add(const Store& store, const oci::Descriptor& root, Marks& marks);

// What all images and bundles need.  `without`: the manifests of images whose names do not count.
// Kind::invalid: an entry's manifest or a lease cannot be read; the message names the image or bundle.
Result<Marks> all(const Store& store, const std::set<oci::Digest>& without = {});

}  // namespace marks
