#include "imagetool/registry/auth.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>

#include "imagetool/limits.h"
#include "spec/base/text.h"
#include "spec/json.h"

namespace auth {

namespace {

constexpr int64_t kDefaultLifetime = 60;      // token specification: where expires_in is absent
constexpr int64_t kLongestLifetime = 86'400;  // nobody gives longer ones; keeps the sums small
constexpr int64_t kRefreshEarly = 10;         // seconds before the end; a tenth of a short life

// Goes into a header as it stands.
bool is_header_safe(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string query(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    if (!value.empty()) out += str::cat(out.empty() ? "" : "&", name, "=", http::escape(value));
  return out;
}

}  // namespace

std::string basic(const credentials::Credential& credential) {
  const std::string plain = str::cat(credential.user, ":", credential.password);
  std::string encoded((plain.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                        reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  encoded.resize(static_cast<size_t>(size));
  return "Basic " + encoded;
}

Result<Token> parse_token(std::string_view text) {
  const auto wrong = [](std::string_view what) {
    return Error(Kind::protocol, str::cat("the token service's answer ", what));
  };
  Result<json::Document> parsed =
      json::parse(text, {.name = "token", .bytes = limits::kTokenResponse, .depth = 16});
  if (!parsed.ok()) return wrong("is no JSON");
  const json::Document document = std::move(parsed).take();
  const json::Value root = document.root();
  Token token{.lifetime_s = kDefaultLifetime};
  for (const char* name : {"token", "access_token"})
    if (token.text.empty()) token.text = std::string(root.find_string(name).value_or(std::string_view()));
  if (token.text.empty()) return wrong("holds no token");
  if (!is_header_safe(token.text)) return wrong("holds a token with blanks or control characters");
  if (const auto expires = root.find("expires_in"); expires && expires->is(json::Type::number)) {
    const auto seconds = str::number<int64_t>(expires->text());
    if (seconds && *seconds > 0) token.lifetime_s = std::min(*seconds, kLongestLifetime);
  }
  return token;
}

Session::Session(http::Client& client, const http::Policy& policy, Options options)
    : client_(&client), policy_(&policy), options_(std::move(options)) {}

Result<std::string> Session::authorization() {
  if (!basic_.empty()) return basic_;
  if (!bearer_) return std::string();
  const auto held = tokens_.find(scope_);
  if (held == tokens_.end() || clocks::monotonic_ms() >= held->second.refresh_ms) TRY(fetch_token());
  return "Bearer " + tokens_[scope_].text;
}

Result<> Session::challenged(const http::Response& response, const std::string& used) {
  std::optional<Challenge> bearer;
  bool wants_basic = false;
  std::optional<Error> malformed;  // counts if there is nothing better
  for (const std::string_view value : response.headers.all("www-authenticate")) {
    Result<std::vector<Challenge>> challenges = parse_challenges(value).within("'", options_.name, "'");
    if (!challenges.ok()) malformed = challenges.take_error();
    if (!challenges.ok()) continue;
    for (const Challenge& challenge : challenges.value()) {
      if (challenge.scheme == "basic") wants_basic = true;
      if (challenge.scheme == "bearer" && !bearer && !challenge.get("realm").empty()) bearer = challenge;
    }
  }
  if (bearer) {
    // Another request may have got a new token while this one was under way with the old.
    const auto held = tokens_.find(scope_);
    if (held != tokens_.end() && !used.empty() && "Bearer " + held->second.text != used) return {};
    return use_bearer(*bearer);
  }
  if (wants_basic) return use_basic(used);
  if (malformed) return *malformed;
  return Error(Kind::protocol,
               str::cat("'", options_.name, "' refuses access (401) without saying how to log in"));
}

Result<> Session::use_basic(const std::string& used) {
  if (!options_.credential || options_.credential->user.empty()) return needs_login();
  if (!used.empty()) return refused(401);
  if (!options_.registry.secure() && !options_.registry.loopback() && !options_.insecure)
    return Error(Kind::denied, str::cat("'", options_.name, "' wants a password over plain http"));
  basic_ = basic(*options_.credential);
  return {};
}

Result<> Session::use_bearer(const Challenge& challenge) {
  basic_.clear();
  bearer_ = challenge;
  scope_ = challenge.get("scope");
  if (scope_.empty()) scope_ = str::cat("repository:", options_.repository, ":pull");
  return fetch_token();
}

Result<http::Ask> Session::token_request() const {
  const http::Url realm =
      TRY(http::Url::parse(bearer_->get("realm")).within("the token service of '", options_.name, "'"));
  const bool insecure = options_.insecure || !options_.registry.secure();
  if (!realm.origin.secure() && !insecure)
    return Error(Kind::protocol, str::cat("'", options_.name, "' names a token service without https, '",
                                          str::printable(realm.origin.text()), "', which is not trusted"));
  const auto& credential = options_.credential;
  std::vector<std::pair<std::string, std::string>> fields = {{"service", bearer_->get("service")}};
  for (const std::string_view scope : str::split(scope_, ' '))
    fields.emplace_back("scope", std::string(scope));

  http::Ask ask{.request = {.url = realm}, .limit = limits::kTokenResponse};
  ask.request.headers.emplace_back("Accept: application/json");
  if (credential && !credential->identity_token.empty()) {
    fields.emplace_back("grant_type", "refresh_token");
    fields.emplace_back("refresh_token", credential->identity_token);
    fields.emplace_back("client_id", "imagetool");
    ask.request.method = http::Method::post;
    ask.request.body = query(fields);
    return ask;
  }
  if (credential) {
    fields.emplace_back("account", credential->user);
    ask.authorize = [value = basic(*credential)] { return Result<std::string>(value); };
  }
  std::string& target = ask.request.url.target;
  target += str::cat(target.find('?') == std::string::npos ? "?" : "&", query(fields));
  return ask;
}

Result<> Session::fetch_token() {
  http::Ask ask = TRY(token_request());
  const int64_t asked_ms = clocks::monotonic_ms();
  const std::string place = ask.request.url.origin.authority();
  const http::Answer answer =
      TRY(http::run(*client_, *policy_, std::move(ask)).within("getting a token for '", options_.name, "'"));
  const int status = answer.response.status;
  if (status == 400 || status == 401 || status == 403) return refused(status);
  if (status == 429 || status >= 500)
    return Error(
        Kind::network, EAGAIN,
        str::cat("the token service '", place, "' answers with status ", status, ": try again later"));
  if (status != 200)
    return Error(Kind::protocol, str::cat("the token service '", place, "' of '", options_.name,
                                          "' answers with status ", status, " and no token"));
  Token token = TRY(parse_token(answer.body).within("'", place, "'"));
  const int64_t early = std::min(kRefreshEarly, token.lifetime_s / 10);
  tokens_[scope_] = {std::move(token.text), asked_ms + (token.lifetime_s - early) * 1000};
  return {};
}

Error Session::needs_login() const {
  return Error(Kind::denied,
               str::cat("repository '", options_.repository, "' of '", options_.name,
                        "' does not exist or needs a login: log in with podman or docker, or use --creds"));
}

std::string Session::user() const {
  if (!options_.credential) return {};
  const std::string& name = options_.credential->user;
  return name.empty() ? std::string("the identity token") : str::cat("user '", str::printable(name), "'");
}

Error Session::refused(int status) const {
  if (!options_.credential) return needs_login();
  return Error(Kind::denied, str::cat("'", options_.name, "' does not accept ", user(), " from ",
                                      options_.credential->source, " (", status, "): log in again"));
}

}  // namespace auth
