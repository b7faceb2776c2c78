// Small text tools: joining, splitting, quoting, strict numbers.  No locale, no allocation beyond the result.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace str {

// An argument of cat(): text, a character or an integer.  Borrows the text.
class Piece {
 public:
  Piece(std::string_view text) : text_(text.data()), size_(text.size()) {}
  Piece(const std::string& text) : Piece(std::string_view(text)) {}
  Piece(const char* text) : Piece(text ? std::string_view(text) : std::string_view("(null)")) {}
  Piece(char c) : size_(static_cast<unsigned char>(c)), kind_(Kind::character) {}
  template <std::integral N>
    requires(!std::same_as<N, char> && !std::same_as<N, bool>)
  Piece(N n)
      : size_(static_cast<uint64_t>(n)), kind_(std::signed_integral<N> ? Kind::integer : Kind::natural) {}
  Piece(bool) = delete;  // say what it means instead

  void append_to(std::string& out) const;

 private:
  enum class Kind : uint8_t { text, character, integer, natural };
  const char* text_ = nullptr;
  uint64_t size_;  // or the character, or the integer
  Kind kind_ = Kind::text;
};

std::string concat(std::initializer_list<Piece> pieces);

// Concatenates text, characters and integers (decimal).  It stands in every message: what it does stands once.
template <class... Parts>
[[gnu::always_inline]] inline std::string cat(const Parts&... parts) {
  return concat({Piece(parts)...});
}

// "a,b,,c" → {"a","b","","c"}; the empty string → {}.  The views point into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);  // blanks, tabs and newlines at both ends
bool is_blank(std::string_view text);
std::string lower(std::string_view text);  // ASCII

// Strict: the whole of `text` is a number in range of N in base 10 (no sign for unsigned, no blanks, no '+').
template <std::integral N>
std::optional<N> number(std::string_view text, int base = 10) {
  N n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// A size as people write it: "512", "64k", "512M", "1.5g", "2GiB" (powers of 1024) → bytes; nullopt if it is none.
std::optional<uint64_t> bytes(std::string_view text);

// Control characters, those of Unicode and marks of direction included, and bytes that are no UTF-8 as \n, \t, \xNN, so
// that foreign text cannot forge terminal output or log lines.
std::string printable(std::string_view text);
// The same of at most `limit` bytes, cut between characters, with "…" behind them.
std::string shortened(std::string_view text, size_t limit);

// How many bytes at the start of `text` are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
size_t utf8_prefix(std::string_view text);

// Names in `candidates` that `wrong` may have meant (edit distance ≤ 2 and ≤ a third of its length), nearest first.
std::optional<std::string_view> did_you_mean(std::string_view wrong,
                                             const std::vector<std::string_view>& candidates);

}  // namespace str
