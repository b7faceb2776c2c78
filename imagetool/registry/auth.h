// Who we are towards one registry: what it asks for in WWW-Authenticate, and how it gets that.
//
//   401 Bearer realm,service,scope ──▶ GET realm?service&scope&account (Basic, if there is a password)
//                                      or POST refresh_token (identity token) ──▶ token, cached until it expires
//   401 Basic                      ──▶ user:password
//
// A Session belongs to one origin and never gives its header to another (Exchange asks for it only while it talks to
// that origin).  The realm must be https unless the user asked for an insecure registry, or it is plain http by itself
// (CVE-2019-10214).  RFC 9110 §11, distribution's "Token Authentication Specification".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/registry/credentials.h"
#include "imagetool/registry/exchange.h"
#include "spec/base/error.h"

namespace auth {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case; a token68 under ""
  [[nodiscard]] std::string get(const std::string& name) const;
};

// One WWW-Authenticate value, which may hold several challenges.  Blanks around '=' and empty list elements are
// accepted; a quote without an end, a parameter given twice or text that is neither is Kind::protocol.
Result<std::vector<Challenge>> parse_challenges(std::string_view value);

struct Token {
  std::string text;
  int64_t lifetime_s = 0;
};
// A token service's answer: `token` or `access_token`, and expires_in (60 s where absent).  Kind::protocol.
Result<Token> parse_token(std::string_view json);

class Session {
 public:
  struct Options {
    http::Origin registry;
    bool insecure = false;   // the user has said so
    std::string name;        // "docker.io", for messages
    std::string repository;  // "library/hello-world"
    std::optional<credentials::Credential> credential;
  };
  // Both are borrowed.
  Session(http::Client& client, const http::Policy& policy, Options options);

  // The Authorization header's value for the registry's origin; empty as long as it has not asked for any.  Gets a new
  // token when the old one is about to expire.
  Result<std::string> authorization();
  // Who is logged in, for messages: "user 'bob'"; empty: nobody.
  [[nodiscard]] std::string user() const;
  // The registry answered 401 to a request with `used` in it.  Kind::denied: there is nothing (more) to offer.
  Result<> challenged(const http::Response& response, const std::string& used);

 private:
  struct Held {
    std::string text;
    int64_t refresh_ms = 0;  // monotonic
  };
  Result<> use_bearer(const Challenge& challenge);
  Result<> use_basic(const std::string& used);
  Result<> fetch_token();
  Result<http::Ask> token_request() const;
  [[nodiscard]] Error refused(int status) const;
  [[nodiscard]] Error needs_login() const;

  http::Client* client_;
  const http::Policy* policy_;
  Options options_;
  std::string basic_;                   // "Basic …"; empty: not in use
  std::optional<Challenge> bearer_;     // the latest
  std::string scope_;                   // of bearer_
  std::map<std::string, Held> tokens_;  // by scope
};

// "Basic <base64 of user:password>"
std::string basic(const credentials::Credential& credential);

}  // namespace auth
