#include "imagetool/layers/tar_header.h"

#include <cstring>

#include "spec/base/text.h"

namespace tar {

namespace {

std::optional<int64_t> base256(std::string_view field) {
  const auto first = static_cast<unsigned char>(field[0]);
  const bool negative = first & 0x40;
  uint64_t n = negative ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = negative ? byte | 0x80 : byte & 0x7f;
    // What is shifted out must be nothing but the sign.
    const uint64_t top = n >> 55;
    if (top != (negative ? 0x1ff : 0)) return std::nullopt;
    n = n << 8 | byte;
  }
  return static_cast<int64_t>(n);
}

}  // namespace

std::optional<int64_t> number(std::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80)) return base256(field);
  constexpr std::string_view kPadding(" \0", 2);
  const size_t first = field.find_first_not_of(kPadding);
  if (first == std::string_view::npos) return 0;
  // Behind the first NUL there may be anything: some writers do not clear their buffers.
  const std::string_view digits = field.substr(first, field.find_first_of(kPadding, first) - first);
  const std::optional<uint64_t> n = str::number<uint64_t>(digits, 8);
  if (!n || *n > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(*n);
}

Result<uint64_t> unsigned_field(std::optional<int64_t> n, std::string_view what) {
  if (!n || *n < 0)
    return Error(Kind::invalid, str::cat("tar header: the ", what, " is not a number from 0 to 2^63-1"));
  return static_cast<uint64_t>(*n);
}

Result<Type> type_of(char flag, std::string_view name) {
  switch (flag) {
    case '\0':
      return name.ends_with('/') ? Type::directory : Type::file;  // v7 had no directories
    case '0':
    case '7':
    case 'S':
      return Type::file;
    case '1':
      return Type::hard_link;
    case '2':
      return Type::symlink;
    case '3':
      return Type::char_device;
    case '4':
      return Type::block_device;
    case '5':
      return Type::directory;
    case '6':
      return Type::fifo;
    default:
      break;
  }
  const std::string_view hint =
      flag == 'D' || flag == 'M' || flag == 'N' ? ", which belongs to GNU tar's backups" : "";
  return Error(Kind::unsupported,
               str::cat("has the type '", str::printable({&flag, 1}), "'", hint,
                        "; image layers hold files, directories, links, devices and fifos"));
}

bool Header::zero() const { return block_[0] == 0 && std::memcmp(block_, block_ + 1, kBlock - 1) == 0; }

namespace {

constexpr size_t kSumAt = 148, kSumSize = 8;

// Of all bytes as unsigned numbers, eight at a time: lanes of 16 bits have room for the 128 bytes of each.
int64_t sum_of(const char* block) {
  constexpr uint64_t kEven = 0x00ff00ff00ff00ff;
  uint64_t lanes = 0;
  for (size_t i = 0; i < kBlock; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, block + i, sizeof word);
    lanes += (word & kEven) + (word >> 8 & kEven);
  }
  uint64_t sum = 0;
  for (; lanes != 0; lanes >>= 16) sum += lanes & 0xffff;
  return static_cast<int64_t>(sum);
}

}  // namespace

// Its own field counts as blanks.  Some old writers took bytes for signed numbers.
bool Header::checksum_holds() const {
  const std::string_view own = field(kSumAt, kSumSize);
  const std::optional<int64_t> want = number(own);
  if (!want) return false;
  int64_t sum = sum_of(block_) + ' ' * int64_t{kSumSize};
  for (const char c : own) sum -= static_cast<unsigned char>(c);
  if (*want == sum) return true;
  for (size_t i = 0; i < kBlock; ++i)
    if ((i < kSumAt || i >= kSumAt + kSumSize) && (static_cast<unsigned char>(block_[i]) & 0x80)) sum -= 256;
  return *want == sum;
}

Header::Form Header::form() const {
  const std::string_view magic = field(257, 8);
  if (magic == std::string_view("ustar  \0", 8)) return Form::gnu;
  if (!magic.starts_with(std::string_view("ustar\0", 6))) return Form::v7;
  return field(508, 4) == std::string_view("tar\0", 4) ? Form::star : Form::ustar;
}

std::string_view Header::text(size_t at, size_t size) const {
  const std::string_view whole = field(at, size);
  return whole.substr(0, whole.find('\0'));
}

std::string Header::name() const {
  const Form f = form();
  const std::string_view last = text(0, 100);
  const std::string_view prefix = f == Form::ustar ? text(345, 155) : f == Form::star ? text(345, 131) : "";
  return prefix.empty() ? std::string(last) : str::cat(prefix, "/", last);
}

}  // namespace tar
