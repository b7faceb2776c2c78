// Zeros take no room: a file's pieces that hold nothing else are left out when it is written, which makes them holes.
// The archive's reader cannot tell the difference, and a file of many of them, honest or a bomb, costs no disk.
//
// Pieces are as large as a hole has to be to be worth one: each may cost a file system an extent, and a write is cut in
// two by it.  The same pieces are what limits::kFreeContent does not count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zeros {

inline constexpr size_t kPiece = 64 << 10;

// Whether there is nothing but zero bytes.
bool only(std::string_view bytes);

// How many of the bytes lie in pieces, counted from the first byte, that hold something else.
uint64_t content(std::string_view bytes);

}  // namespace zeros
