// Any bytes as a URL and as a Location relative to it: credentials are bound to what this says the origin is (R10).
#include "imagetool/registry/url.h"

#include <algorithm>

#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

void check(const http::Url& url) {
  const http::Origin& origin = url.origin;
  must(origin.scheme == "https" || origin.scheme == "http", "https or http", origin.scheme);
  must(origin.port != 0, "a port");
  must(!origin.host.empty() && origin.host == str::lower(origin.host), "a host in lower case", origin.host);
  must(std::ranges::none_of(origin.host,
                            [](char c) {
                              return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '@' ||
                                     c == '/' || c == '\\' || c == '?' || c == '#';
                            }),
       "a host is a host", origin.host);
  must(url.target.starts_with('/'), "a target begins at the root", url.target);
  must(std::ranges::none_of(url.target,
                            [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }),
       "a target is one word", url.target);
  const auto again = http::Url::parse(url.text());
  must(again.ok(), "what was written is accepted", url.text());
  must(again.value().origin == origin, "what was written has the same origin", url.text());
  must(again.value().target == url.target, "what was written has the same target", url.text());
}

// Relative to the same host, whatever else it is.
bool stays(std::string_view location) {
  if (location.starts_with('?')) return true;
  return location.size() > 1 && location[0] == '/' && location[1] != '/' && location[1] != '\\';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const auto base = http::Url::parse(input.line());
  if (!base.ok()) {
    fuzz::must_be_sentence(base.error());
    return 0;
  }
  check(base.value());
  const std::string_view location = input.line();
  const auto next = base.value().resolve(location);
  if (!next.ok()) {
    fuzz::must_be_sentence(next.error());
    return 0;
  }
  check(next.value());
  if (stays(location))
    must(next.value().origin == base.value().origin, "a path stays with its origin", location);
  return 0;
}
