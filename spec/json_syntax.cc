#include "spec/json_syntax.h"

#include "spec/base/text.h"

namespace json {

static size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
    ++at;
  return at;
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '+' || c == '.';
}

// The thing at `at` as a person would point at it: a short string, a word, or one character.
static std::string found(std::string_view text, size_t at) {
  size_t end = at;
  if (text[at] == '"') {
    const size_t close = text.find_first_of("\"\\\n", at + 1);
    if (close < at + 40 && text[close] == '"') return str::printable(text.substr(at, close + 1 - at));
  }
  while (end < text.size() && end < at + 24 && is_word(text[end])) ++end;
  if (end == at) {  // one whole character, which may be several bytes
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return str::cat("'", str::printable(text.substr(at, end - at)), "'");
}

static SyntaxError ended(std::string_view text, const Standing& standing) {
  if (str::is_blank(text)) return {0, "the document is empty"};
  const char* where = standing.in == Standing::In::array    ? "in the middle of an array"
                      : standing.in == Standing::In::object ? "in the middle of an object"
                                                            : "too early";
  return {text.size(), str::cat("the text ends ", where, "; is it cut off?")};
}

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static SyntaxError bad_escape(std::string_view text, size_t at) {
  const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
  if (kind == 'u') return {at, "'\\u' needs four hexadecimal digits"};
  return {at, str::cat("unknown escape '\\", str::printable(text.substr(at + 1, 1)), "' in a string")};
}

static bool good_escape(std::string_view text, size_t at) {
  if (at + 1 >= text.size()) return false;
  if (text[at + 1] != 'u') return std::string_view("\"\\/bfnrt").find(text[at + 1]) != std::string_view::npos;
  for (size_t i = at + 2; i < at + 6; ++i)
    if (i >= text.size() || !is_hex(text[i])) return false;
  return true;
}

static SyntaxError bad_string(std::string_view text, size_t start) {
  for (size_t at = start + 1; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"') break;
    if (c == '\n') return {start, "the string is not closed on its line"};
    if (c < 0x20)
      return {at, str::cat("a control character in a string must be escaped, as in '\\u00",
                           c < 16 ? "0" : "1", std::string(1, "0123456789abcdef"[c & 15]), "'")};
    if (c != '\\') continue;
    if (at + 1 >= text.size()) break;
    if (!good_escape(text, at)) return bad_escape(text, at);
    ++at;
  }
  return {start, "the string is not closed"};
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static SyntaxError bad_number(std::string_view text, size_t start) {
  return {start, str::cat(found(text, start), " is not a number")};
}

// "01" is to the parser a 0, and then something that must not follow it.  `at`: behind a value.
static bool is_leading_zero(std::string_view text, size_t at) {
  return at > 0 && text[at - 1] == '0' && is_digit(text[at]);
}

static SyntaxError bad_value(std::string_view text, size_t at, const Standing& standing) {
  if (at >= text.size()) return ended(text, standing);
  const char c = text[at];
  if (c == '"') return bad_string(text, at);
  if (is_digit(c) || c == '-') return bad_number(text, at);
  if (c == '\'') return {at, "strings are written in double quotes"};
  if (c == '/' || c == '#') return {at, "comments are not allowed in JSON"};
  if (text.substr(at).starts_with("\xef\xbb\xbf"))
    return {at, "the text starts with a byte-order mark; save it as plain UTF-8"};
  const std::string word = str::lower(text.substr(at, 5));
  for (const std::string_view literal : {"true", "false", "null", "none"})
    if (std::string_view(word).starts_with(literal))
      return {at, str::cat("unknown word ", found(text, at), " (did you mean '",
                           literal == "none" ? "null" : literal, "'?)")};
  return {at, str::cat("expected a value, found ", found(text, at))};
}

static SyntaxError bad_key(std::string_view text, size_t at, const Standing& standing) {
  if (at >= text.size()) return ended(text, standing);
  if (text[at] == '"') return bad_string(text, at);
  if (text[at] == '/' || text[at] == '#') return {at, "comments are not allowed in JSON"};
  if (text[at] == '\'') return {at, "names and strings are written in double quotes"};
  return {at, str::cat("expected a property name in double quotes, found ", found(text, at))};
}

static SyntaxError after_value(std::string_view text, size_t at, const Standing& standing) {
  if (standing.in == Standing::In::top)
    return {at, str::cat("nothing may follow the end of the document, found ", found(text, at))};
  if (is_leading_zero(text, at)) return {at - 1, "a number must not start with a zero"};
  const bool object = standing.in == Standing::In::object;
  const char* close = object ? "}" : "]";
  if (text[at] == ',') {
    const size_t next = skip_blanks(text, at + 1);
    if (next < text.size() && text[next] == *close)
      return {at, str::cat("trailing comma before '", close, "'")};
    return object ? bad_key(text, next, standing) : bad_value(text, next, standing);
  }
  if (text[at] == '"' || text[at] == '{' || text[at] == '[')
    return {at, str::cat("missing ',' before ", found(text, at))};
  if (text[at] == '/' || text[at] == '#') return {at, "comments are not allowed in JSON"};
  return {at, str::cat("expected ',' or '", close, "', found ", found(text, at))};
}

SyntaxError explain(std::string_view text, const Standing& standing) {
  const size_t at = skip_blanks(text, standing.offset);
  if (at >= text.size()) return ended(text, standing);
  switch (standing.last) {
    case Standing::Last::nothing:
      return bad_value(text, at, standing);
    case Standing::Last::opening:
      return standing.in == Standing::In::object ? bad_key(text, at, standing)
                                                 : bad_value(text, at, standing);
    case Standing::Last::value:
      return after_value(text, at, standing);
    case Standing::Last::key:
      break;
  }
  if (text[at] != ':') return {at, str::cat("expected ':' after a property name, found ", found(text, at))};
  return bad_value(text, skip_blanks(text, at + 1), standing);
}

}  // namespace json
