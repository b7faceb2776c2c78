#include "spec/json_writer.h"

namespace json {

void Writer::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!first_) out_ += ',';
  first_ = false;
  if (style_ == Style::compact || depth_ == 0) return;
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

Writer& Writer::open(char bracket) {
  separate();
  out_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

Writer& Writer::close(char bracket) {
  --depth_;
  if (!first_ && style_ == Style::indented) {
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }
  out_ += bracket;
  first_ = false;
  return *this;
}

Writer& Writer::raw(std::string_view text) {
  separate();
  out_ += text;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  quote(name);
  out_ += style_ == Style::indented ? ": " : ":";
  after_key_ = true;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

static void append_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (u < 0x20 || u == 0x7f)
      out += {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
    else
      out += c;
  }
}

void Writer::quote(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    const size_t good = str::utf8_prefix(text);
    append_escaped(out_, text.substr(0, good));
    if (good == text.size()) break;
    out_ += "\xef\xbf\xbd";  // U+FFFD
    text.remove_prefix(good + 1);
  }
  out_ += '"';
}

}  // namespace json
