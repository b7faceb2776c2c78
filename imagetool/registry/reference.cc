#include "imagetool/registry/reference.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "spec/base/text.h"

namespace {

constexpr size_t kRepositoryMax = 255;  // distribution/reference: RepositoryNameTotalLengthMax
constexpr size_t kTagMax = 128;
constexpr size_t kReferenceMax = 1024;  // host, repository, tag and a sha512 digest; the rest is rubbish
constexpr std::string_view kLibrary = "library/";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_lower_or_digit(char c) { return is_lower(c) || is_digit(c); }

// [a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )*
bool is_component(std::string_view text) {
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && is_lower_or_digit(text[i])) ++i;
    if (i == start) return false;  // nothing before, between or after separators
    if (i == text.size()) return true;
    const size_t separator = i;
    while (i < text.size() && !is_lower_or_digit(text[i])) ++i;
    const std::string_view between = text.substr(separator, i - separator);
    const bool dashes = between.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && between != "." && between != "_" && between != "__") return false;
  }
}

bool is_ipv6(std::string_view text) {  // without the brackets; the resolver is stricter
  return !text.empty() && text.find(':') != std::string_view::npos && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
  });
}

bool is_host_name(std::string_view text) {
  const auto is_label = [](std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
  };
  return !text.empty() && text.back() != '.' && std::ranges::all_of(str::split(text, '.'), is_label);
}

// host[:port], [ipv6][:port]
bool is_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  const size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (has_port && (port.size() > 5 || str::number<uint16_t>(port).value_or(0) == 0)) return false;
  if (host.starts_with('['))
    return host.ends_with(']') && host.size() > 2 && is_ipv6(host.substr(1, host.size() - 2));
  return is_host_name(host);
}

bool looks_like_host(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:") != std::string_view::npos;
}

Error wrong(std::string_view text, const auto&... why) {
  return Error(Kind::invalid, str::cat("'", str::printable(text), "': ", why...));
}

struct Parts {
  std::string_view name, tag, digest;
  bool tagged = false, digested = false;
};

// The last '@' starts a digest; a ':' behind the last '/' (and not within an IPv6 host) starts a tag.
Parts take_apart(std::string_view text) {
  Parts parts{.name = text};
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    parts.name = text.substr(0, at);
    parts.digest = text.substr(at + 1);
    parts.digested = true;
  }
  const size_t slash = parts.name.rfind('/');
  const size_t colon = parts.name.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    parts.tag = parts.name.substr(colon + 1);
    parts.name = parts.name.substr(0, colon);
    parts.tagged = true;
  }
  return parts;
}

Result<> check_repository(std::string_view text, std::string_view repository) {
  if (repository.empty()) return wrong(text, "there is no repository name in it");
  if (repository.size() > kRepositoryMax)
    return wrong(text, "the repository name is longer than ", kRepositoryMax, " characters");
  for (const std::string_view component : str::split(repository, '/')) {
    if (is_component(component)) continue;
    const std::string lower = str::lower(component);
    if (lower != component && is_component(lower))
      return wrong(text, "repository names are lower case: did you mean '",
                   str::printable(str::lower(repository)), "'?");
    return wrong(text, "'", str::printable(component),
                 "' is not a part of a repository name: lower-case letters and digits, joined by '.', '_', "
                 "'__' or '-'");
  }
  if (repository.ends_with('/')) return wrong(text, "a repository name does not end in '/'");
  return {};
}

// The host and the rest of the name, with Docker Hub's short forms written out.
Result<> split_name(std::string_view text, std::string_view name, Reference& into) {
  const size_t slash = name.find('/');
  if (slash != std::string_view::npos && looks_like_host(name.substr(0, slash))) {
    into.registry = std::string(name.substr(0, slash));
    into.repository = std::string(name.substr(slash + 1));
    if (!is_authority(into.registry))
      return wrong(text, "'", str::printable(into.registry), "' is not a host name with an optional port");
  } else {
    into.registry = std::string(kDockerHub);
    into.repository = std::string(name);
  }
  if (into.registry == "index.docker.io") into.registry = std::string(kDockerHub);
  const bool short_name = into.repository.find('/') == std::string::npos;
  if (into.registry == kDockerHub && short_name && !into.repository.empty())
    into.repository.insert(0, kLibrary);
  return {};
}

bool is_bare_hex_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

bool reference::is_tag(std::string_view tag) {
  const auto is_word = [](char c) { return is_letter_or_digit(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kTagMax && is_word(tag.front()) &&
         std::ranges::all_of(tag, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Result<Reference> reference::parse(std::string_view text) {
  if (text.empty()) return Error(Kind::invalid, "an image name is empty");
  if (text.size() > kReferenceMax) return wrong(text.substr(0, 64), "longer than any image name");
  if (text.find("://") != std::string_view::npos)
    return wrong(text, "an image name has no scheme: leave out '",
                 str::printable(text.substr(0, text.find("://") + 3)), "'");
  if (is_bare_hex_id(text)) return wrong(text, "64 hex digits are an image id, not a name");

  const Parts parts = take_apart(text);
  Reference result;
  TRY(split_name(text, parts.name, result));
  TRY(check_repository(text, result.repository));
  if (parts.tagged && !is_tag(parts.tag))
    return wrong(text, "'", str::printable(parts.tag), "' is not a tag: up to ", kTagMax,
                 " letters, digits, '_', '.' and '-', not starting with '.' or '-'");
  if (parts.digested)
    result.digest = TRY(oci::Digest::parse(parts.digest).within("'", str::printable(text), "'"));
  result.tag_given = parts.tagged;
  result.tag = parts.tagged ? std::string(parts.tag) : parts.digested ? std::string() : "latest";
  return result;
}

std::string Reference::name() const { return str::cat(registry, "/", repository); }

static std::string with_tag_and_digest(std::string name, const Reference& image) {
  if (!image.tag.empty()) name += str::cat(":", image.tag);
  if (!image.digest.empty()) name += str::cat("@", image.digest.text());
  return name;
}

std::string Reference::text() const { return with_tag_and_digest(name(), *this); }

std::string Reference::familiar_name() const {
  if (registry != kDockerHub) return name();
  const std::string_view rest = repository;
  // Without the registry "a.b/c" would be taken for one of the registry a.b.
  if (looks_like_host(rest.substr(0, rest.find('/')))) return name();
  const bool official =
      rest.starts_with(kLibrary) && rest.find('/', kLibrary.size()) == std::string_view::npos;
  return std::string(official ? rest.substr(kLibrary.size()) : rest);
}

std::string Reference::familiar() const { return with_tag_and_digest(familiar_name(), *this); }

std::string reference::familiar(std::string_view name) {
  const Result<Reference> parsed = parse(name);
  return parsed.ok() ? parsed.value().familiar() : str::printable(name);
}
