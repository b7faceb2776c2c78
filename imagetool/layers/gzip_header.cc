#include "imagetool/layers/gzip_header.h"

#include <isa-l/crc.h>

#include "imagetool/limits.h"
#include "spec/base/text.h"

namespace {

constexpr uint8_t kChecksum = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;
constexpr uint8_t kDeflate = 8;
constexpr size_t kFixed = 10;  // magic, method, flags, time, extra flags, system

Error wrong(std::string message) { return Error(Kind::invalid, std::move(message)); }

}  // namespace

// To the next part that is there.
void GzipHeader::next() {
  const auto is_there = [&](Part part) {
    switch (part) {
      case Part::extra_size:
        return (flags_ & kExtra) != 0;
      case Part::extra:
        return extra_ > 0;
      case Part::name:
        return (flags_ & kName) != 0;
      case Part::comment:
        return (flags_ & kComment) != 0;
      case Part::checksum:
        return (flags_ & kChecksum) != 0;
      default:
        return true;
    }
  };
  do part_ = static_cast<Part>(static_cast<int>(part_) + 1);
  while (!is_there(part_));
  at_ = 0;
}

Result<> GzipHeader::add_fixed(uint8_t byte) {
  if ((at_ == 0 && byte != 0x1f) || (at_ == 1 && byte != 0x8b)) return wrong("it is not gzip");
  if (at_ == 2 && byte != kDeflate) return wrong("its method is not deflate");
  if (at_ == 3) flags_ = byte;
  if (at_ == 3 && (flags_ & kReserved)) return wrong("its header has flags that mean nothing yet");
  if (++at_ == kFixed) next();
  return {};
}

Result<> GzipHeader::add(uint8_t byte) {
  if (++size_ > limits::kGzipHeader)
    return wrong(str::cat("the header of a member is larger than ", limits::kGzipHeader, " bytes"));
  if (part_ != Part::checksum) crc_ = crc32_gzip_refl(crc_, &byte, 1);
  switch (part_) {
    case Part::fixed:
      return add_fixed(byte);
    case Part::extra_size:
      extra_ |= uint32_t{byte} << 8 * at_;
      if (++at_ == 2) next();
      return {};
    case Part::extra:
      if (++at_ == extra_) next();
      return {};
    case Part::name:
    case Part::comment:
      if (byte == 0) next();
      return {};
    case Part::checksum:
      checksum_ |= uint32_t{byte} << 8 * at_;
      if (++at_ < 2) return {};
      if (checksum_ != (crc_ & 0xffff)) return wrong("the checksum of its header does not hold");
      next();
      return {};
    case Part::done:
      break;
  }
  return {};
}

Result<bool> GzipHeader::take(std::string_view& bytes) {
  while (!bytes.empty() && part_ != Part::done) {
    TRY(add(static_cast<uint8_t>(bytes[0])));
    bytes.remove_prefix(1);
  }
  return part_ == Part::done;
}
