// The layers of one image: fetched, and unpacked behind it.
//
//   this thread     missing blobs, several at a time ─▶ staged in the store ─▶ tells the other
//   unpack thread   layer 1, layer 2, …: each waits for its blob, then goes onto those below it
//
// Layers are unpacked from the lowest up, because a layer can only be read right with those below it at hand; each is
// done once for all images that share it.  The first error of either thread ends both, and is the one returned.
#pragma once

#include <cstdint>

#include "imagetool/progress.h"
#include "imagetool/source.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/image.h"

namespace fetches {

struct Context {
  const Store& store;  // share() is held by the caller
  Progress& progress;
  uint32_t uid = 0, gid = 0;  // who unpacks
};

// `source` null: every blob is there already.  Afterwards all blobs and all layers are staged or settled.
// Precondition: as many layers as diff_ids.
Result<> layers(const Context& context, ImageSource* source, const oci::Manifest& manifest,
                const oci::ImageConfig& config);

}  // namespace fetches
