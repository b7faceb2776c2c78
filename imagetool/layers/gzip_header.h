// The header of a gzip member (RFC 1952, section 2.3), however it arrives: extra field, name and comment are skipped, a
// checksum of the header is checked.
//
// ISA-L can read headers, but takes one with a checksum for damaged when it arrives in two pieces (2.30), as it does
// wherever the end of a network packet falls into it.  So what follows the header is all that ISA-L gets to see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spec/base/error.h"

class GzipHeader {
 public:
  // Takes from the front of `bytes` what belongs to the header, and says whether it is complete.  Kind::invalid: it is
  // no header, or its checksum does not hold; the message is the end of a sentence about the data.
  Result<bool> take(std::string_view& bytes);
  // Whether it began as a header does.
  [[nodiscard]] bool begun() const { return part_ != Part::fixed || at_ > 1; }

 private:
  enum class Part { fixed, extra_size, extra, name, comment, checksum, done };
  Result<> add(uint8_t byte);
  Result<> add_fixed(uint8_t byte);
  void next();

  Part part_ = Part::fixed;
  size_t at_ = 0;                    // bytes of this part
  size_t size_ = 0;                  // of the whole header
  uint32_t extra_ = 0;               // the size of the extra field
  uint32_t crc_ = 0, checksum_ = 0;  // computed, and as it stands there
  uint8_t flags_ = 0;
};
