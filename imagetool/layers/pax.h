// The records of pax extended headers ("25 mtime=1700000000.123\n"): what they say about an entry.
//
// Keywords we do not know are ignored, as POSIX demands (atime, ctime, uname, comment, vendors' own).  An empty value
// takes back what a global header or an earlier record said.  A record that is not well-formed, a number that is none
// and a NUL in a name are errors: the rest of the archive would be guesswork.
#pragma once

#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/sparse_map.h"
#include "imagetool/layers/tar.h"
#include "spec/base/error.h"

namespace tar {

struct Pax {
  std::optional<std::string> path, link;
  std::optional<uint64_t> size, uid, gid;
  std::optional<struct timespec> mtime;
  std::vector<Attribute> attributes;

  // GNU.sparse.*, of the forms 0.0 (pieces one by one), 0.1 (a map in the header), 1.0 (a map before the content).
  std::optional<uint64_t> sparse_major, sparse_minor, sparse_size;
  std::optional<std::string> sparse_name;
  std::vector<Piece> sparse_map;
  std::optional<uint64_t> sparse_offset;  // of 0.0: waits for its numbytes
  bool sparse = false;

  [[nodiscard]] bool map_in_content() const { return sparse_major == 1 && sparse_minor == 0; }
};

// Adds the records of one extended header to `pax`.  Kind::invalid names the keyword.
Result<> read_pax(std::string_view text, Pax& pax);

// "-12.5" → {-13, 500000000}; digits behind the ninth are cut off.
std::optional<struct timespec> pax_time(std::string_view text);

}  // namespace tar
