// From a blob to a directory, while the blob arrives:
//
//   caller      hashes it, and says how far it has come ──┐
//   ──────────────────────────────────────────────────── eventfd ── jailed child, a thread for each stage ──
//               read ─▶ inflate ─▶ Ring ─┬▶ diff_id
//                                        └▶ tar ─▶ layer
//
// The child works on bytes of which nobody knows yet whether they are the blob's: what it makes becomes visible only
// when the blob's digest and size and the layer's diff_id all held.  It can reach nothing but the target and, for
// reading, the blob's file and the layers below: its descriptors are detached copies of those mounts (`..` ends at their
// roots; the lower ones are read-only), its root directory is the target, everything else is closed, and Landlock (5.13)
// denies the rest.  So an error in the parsers cannot touch the host (rule of the CVEs 2021-29136, 2025-47290 and their
// kin).  Where the kernel or the caller's rights do not allow one of these, the others remain, and below all of them
// the layer writer goes by descriptors only; `debug` says what was missing.  Nothing it says is trusted.
//
// Nothing is synced: that is the store's business, once for all layers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "imagetool/jail.h"
#include "imagetool/layers/layer.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"
#include "spec/image.h"

namespace unpack {

struct Layer {
  oci::Descriptor blob;
  oci::Digest diff_id;
  layer::Options options;
};

// What this process can do: uid 0 makes devices, owners and `trusted.*` attributes; others get `user.*`, no devices, and
// their own ids for root's.  `more_ids`: what would give them others, for messages.
layer::Options options_for(uint32_t uid, uint32_t gid, std::string more_ids);

class Process {
 public:
  // Unpacks the layer alone into the empty directory `target`, as a lower directory of an overlay mount.  `lowers`: the
  // unpacked layers below, topmost first.  `blob`: a regular file, open for reading alone; it may still grow.
  // Precondition: jail::alone().
  static Result<Process> start(Fd blob, const Layer& layer, std::span<const Fd> lowers, Fd target);

  // The first `whole` bytes of the blob are there.  Kind::protocol: the child obstructs it.
  Result<> arrived(uint64_t whole);
  // Can be read from: ended() has news.
  [[nodiscard]] Fd socket() const { return child_.socket(); }
  // nullopt: it is at work.  On failure the content of `target` is worthless and the caller removes it.
  // Kind::invalid: the layer is damaged, hostile or not what its digests say; Kind::unsupported; Kind::os.
  std::optional<Result<>> ended();

 private:
  Process(jail::Child child, UniqueFd growth, std::string name)
      : child_(std::move(child)), growth_(std::move(growth)), name_(std::move(name)) {}
  jail::Child child_;
  UniqueFd growth_;
  std::string name_;
  uint64_t told_ = 0;
};

}  // namespace unpack
