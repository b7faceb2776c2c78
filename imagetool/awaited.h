// A part of the store that another process is making, while we wait for it: who that is, told to people once it takes
// longer than a moment.
//
// The wait itself needs no limit.  Whoever makes a part holds its lock, which goes with the process however that ends,
// and then the part is ours; and our own user can stop us.  Only a process that stands still could keep us for ever,
// and that one has its number in the sentence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "imagetool/store/store.h"
#include "spec/digest.h"

class Awaited {
 public:
  // What to tell people now, if anything: "layer 1a2b is being fetched by process 12 (imagetool)".  To be called again
  // and again as long as somebody else has the part's lock.  `layer`: the blob's digest, by which people know it.
  std::optional<std::string> news(const Store& store, Store::Part part, const oci::Digest& digest,
                                  const oci::Digest& layer);

 private:
  int64_t next_ms_ = 0;  // clocks::monotonic_ms(); 0: nobody has been waited for yet
  std::string told_;
};
