#include "spec/base/text.h"

#include <algorithm>
#include <cstring>

namespace str {

void Piece::append_to(std::string& out) const {
  char digits[24];
  switch (kind_) {
    case Kind::text:
      out.append(text_, size_);
      return;
    case Kind::character:
      out.push_back(static_cast<char>(size_));
      return;
    case Kind::integer:
      out.append(digits, std::to_chars(digits, digits + sizeof digits, static_cast<int64_t>(size_)).ptr);
      return;
    case Kind::natural:
      out.append(digits, std::to_chars(digits, digits + sizeof digits, size_).ptr);
  }
}

std::string concat(std::initializer_list<Piece> pieces) {
  std::string out;
  for (const Piece& piece : pieces) piece.append_to(out);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  parts.reserve(1 + static_cast<size_t>(std::count(text.begin(), text.end(), separator)));
  size_t from = 0;
  for (size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator, from)) {
    parts.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) out.append(separator);
    out.append(parts[i]);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_blank(std::string_view text) { return trim(text).empty(); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<uint64_t> bytes(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string unit = lower(text.substr(digits));
  if (unit.ends_with("ib"))
    unit.resize(unit.size() - 2);
  else if (unit.size() > 1 && unit.ends_with('b'))
    unit.resize(unit.size() - 1);
  constexpr std::string_view kUnits = "bkmgtp";
  const size_t power = unit.empty() ? 0 : unit.size() == 1 ? kUnits.find(unit[0]) : std::string_view::npos;
  if (power == std::string_view::npos) return std::nullopt;
  const uint64_t scale = uint64_t{1} << (10 * power);

  const std::string_view whole_and_part = text.substr(0, digits);
  const size_t dot = whole_and_part.find('.');
  const auto whole = number<uint64_t>(whole_and_part.substr(0, dot));
  if (!whole || *whole > UINT64_MAX / scale) return std::nullopt;
  uint64_t total = *whole * scale;
  if (dot == std::string_view::npos) return total;
  const std::string_view decimals = whole_and_part.substr(dot + 1);
  const auto part = number<uint64_t>(decimals);
  if (!part || decimals.size() > 6) return std::nullopt;
  uint64_t tens = 1;
  for (size_t i = 0; i < decimals.size(); ++i) tens *= 10;
  // *part < 10^6 and scale ≤ 2^50: split so that nothing overflows.
  const uint64_t fraction = scale / tens * *part + scale % tens * *part / tens;
  if (fraction > UINT64_MAX - total) return std::nullopt;
  return total + fraction;
}

// The length of the UTF-8 sequence at `at`, 0 if there is no well-formed one (RFC 3629, section 4).
static size_t utf8_sequence(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if ((first & 0xf0) == 0xe0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  const bool overlong = first == 0xf0 && byte(1) < 0x90;
  const bool too_large = first == 0xf4 && byte(1) >= 0x90;
  return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
}

// What a terminal obeys, or what turns the order of the text around it, without being ASCII: C1 control characters,
// line and paragraph separators, marks of direction.
static bool is_control_sequence(std::string_view character) {
  if (character.size() == 2) return character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]),
             third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
  return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

std::string printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  const auto escape = [&](std::string_view bytes) {
    for (const char c : bytes) {
      const auto u = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
    }
  };
  while (!text.empty()) {
    const size_t length = utf8_sequence(text, 0);
    const std::string_view character = text.substr(0, length ? length : 1);
    const char c = character[0];
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (length == 0 || control || is_control_sequence(character))
      escape(character);
    else
      out += character;
    text.remove_prefix(character.size());
  }
  return out;
}

std::string shortened(std::string_view text, size_t limit) {
  if (text.size() <= limit) return printable(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return cat(printable(text.substr(0, limit)), "…");
}

size_t utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    for (uint64_t eight; at + 8 <= text.size(); at += 8) {  // plain ASCII, which most text is
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080) != 0) break;
    }
    if (at == text.size()) break;
    const size_t length = utf8_sequence(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

// Letters inserted, left out, replaced, or exchanged with their neighbour ("optimal string alignment").
static size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string_view> did_you_mean(std::string_view wrong,
                                             const std::vector<std::string_view>& candidates) {
  if (wrong.size() > 64) return std::nullopt;
  std::optional<std::string_view> best;
  size_t best_distance = std::min<size_t>(2, std::max<size_t>(1, wrong.size() / 3)) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t longer = std::max(wrong.size(), candidate.size());
    if (longer - std::min(wrong.size(), candidate.size()) >= best_distance) continue;  // cannot be nearer
    const size_t distance = edit_distance(wrong, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

}  // namespace str
