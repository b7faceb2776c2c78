// Changes of JSON text that leave it JSON.  libFuzzer's own change bytes, and hardly get past the grammar: what a document
// says is reached by changing its values.  A value becomes another of the same document or a word that is often wrong, a
// member or element goes, comes twice, or is taken over from another input to where its kind stands; and a string or number
// changes as libFuzzer would change it.  One time in eight, and where the text is no JSON, the bytes change after all.
//
// FUZZ_JSON_BEHIND(bytes) makes a target one of documents that begin behind so many bytes: it defines libFuzzer's hooks for
// changes (its manual, "Structure-aware fuzzing").  replay.cc never calls them.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/support/input.h"

// libFuzzer's; weak, because replays are linked without it.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace fuzz {

// Where the values of a text are.
class JsonText {
 public:
  static constexpr size_t kNone = SIZE_MAX;
  struct Piece {
    size_t member = 0;          // where its key begins; in an array, where itself does
    size_t begin = 0, end = 0;  // of the value
    size_t parent = kNone;      // among the pieces
    std::string_view key;       // as written, without its quotes
    [[nodiscard]] bool keyed() const { return member != begin; }
  };

  explicit JsonText(std::string_view text) : text_(text) {
    if (!value(kNone, {}, kNone, 0)) pieces_.clear();
  }
  // In the order of the text; empty if that is no JSON.
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  [[nodiscard]] std::string_view of(const Piece& piece) const {
    return text_.substr(piece.begin, piece.end - piece.begin);
  }
  // With its key, if it has one.
  [[nodiscard]] std::string_view member_of(const Piece& piece) const {
    return text_.substr(piece.member, piece.end - piece.member);
  }
  [[nodiscard]] std::string replaced(size_t begin, size_t end, std::string_view by) const {
    return str::cat(text_.substr(0, begin), by, text_.substr(end));
  }

 private:
  static constexpr int kDeepest = 100;

  bool value(size_t parent, std::string_view key, size_t member, int depth) {
    blanks();
    if (at_ == text_.size() || depth > kDeepest) return false;
    const size_t index = pieces_.size(), begin = at_;
    pieces_.push_back({.member = member == kNone ? at_ : member, .begin = at_, .parent = parent, .key = key});
    const char c = text_[at_];
    if (c == '{' || c == '[') {
      if (!container(index, c == '{', depth)) return false;
    } else if (c == '"') {
      if (!string()) return false;
    } else {
      at_ = std::min(text_.find_first_of(" \t\r\n,:]}[{\"", at_), text_.size());
    }
    pieces_[index].end = at_;
    return at_ > begin;
  }
  bool container(size_t index, bool object, int depth) {
    const char close = object ? '}' : ']';
    ++at_;
    if (next_is(close)) return true;
    do {
      blanks();
      const size_t member = at_;
      std::string_view key;
      if (object) {
        if (!string()) return false;
        key = text_.substr(member + 1, at_ - member - 2);
        if (!next_is(':')) return false;
      }
      if (!value(index, key, member, depth + 1)) return false;
    } while (next_is(','));
    return next_is(close);
  }
  bool string() {
    if (at_ == text_.size() || text_[at_] != '"') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, true;
      if (text_[at_] == '\\') ++at_;
    }
    return false;
  }
  void blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool next_is(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Piece> pieces_;
};

class JsonMutator {
 public:
  JsonMutator(std::string_view text, unsigned seed) : text_(text), json_(text), random_(seed) {}

  // Empty: the text is no JSON, or it is the turn of its bytes.
  std::string changed() {
    const auto& pieces = json_.pieces();
    if (pieces.empty() || below(8) == 0) return {};
    const JsonText::Piece& piece = pieces[below(pieces.size())];
    switch (below(6)) {
      case 0:
        return json_.replaced(piece.begin, piece.end, words_[below(words_.size())]);
      case 1:
        return json_.replaced(piece.begin, piece.end, json_.of(pieces[below(pieces.size())]));
      case 2:
        return without(piece);
      case 3:
        return with(piece, json_, pieces[below(pieces.size())]);
      case 4:
        return with(piece, json_, piece);
      default:
        return scalar_changed(piece);
    }
  }

