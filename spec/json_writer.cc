#include "spec/json_writer.h"

#include "spec/base/quote.h"

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

Writer& Writer::hundredths(uint64_t n) { return raw(str::cat(n / 100, n % 100 < 10 ? ".0" : ".", n % 100)); }

Writer& Writer::string(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

void Writer::quote(std::string_view text) { str::append_quoted(out_, text, str::Quotes::json); }

}  // namespace json
