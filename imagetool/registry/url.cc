#include "imagetool/registry/url.h"

#include <algorithm>
#include <memory>

#include "imagetool/limits.h"
#include "imagetool/registry/curl.h"
#include "spec/base/text.h"

namespace http {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl::library().url_cleanup(url); }
};
using Parser = std::unique_ptr<CURLU, FreeUrl>;

// A URL in a message: without its query, which may be a signature that gives access.
std::string shown(std::string_view text) {
  return str::printable(text.substr(0, std::min<size_t>(text.find('?'), 200)));
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl::library().url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  curl::library().free(text);
  return result;
}

Result<> set(CURLU* url, std::string_view text) {
  if (text.size() > limits::kUrl)
    return Error(Kind::invalid, str::cat("a URL is longer than ", limits::kUrl, " bytes"));
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
    return Error(Kind::invalid,
                 str::cat("'", shown(text), "': blanks and control characters do not belong in a URL"));
  if (curl::library().url_set(url, CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    return Error(Kind::invalid, str::cat("'", shown(text), "' is not a URL"));
  return {};
}

Result<Url> take_apart(CURLU* url, std::string_view text) {
  Url result;
  result.origin.scheme = str::lower(part(url, CURLUPART_SCHEME));
  if (result.origin.scheme != "https" && result.origin.scheme != "http")
    return Error(Kind::invalid, str::cat("'", shown(text), "': neither https nor http"));
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
    return Error(Kind::invalid, "a URL with a user name in it is not followed");
  result.origin.host = str::lower(part(url, CURLUPART_HOST));
  const auto port = str::number<uint16_t>(part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (result.origin.host.empty() || !port || *port == 0)
    return Error(Kind::invalid, str::cat("'", shown(text), "': a host and a port are needed"));
  result.origin.port = *port;
  result.target = part(url, CURLUPART_PATH);
  if (result.target.empty()) result.target = "/";
  if (const std::string query = part(url, CURLUPART_QUERY); !query.empty())
    result.target += str::cat("?", query);
  return result;
}

}  // namespace

bool Origin::loopback() const {
  if (host == "localhost" || host.ends_with(".localhost") || host == "[::1]") return true;
  const auto bytes = str::split(host, '.');
  return bytes.size() == 4 && bytes[0] == "127" &&
         std::ranges::all_of(bytes, [](std::string_view b) { return str::number<uint8_t>(b).has_value(); });
}

std::string Origin::authority() const {
  const uint16_t standard = secure() ? 443 : 80;
  return port == standard ? host : str::cat(host, ":", port);
}

std::string Origin::text() const { return str::cat(scheme, "://", authority()); }

Result<Url> Url::parse(std::string_view text) {
  const curl::Library& curl = *TRY(curl::load());
  const Parser url(curl.url());
  if (!url) return Error(Kind::os, "out of memory");
  TRY(set(url.get(), text));
  return take_apart(url.get(), text);
}

Result<Url> Url::resolve(std::string_view location) const {
  const curl::Library& curl = *TRY(curl::load());
  const Parser url(curl.url());
  if (!url) return Error(Kind::os, "out of memory");
  TRY(set(url.get(), text()));
  TRY(set(url.get(), location));
  return take_apart(url.get(), location);
}

std::string escape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    const auto u = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out += {'%', kHex[u >> 4], kHex[u & 15]};
  }
  return out;
}

}  // namespace http
