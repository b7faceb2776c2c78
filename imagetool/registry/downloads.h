// Blobs of one registry on their way to files, several at a time, driven by one loop without threads.
//
//   add() ─▶ [ piece ]                               a small blob: one request
//         ─▶ [ piece │ piece │ piece │ …      size ) a large one: requests for ranges of kPiece bytes, from the lowest
//                                                    up, as soon as the first answer was a range
//
// One stream often gets a fraction of the line: then the next pieces are fetched beside it, when no blob waits for the
// place.  Where a piece is there at once, the next one follows it closely.  A server that ignores ranges sends all of the
// blob for its first piece, and that is taken.  What is fetched in pieces is held together by the blob's digest: no
// validator of the server's says as much.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "imagetool/registry/exchange.h"
#include "spec/base/error.h"
#include "spec/image.h"

// Lives where it is from start to end; whoever made it verifies what was written, by size and digest.
struct BlobRequest {
  oci::Descriptor descriptor;
  uint64_t from = 0;   // what lies before is there already
  bool plain = false;  // no ranges: all of it, in one answer
  // Bytes that belong at `offset`: within a piece in order, and several pieces may come side by side.  None is given
  // twice, unless the server breaks its word on ranges.
  std::function<Result<>(uint64_t offset, std::string_view bytes)> write;

  // ---- by the source ----
  bool patched = false;            // made up of ranges: a wrong digest may be the fault of their joints
  std::optional<Result<>> result;  // there: all was written, or it cannot be had
};

namespace http {

class Downloads {
 public:
  // `ask`: the request for all of a blob.  `parallel`: exchanges at a time.
  Downloads(Client& client, const Policy& policy, std::function<Ask(const BlobRequest&)> ask, int parallel);
  Downloads(const Downloads&) = delete;
  ~Downloads();
  void add(BlobRequest& request);
  // It is not wanted any more, or done.
  void drop(const BlobRequest& request);
  // Moves all of them on as far as they can without waiting.
  void step();

 private:
  class Download;
  Client& client_;
  const Policy& policy_;
  const std::function<Ask(const BlobRequest&)> ask_;
  const size_t parallel_;
  std::list<Download> downloads_;
};

}  // namespace http
