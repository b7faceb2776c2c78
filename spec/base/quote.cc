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
  else if (u >= 0x20 && u != 0x7f)
    out += c;
  else if (style == Quotes::json)
    out += {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
  else
    out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
}

void append_quoted(std::string& out, std::string_view text, Quotes style) {
  out += '"';
  while (!text.empty()) {
    const size_t good = utf8_prefix(text);
    for (const char c : text.substr(0, good)) append_escaped(out, c, style);
    if (good == text.size()) break;
    out += "\xef\xbf\xbd";  // U+FFFD
    text.remove_prefix(good + 1);
  }
  out += '"';
}

}  // namespace str
