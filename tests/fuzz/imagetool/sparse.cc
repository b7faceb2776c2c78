// Any bytes as the map of a sparse file, in GNU's two forms: a map that passes its check lies within the file, in order.
#include "imagetool/layers/sparse_map.h"
#include "imagetool/layers/tar_header.h"
#include "imagetool/limits.h"
#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

void check_pieces(const tar::SparseMap& map, uint64_t size, uint64_t stored) {
  const Result<> good = map.check(size, stored);
  if (!good.ok()) {
    fuzz::must_be_sentence(good.error());
    return;
  }
  uint64_t sum = 0, end = 0;
  for (const tar::Piece& piece : map.pieces()) {
    must(piece.offset >= end, "pieces are in order and apart");
    must(!__builtin_add_overflow(piece.offset, piece.size, &end), "a piece has an end");
    must(!__builtin_add_overflow(sum, piece.size, &sum), "pieces have a sum");
  }
  must(end <= size, "pieces lie within the file");
  must(sum == stored, "pieces are what is stored");
}

void check_all(const tar::SparseMap& map, uint64_t size) {
  must(map.pieces().size() <= limits::kSparseMap, "the number of pieces is limited");
  uint64_t sum = 0;
  for (const tar::Piece& piece : map.pieces()) sum += piece.size;
  check_pieces(map, size, sum);
  check_pieces(map, size, sum + 1);
  check_pieces(map, UINT64_MAX, sum);
}

void text_form(std::string text, uint64_t size) {
  text.resize((text.size() + tar::kBlock - 1) / tar::kBlock * tar::kBlock, '\0');
  tar::SparseMap map;
  for (size_t at = 0; at < text.size(); at += tar::kBlock) {
    const Result<bool> complete = map.add_text(std::string_view(text).substr(at, tar::kBlock));
    if (!complete.ok()) {
      fuzz::must_be_sentence(complete.error());
      return;
    }
    if (complete.value()) {
      check_all(map, size);
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const bool as_text = input.flag();
  const uint64_t file_size = input.number();
  if (as_text) {
    text_form(std::string(input.rest()), file_size);
    return 0;
  }
  tar::SparseMap map;
  const Result<> read = map.add_table(input.rest());
  if (!read.ok())
    fuzz::must_be_sentence(read.error());
  else
    check_all(map, file_size);
  return 0;
}
