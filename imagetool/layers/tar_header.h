// One 512-byte block of a tar archive as a header: its fields, numbers and checksum.  Pure decoding, no state.
//
// The forms differ in where a long name's beginning is and whether there is one: ustar has a prefix of 155 bytes, star
// one of 131, GNU and v7 none.  Numbers are octal text, or base-256 where the first byte has its top bit set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imagetool/layers/tar.h"
#include "spec/base/error.h"

namespace tar {

inline constexpr size_t kBlock = 512;

// Octal with blanks and NULs around it (nothing at all is 0), or base-256 in two's complement.  nullopt: neither, or
// beyond 63 bits.
std::optional<int64_t> number(std::string_view field);

// What number() gave, if it is not negative; Kind::invalid names the field by `what`.
Result<uint64_t> unsigned_field(std::optional<int64_t> n, std::string_view what);

// What an entry's type flag stands for; `name` tells the directories of v7.  Kind::unsupported for those we do not know.
Result<Type> type_of(char flag, std::string_view name);

class Header {
 public:
  // Precondition: `block` has kBlock bytes and outlives this.
  explicit Header(const char* block) : block_(block) {}

  [[nodiscard]] bool zero() const;            // all NUL: an end mark
  [[nodiscard]] bool checksum_holds() const;  // summed as unsigned bytes, or as signed ones like old Suns
  [[nodiscard]] char type() const { return block_[156]; }
  [[nodiscard]] std::string name() const;  // with its prefix
  [[nodiscard]] std::string_view link() const { return text(157, 100); }
  [[nodiscard]] std::optional<int64_t> mode() const { return number(field(100, 8)); }
  [[nodiscard]] std::optional<int64_t> uid() const { return number(field(108, 8)); }
  [[nodiscard]] std::optional<int64_t> gid() const { return number(field(116, 8)); }
  [[nodiscard]] std::optional<int64_t> size() const { return number(field(124, 12)); }
  [[nodiscard]] std::optional<int64_t> mtime() const { return number(field(136, 12)); }
  [[nodiscard]] std::optional<int64_t> major() const { return numbered_device() ? number(field(329, 8)) : 0; }
  [[nodiscard]] std::optional<int64_t> minor() const { return numbered_device() ? number(field(337, 8)) : 0; }

  // Of the GNU sparse form 'S': four pieces here, more in following blocks.
  [[nodiscard]] std::string_view sparse_pieces() const { return field(386, 96); }
  [[nodiscard]] bool sparse_extended() const { return block_[482] != 0; }
  [[nodiscard]] std::optional<int64_t> sparse_size() const { return number(field(483, 12)); }

 private:
  enum class Form { v7, ustar, star, gnu };
  [[nodiscard]] Form form() const;
  [[nodiscard]] bool numbered_device() const { return form() != Form::v7; }
  [[nodiscard]] std::string_view field(size_t at, size_t size) const { return {block_ + at, size}; }
  [[nodiscard]] std::string_view text(size_t at, size_t size) const;  // up to a NUL

  const char* block_;
};

}  // namespace tar
