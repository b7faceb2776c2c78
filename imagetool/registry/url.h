// http and https URLs, taken apart by libcurl's own parser, so that what we check is what it will contact
// (two parsers that disagree about the host are how credentials end up elsewhere).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/base/error.h"

namespace http {

// What credentials are bound to (R10).
struct Origin {
  std::string scheme;  // "https" or "http"
  std::string host;    // lower case; IPv6 in brackets
  uint16_t port = 0;
  bool operator==(const Origin&) const = default;
  [[nodiscard]] bool secure() const { return scheme == "https"; }
  [[nodiscard]] bool loopback() const;  // localhost, *.localhost, 127.0.0.0/8, [::1]
  [[nodiscard]] std::string authority()
      const;                               // "host" or "host:port", the port only where it is not the default
  [[nodiscard]] std::string text() const;  // "https://host:port"
};

struct Url {
  Origin origin;
  std::string target;  // "/path?query", never empty
  // Kind::invalid: not absolute, another scheme, user info, control characters, longer than limits::kUrl.
  static Result<Url> parse(std::string_view text);
  // A Location header relative to this URL (RFC 3986 §5); a fragment is dropped.
  [[nodiscard]] Result<Url> resolve(std::string_view location) const;
  [[nodiscard]] std::string text() const { return origin.text() + target; }
};

// application/x-www-form-urlencoded: everything but letters, digits and "-._~" as %XX.
std::string escape(std::string_view text);

}  // namespace http
