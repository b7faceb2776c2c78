// Any bytes: parsed or refused.  What was parsed has a path that leads back to each of its values.
#include "spec/json.h"

#include <cstdlib>

static void check(const json::Document& document, json::Value value, size_t& left) {
  // A path takes its way from the root, so this is only done for so many.
  if (left == 0) return;
  --left;
  const json::Value found = document.nearest(value.path());
  // A key with "']" or a control character in it cannot be told from a path's own signs: then it leads nearby.
  if (found.path() == value.path() && found.offset() != value.offset()) std::abort();
  for (const json::Value child : value) check(document, child, left);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<json::Document> document = json::parse(text, {.name = "x", .bytes = 1 << 16});
  if (!document.ok()) {
    if (document.error().message.empty()) std::abort();
    return 0;
  }
  size_t left = 200;
  check(document.value(), document.value().root(), left);
  return 0;
}
