#include "imagetool/layers/zeros.h"

#include <algorithm>
#include <cstring>

namespace zeros {

// Each byte equals the one in front of it, and the first is zero: the C library compares by whole registers.
bool only(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

uint64_t content(std::string_view bytes) {
  uint64_t n = 0;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    if (!only(piece)) n += piece.size();
    bytes.remove_prefix(piece.size());
  }
  return n;
}

}  // namespace zeros
