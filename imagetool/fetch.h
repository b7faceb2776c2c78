// The layers of images: fetched, and unpacked while they arrive.
//
//   sources ─▶ Arrival for each blob, several at a time ─▶ the store        one loop, one thread
//                     └─ so far ─▶ unpack::Process for a layer whose lower ones are there
//
// Layers are unpacked from the lowest up, because a layer can only be read right with those below it at hand; later
// ones arrive meanwhile.  Blobs and layers that several images have in common, in this process or in another, are
// fetched and unpacked once.  An unpacked layer gets its name when its blob and its diff_id have held.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "imagetool/layers/layer.h"
#include "imagetool/progress.h"
#include "imagetool/registry/http.h"
#include "imagetool/source.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/image.h"

namespace fetches {

struct Context {
  const Store& store;  // share() is held by the caller
  Progress& progress;
  http::Client& client;  // that of the sources
  const layer::Options& unpacking;
  std::function<Result<>()> tick;
};

// An image, and what became of it.
struct Order {
  ImageSource* source = nullptr;  // null: every blob is there already
  const oci::Manifest* manifest = nullptr;
  const oci::ImageConfig* config = nullptr;  // as many diff_ids as the manifest has layers
  std::optional<Result<>> result;            // ok: all its blobs and layers are staged or settled
};

// Each order ends for itself, with its own error.
void run(const Context& context, std::vector<Order>& orders);

}  // namespace fetches
