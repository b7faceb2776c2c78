// Digests of the OCI image specification (descriptor.md): "sha256:<64 lower-case hex>", "sha512:<128 …>".
// A Digest is valid by construction, so it is safe in a path or a URL.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "spec/base/error.h"

namespace oci {

class Digest {
 public:
  // Kind::invalid for an unknown algorithm, a wrong length, or anything but lower-case hex.
  static Result<Digest> parse(std::string_view text);
  // sha256 of 32 raw bytes.
  static Digest sha256(std::string_view raw);

  Digest() = default;  // empty(): "no digest"
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view algorithm() const {
    return std::string_view(text_).substr(0, text_.find(':'));
  }
  [[nodiscard]] std::string_view hex() const { return std::string_view(text_).substr(text_.find(':') + 1); }
  [[nodiscard]] std::string short_id() const { return std::string(hex().substr(0, 12)); }
  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace oci
