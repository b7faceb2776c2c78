// Pulling: a reference becomes an image of the store, verified and unpacked.
//
//   source ─▶ index ─▶ platform ─▶ manifest ─▶ config ─▶ layers ─▶ store ─▶ unpack ─▶ settle ─▶ a name
//
// Nothing gets a name before every digest, size and diff_id of it held and all of it is on the disk.  What is there
// already is not fetched again: pull() of an image that is present asks only what its tag means now.  Layers are
// unpacked while others are still being fetched (fetch.h); two pulls of one image at the same time share the work.
//
// What is pulled is a container image: an artifact, a signature, an image of schema 1 is refused with its type.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/layer.h"
#include "imagetool/progress.h"
#include "imagetool/registry/registry.h"
#include "imagetool/store/image.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"

namespace pulls {

struct Options {
  std::string name;              // --name: kept under this name instead of the source's; for one image alone
  std::string platform;          // --platform os/arch[/variant]; empty: the best for this machine
  Registry::Options registry;    // not used for "oci:…", but for its tick
  Progress* progress = nullptr;  // not null
  layer::Options unpacking;      // unpack::options_for()
};

struct Pulled {
  Image image;
  std::string name;   // in full: what it is called now
  bool news = false;  // whether anything had to be fetched, or the name means another image than before
};

// Several images at the same time, each with an outcome of its own, in their order.  Always asks the sources.
// Kinds: network (trying again may help), denied, not_found (no such image, or no such platform in it), invalid (it is
// not what its digest says, or not a container image).  On failure the image's name has not changed.
std::vector<Result<Pulled>> pull(const Store& store, std::span<const std::string> references,
                                 const Options& options);

// The image if the store has it, for the platform asked for, else pull().  No network is used for an image that is
// there; layers that are gone are unpacked again from their blobs.  `reference` may also be an image id.
// Precondition: the caller holds Store::share(), and goes on holding it until a lease protects the image.
Result<Image> ensure(const Store& store, std::string_view reference, const Options& options);

}  // namespace pulls
