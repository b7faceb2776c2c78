// A tree of calls → JSON text, on one line or indented as people read it.
//
//   json::Writer w(json::Style::indented);
//   w.begin_object();  w.key("id").string("web");  w.key("pids").begin_array();  w.number(1);  w.end_array();  w.end_object();
//   std::string text = std::move(w).take();
//
// The text is always UTF-8 (RFC 8259 §8.1): bytes that are not become U+FFFD.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "spec/base/text.h"

namespace json {

enum class Style { compact, indented };  // indented: two spaces a level, no line feed at the end

class Writer {
 public:
  explicit Writer(Style style = Style::compact) : style_(style) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);  // the next call gives its value
  Writer& string(std::string_view text);
  Writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  Writer& null() { return raw("null"); }
  template <std::integral N>
    requires(!std::same_as<N, bool> && !std::same_as<N, char>)
  Writer& number(N n) { return raw(str::cat(n)); }
  Writer& hundredths(uint64_t n);  // 1234 as 12.34
  // Precondition: every begin has its end.
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  Writer& raw(std::string_view text);
  void separate();  // the comma, line feed and indentation that belong before the next item
  void quote(std::string_view text);

  Style style_;
  std::string out_;
  size_t depth_ = 0;
  bool first_ = true;  // nothing stands in this container yet
  bool after_key_ = false;
};

}  // namespace json
