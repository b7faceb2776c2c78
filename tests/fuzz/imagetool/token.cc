// Any bytes as a token service's answer: a token that fits into a header, for a time that is one, or one
// sentence that does not tell the token.
#include "imagetool/registry/auth.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/json_mutator.h"

using fuzz::must;

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto token = auth::parse_token(fuzz::text(data, size));
  if (!token.ok()) {
    fuzz::must_be_sentence(token.error());
    must(token.error().message.size() < 200, "a sentence is short");
    return 0;
  }
  must(!token.value().text.empty(), "a token is something");
  for (const char c : token.value().text)
    must(c > ' ' && c < 0x7f, "a token fits into a header", token.value().text);
  must(token.value().lifetime_s > 0 && token.value().lifetime_s < int64_t{1} << 40,
       "a token lives for a time");
  return 0;
}