  // With a part of `other`: a value in place of one of the same key, or a member put where that key's siblings are.
  std::string crossed(std::string_view other) {
    const JsonText theirs(other);
    if (json_.pieces().empty() || theirs.pieces().empty()) return {};
    const JsonText::Piece& taken = theirs.pieces()[below(theirs.pieces().size())];
    std::vector<const JsonText::Piece*> places;
    for (const JsonText::Piece& piece : json_.pieces())
      if (parent_key(json_, piece) == parent_key(theirs, taken) && piece.keyed() == taken.keyed())
        places.push_back(&piece);
    if (places.empty()) return {};
    for (const JsonText::Piece* place : places)
      if (place->key == taken.key && below(2) == 0)
        return json_.replaced(place->begin, place->end, theirs.of(taken));
    return with(*places[below(places.size())], theirs, taken);
  }

 private:
  // What is often wrong; a blank stands between them.
  static constexpr std::string_view kWords =
      "null true false 0 1 -1 2 1e3 0.5 4294967295 4294967296 9223372036854775807 18446744073709551615 "
      R"(-9223372036854775808 "" "/" ".." "a" "/a" "a/b" "\u0000" "a\nb" "0" [] {} [""] ["a","a"] {"a":"b"})";

  size_t below(size_t n) { return random_() % n; }
  static std::string_view parent_key(const JsonText& json, const JsonText::Piece& piece) {
    if (piece.parent == JsonText::kNone) return {};
    const JsonText::Piece& parent = json.pieces()[piece.parent];
    return parent.key.empty() && parent.parent != JsonText::kNone ? json.pieces()[parent.parent].key
                                                                  : parent.key;
  }

  [[nodiscard]] std::string without(const JsonText::Piece& piece) const {
    size_t begin = piece.member, end = piece.end;
    const size_t before = text_.find_last_not_of(" \t\r\n", begin == 0 ? 0 : begin - 1);
    const size_t behind = text_.find_first_not_of(" \t\r\n", end);
    if (behind < text_.size() && text_[behind] == ',')
      end = behind + 1;
    else if (before < begin && text_[before] == ',')
      begin = before;
    return json_.replaced(begin, end, "");
  }
  // `taken` behind `piece`, with a key just where one is needed.
  [[nodiscard]] std::string with(const JsonText::Piece& piece, const JsonText& from,
                                 const JsonText::Piece& taken) const {
    if (piece.parent == JsonText::kNone) return std::string(from.of(taken));
    std::string added = str::cat(",", piece.keyed() ? from.member_of(taken) : from.of(taken));
    if (piece.keyed() && !taken.keyed()) added = str::cat(",\"", piece.key, "\":", from.of(taken));
    return json_.replaced(piece.end, piece.end, added);
  }
  std::string scalar_changed(const JsonText::Piece& piece) {
    std::string inside(json_.of(piece));
    if (inside.starts_with('{') || inside.starts_with('[') || LLVMFuzzerMutate == nullptr) return {};
    const bool quoted = inside.starts_with('"');
    if (quoted) inside = inside.substr(1, inside.size() - 2);
    const size_t old = inside.size();
    inside.resize(old + 64);
    inside.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(inside.data()), old, inside.size()));
    for (char& c : inside)
      if (static_cast<uint8_t>(c) < ' ' || static_cast<uint8_t>(c) > '~' || c == '"' || c == '\\') c = 'a';
    return json_.replaced(piece.begin, piece.end, quoted ? str::cat("\"", inside, "\"") : inside);
  }

  std::string_view text_;
  JsonText json_;
  std::vector<std::string_view> words_ = str::split(kWords, ' ');
  std::minstd_rand random_;
};

// The first `before` bytes are none of the document's.
inline size_t mutate_json(uint8_t* data, size_t size, size_t most, unsigned seed, size_t before) {
  before = std::min(before, size);
  const std::string made = JsonMutator(text(data, size).substr(before), seed).changed();
  if (made.empty() || before + made.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data + before, made.data(), made.size());
  return before + made.size();
}

inline size_t cross_json(std::string_view one, std::string_view other, uint8_t* out, size_t most,
                         unsigned seed, size_t before) {
  before = std::min({before, one.size(), other.size()});
  const std::string made = JsonMutator(one.substr(before), seed).crossed(other.substr(before));
  if (made.empty() || before + made.size() > most) return 0;
  std::memcpy(out, one.data(), before);
  std::memcpy(out + before, made.data(), made.size());
  return before + made.size();
}

}  // namespace fuzz

#define FUZZ_JSON_BEHIND(bytes)                                                                              \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {        \
    return fuzz::mutate_json(data, size, most, seed, bytes);                                                 \
  }                                                                                                          \
  extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,     \
                                              size_t other_size, uint8_t* out, size_t most, unsigned seed) { \
    return fuzz::cross_json(fuzz::text(one, one_size), fuzz::text(other, other_size), out, most, seed,       \
                            bytes);                                                                          \
  }
