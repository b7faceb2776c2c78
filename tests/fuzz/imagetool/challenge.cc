// Any bytes as a WWW-Authenticate header (RFC 9110 §11), and as a token service's answer.
#include <algorithm>

#include "imagetool/registry/auth.h"
#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string written(const std::vector<auth::Challenge>& challenges) {
  std::string text;
  for (const auth::Challenge& challenge : challenges) {
    text += str::cat(text.empty() ? "" : ", ", challenge.scheme);
    bool first = true;
    for (const auto& [name, value] : challenge.parameters) {
      text += first ? " " : ", ";
      first = false;
      text += name.empty() ? value : str::cat(name, "=", quoted(value));
    }
  }
  return text;
}

bool same(const std::vector<auth::Challenge>& a, const std::vector<auth::Challenge>& b) {
  return std::ranges::equal(a, b, [](const auth::Challenge& x, const auth::Challenge& y) {
    return x.scheme == y.scheme && x.parameters == y.parameters;
  });
}

void check_challenges(std::string_view text) {
  const auto parsed = auth::parse_challenges(text);
  if (!parsed.ok()) {
    fuzz::must_be_sentence(parsed.error());
    return;
  }
  for (const auth::Challenge& challenge : parsed.value()) {
    must(!challenge.scheme.empty() && challenge.scheme == str::lower(challenge.scheme),
         "a scheme in lower case");
    for (const auto& [name, value] : challenge.parameters)
      must(name == str::lower(name), "names in lower case", name);
  }
  const std::string text_again = written(parsed.value());
  const auto again = auth::parse_challenges(text_again);
  must(again.ok() && same(again.value(), parsed.value()), "what was written is the same", text_again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  check_challenges(text);
  const auto token = auth::parse_token(text);
  if (!token.ok()) {
    fuzz::must_be_sentence(token.error());
    return 0;
  }
  must(!token.value().text.empty(), "a token is something");
  must(std::ranges::all_of(token.value().text, [](char c) { return c > ' ' && c < 0x7f; }),
       "a token can stand in a header");
  must(token.value().lifetime_s > 0 && token.value().lifetime_s < (int64_t{1} << 40),
       "a token lives for a while");
  return 0;
}
