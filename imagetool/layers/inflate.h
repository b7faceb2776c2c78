// Decompression as a Sink: compressed bytes in, plain bytes on to the next Sink.
//
// gzip is inflated by ISA-L, zstd by libzstd; `none` hands on what it gets.  Both formats are concatenations: all gzip
// members and all zstd frames are read to the end (estargz, zstd:chunked), skippable frames are skipped.  Every
// member's header, CRC-32 and length are checked, zstd's checksums too.  Zero bytes behind the last gzip member are
// padding (tape blocks) and accepted; anything else there is refused, as is a stream that ends early.
//
// What comes out has Bounds, so that a bomb is noticed while it unpacks, by what has arrived of it and not by what its
// descriptor promises.  zstd windows are limited to 2^limits::kZstdWindowLog bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "spec/base/error.h"
#include "spec/image.h"

struct Bounds {
  // Of content, which is all but the zeros (zeros.h): behind so much of it, no more than so many times what went in.
  uint32_t ratio = limits::kRatio;
  uint64_t free_content = limits::kFreeContent;
  // The same of all bytes; a larger `ratio` holds for these as well.
  uint32_t ratio_of_all = limits::kRatioOfAll;
  uint64_t free_bytes = limits::kFreeBytes;
  uint64_t bytes = limits::kLayer;  // whatever went in
};

// Makes the Sink for `compression`.  finish() fails with Kind::invalid where the stream is not at an end.
std::unique_ptr<Sink> inflate(oci::Compression compression, Sink& next, const Bounds& bounds = {});
