#include "spec/base/quote.h"

#include "spec/base/text.h"

namespace str {

static void append_escaped(std::string& out, char c, Quotes style) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\')
    out += {'\\', c};
  else if (c == '\n')
    out += "\\n";
  else if (c == '\t')
    out += "\\t";
  else if (c == '\r')
    out += "\\r";
  else if (style == Quotes::json)
    out += {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
  else
    out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
}

static bool is_plain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u != 0x7f && c != '"' && c != '\\';
}

// What needs no escape, which is nearly everything, is copied by the piece.
static void append_escaped(std::string& out, std::string_view text, Quotes style) {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    while (at < text.size() && is_plain(text[at])) ++at;
    out.append(text, start, at - start);
    if (at < text.size()) append_escaped(out, text[at++], style);
  }
}

void append_quoted(std::string& out, std::string_view text, Quotes style) {
  out += '"';
  while (!text.empty()) {
    const size_t good = utf8_prefix(text);
    append_escaped(out, text.substr(0, good), style);
    if (good == text.size()) break;
    out += "\xef\xbf\xbd";  // U+FFFD
    text.remove_prefix(good + 1);
  }
  out += '"';
}

}  // namespace str
