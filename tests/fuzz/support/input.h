// What the fuzz targets share.  A target (tests/fuzz/NAME.cc) takes any bytes, gives them to one parser, and checks what
// must hold of every answer: it can be written down and read again, its limits are kept, nothing gets out.  An
// assertion that fails ends the process, as a crash does: libFuzzer keeps the input, replay.cc has named it.
//
// The same objects are linked with libFuzzer (make fuzz) and with replay.cc (make check), so a target may depend on
// nothing but its input: no clock, no randomness, no file that it has not made itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {

inline void must(bool holds, std::string_view what, std::string_view details = {}) {
  if (holds) return;
  const std::string text =
      str::cat("must hold: ", what, details.empty() ? "" : ": ", str::printable(details));
  (void)std::fprintf(stderr, "%s\n", text.c_str());
  std::abort();
}

// What is told to people: something, and nothing that forges a line of a log or acts on a terminal.
inline void must_be_sentence(const Error& error, bool one_line = true) {
  must(!error.message.empty(), "an error says something");
  for (const char c : error.message)
    must((c >= ' ' && c != 0x7f) || (c == '\n' && !one_line) || static_cast<unsigned char>(c) >= 0x80,
         "a message has no control characters", error.message);
}

inline std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes an input apart from its front; behind the end there are zeros and empty words.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : left_(text(data, size)) {}
  [[nodiscard]] bool empty() const { return left_.empty(); }
  uint8_t byte() {
    if (left_.empty()) return 0;
    const auto first = static_cast<uint8_t>(left_[0]);
    left_.remove_prefix(1);
    return first;
  }
  bool flag() { return byte() & 1; }
  // 0 … n - 1.  Precondition: n is 1 to 256.
  size_t below(size_t n) { return byte() % n; }
  template <class T, size_t n>
  const T& one_of(const T (&list)[n]) {
    return list[below(n)];
  }
  uint64_t number(int bytes = 8) {
    uint64_t n = 0;
    for (int i = 0; i < bytes; ++i) n = n << 8 | byte();
    return n;
  }
  // Up to a newline, which is dropped.
  std::string_view line() { return until('\n'); }
  std::string_view until(char end) {
    const size_t at = left_.find(end);
    const std::string_view found = left_.substr(0, at);
    left_.remove_prefix(at == std::string_view::npos ? left_.size() : at + 1);
    return found;
  }
  std::string_view rest() { return left_; }

 private:
  std::string_view left_;
};

}  // namespace fuzz
