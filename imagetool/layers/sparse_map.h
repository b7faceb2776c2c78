// Where a sparse file has content: its pieces, collected from GNU's two ways to write them into an archive (a table of
// the old form 'S', decimal text of pax 1.0) or set as a pax header gave them (0.0, 0.1), and checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace tar {

// A stretch of a sparse file that has content.
struct Piece {
  uint64_t offset = 0, size = 0;
};

class SparseMap {
 public:
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  void set(std::vector<Piece> pieces) { pieces_ = std::move(pieces); }

  // Entries {offset, size} of twelve bytes each; one that begins with NUL ends the table.
  Result<> add_table(std::string_view table);

  // One block of form 1.0: decimal numbers, one a line: how many pieces, then their offsets and sizes; padded to a block.
  // True: that was the last one.
  Result<bool> add_text(std::string_view block);

  // Kind::invalid unless the pieces are in order, apart, within a file of `size` bytes, and together `stored` bytes.
  [[nodiscard]] Result<> check(uint64_t size, uint64_t stored) const;

 private:
  [[nodiscard]] bool text_complete() const {
    return !numbers_.empty() && numbers_.size() == 1 + 2 * numbers_[0];
  }

  std::vector<Piece> pieces_;
  std::string text_;  // of form 1.0: a number that has not ended
  std::vector<uint64_t> numbers_;
};

}  // namespace tar
