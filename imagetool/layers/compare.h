// Whether two directory trees are the same: a layer that was unpacked once, and the same layer unpacked again.
//
// Compared are names, types, owners, modes, times of modification, extended attributes (but for the host's labels),
// contents, link targets, device numbers, and which names are hard links to one file.  Holes count as zeros, and
// are not read where both have one.  No link is followed, no device opened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace layer {

struct Comparison {
  std::vector<std::string> differences;  // the first few: "'etc/name' has another mode: 0600 instead of 0644"
  uint64_t count = 0;                    // of all
  uint64_t unreadable = 0;  // files and directories that only root may read: their content was not compared
};

// Precondition: nobody changes either meanwhile.
Result<Comparison> compare(Fd expected, Fd found);

}  // namespace layer
