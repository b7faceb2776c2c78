#include "spec/digest.h"

#include "spec/base/text.h"

namespace oci {

static size_t hex_length(std::string_view algorithm) {
  if (algorithm == "sha256") return 64;
  if (algorithm == "sha512") return 128;
  return 0;
}

Result<Digest> Digest::parse(std::string_view text) {
  const std::string shown = str::printable(text.substr(0, 160));
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return Error(Kind::invalid, str::cat("'", shown, "' is not a digest such as 'sha256:…'"));
  const size_t length = hex_length(text.substr(0, colon));
  if (length == 0)
    return Error(Kind::invalid,
                 str::cat("digest '", shown, "': unknown algorithm (there are 'sha256' and 'sha512')"));
  const std::string_view hex = text.substr(colon + 1);
  if (hex.size() != length || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return Error(Kind::invalid,
                 str::cat("digest '", shown, "': needs ", length, " lower-case hexadecimal digits"));
  return Digest(std::string(text));
}

Digest Digest::sha256(std::string_view raw) {
  assert(raw.size() == 32);
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "sha256:";
  for (const char c : raw) {
    const auto u = static_cast<unsigned char>(c);
    text += kHex[u >> 4];
    text += kHex[u & 15];
  }
  return Digest(std::move(text));
}

}  // namespace oci
