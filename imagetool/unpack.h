// From a verified blob to a directory: read ─▶ (Verifier) ─▶ inflate ─▶ Tee ─┬▶ diff_id
//                                                                            └▶ tar ─▶ layer
//
// The untrusted part, all of the above, runs in a forked child that can reach nothing but the target and, for reading,
// the layers below: its descriptors are detached copies of those mounts (`..` ends at their roots; the lower ones are
// read-only), its root directory is the target, everything else is closed, and Landlock (5.13) denies the rest.  So an
// error in the parsers cannot touch the host (rule of the CVEs 2021-29136, 2025-47290 and their kin).  Where the kernel
// or the caller's rights do not allow one of these, the others remain, and below all of them the layer writer goes by
// descriptors only; `debug` says what was missing.  The child makes no use of locks other threads may hold, so the
// caller may have threads.
//
// The child ends with its caller's thread.  Nothing is synced: that is the store's business, once for all layers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "imagetool/layers/layer.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"
#include "spec/image.h"

namespace unpack {

struct LayerBlob {
  UniqueFd blob;  // a regular file, read from its start
  oci::Descriptor descriptor;
  oci::Digest diff_id;
};

struct Options {
  layer::Options layer;
  // Called in the caller's process with the number of compressed bytes read so far, a few times a second at most.
  std::function<void(uint64_t)> progress;
  bool verify_blob = false;  // check descriptor.digest again; the size and the diff_id are always checked
  bool jail = true;          // false: in this process (tests, debugging)
};

// What this process can do: uid 0 makes devices, owners and `trusted.*` attributes; others get `user.*`, no devices, and
// their own ids for root's.
layer::Options options_for(uint32_t uid, uint32_t gid);

// The layer alone into the empty directory `target`, as a lower directory of an overlay mount.  `lowers`: the unpacked
// layers below, topmost first.  On failure the content of `target` is worthless and the caller removes it.
// Kind::invalid: the layer is damaged, hostile or not what its digests say; Kind::unsupported; Kind::os.
Result<> layer_for_overlay(const LayerBlob& layer, std::span<const Fd> lowers, Fd target,
                           const Options& options);

// The layer onto the tree `root`, which holds the layers below.
Result<> layer_onto_tree(const LayerBlob& layer, Fd root, const Options& options);

}  // namespace unpack
