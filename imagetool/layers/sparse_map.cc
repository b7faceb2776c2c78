#include "imagetool/layers/sparse_map.h"

#include <optional>

#include "imagetool/layers/tar_header.h"
#include "imagetool/limits.h"
#include "spec/base/text.h"

namespace tar {

Result<> SparseMap::add_table(std::string_view table) {
  for (; table.size() >= 24 && table[0] != '\0'; table.remove_prefix(24)) {
    const uint64_t offset = TRY(unsigned_field(number(table.substr(0, 12)), "offset of a piece"));
    const uint64_t size = TRY(unsigned_field(number(table.substr(12, 12)), "size of a piece"));
    if (pieces_.size() >= limits::kSparseMap)
      return Error(Kind::invalid, str::cat("has more than ", limits::kSparseMap, " pieces"));
    pieces_.push_back({offset, size});
  }
  return {};
}

Result<bool> SparseMap::add_text(std::string_view block) {
  text_.append(block);
  size_t from = 0;
  for (size_t at = text_.find('\n'); at != std::string::npos && !text_complete();
       at = text_.find('\n', from)) {
    const std::optional<int64_t> n = str::number<int64_t>(std::string_view(text_).substr(from, at - from));
    if (!n || *n < 0 || (numbers_.empty() && static_cast<uint64_t>(*n) > limits::kSparseMap))
      return Error(Kind::invalid,
                   str::cat("the sparse map is damaged, or has more than ", limits::kSparseMap, " pieces"));
    numbers_.push_back(static_cast<uint64_t>(*n));
    from = at + 1;
  }
  text_.erase(0, from);
  if (!text_complete()) {
    if (text_.size() < kBlock) return false;
    return Error(Kind::invalid, "the sparse map is damaged");
  }
  for (size_t i = 1; i < numbers_.size(); i += 2) pieces_.push_back({numbers_[i], numbers_[i + 1]});
  return true;
}

Result<> SparseMap::check(uint64_t size, uint64_t stored) const {
  uint64_t end = 0, sum = 0;
  for (const Piece& piece : pieces_) {
    if (piece.offset < end || piece.offset > size || piece.size > size - piece.offset)
      return Error(Kind::invalid, "the sparse map is not in order, or leaves the file");
    end = piece.offset + piece.size;
    sum += piece.size;
  }
  if (sum == stored) return {};
  return Error(Kind::invalid, str::cat("the sparse map covers ", sum, " bytes, and ", stored, " are stored"));
}

}  // namespace tar
