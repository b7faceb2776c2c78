#include "imagetool/registry/credentials.h"

#include <openssl/evp.h>

#include <algorithm>

#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/process.h"
#include "spec/base/text.h"
#include "spec/json.h"

namespace credentials {

namespace {

constexpr int64_t kHelperTimeoutMs = 60'000;        // some of them ask the user, or a cloud's service
constexpr std::string_view kTokenUser = "<token>";  // docker: the password is an identity token
// Docker Hub's own name in files that docker has written.
constexpr const char* kHubKey = "https://index.docker.io/v1/";

bool is_hub(std::string_view host) {
  return host == kDockerHub || host == "index.docker.io" || host == "registry-1.docker.io";
}

// A key of "auths" as "host[/path]": docker writes URLs, old versions with /v1/ behind the host.
std::string normal_key(std::string_view key) {
  bool is_url = false;
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      is_url = true;
    }
  while (key.ends_with('/')) key.remove_suffix(1);
  const size_t slash = key.find('/');
  std::string host(key.substr(0, slash));
  std::string path(slash == std::string_view::npos ? std::string_view() : key.substr(slash));
  if (is_url || path == "/v1" || path == "/v2") path.clear();
  if (is_hub(host)) host = kDockerHub;
  return host + path;
}

// "host/ns/repo", "host/ns", "host"
std::vector<std::string> wanted_keys(const Reference& image) {
  std::vector<std::string> keys;
  for (std::string key = image.name(); key.size() > image.registry.size(); key.resize(key.rfind('/')))
    keys.push_back(key);
  keys.push_back(image.registry);
  return keys;
}

// The names under which a helper may know the registry.
std::vector<std::string> helper_hosts(const Reference& image) {
  if (image.registry == kDockerHub) return {kHubKey, "docker.io", "index.docker.io", "registry-1.docker.io"};
  return {image.registry};
}

Result<std::string> decode_base64(std::string_view text) {
  std::string in(str::trim(text));
  while (in.size() % 4) in += '=';
  std::string out(in.size() / 4 * 3, '\0');
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(in.data()), static_cast<int>(in.size()));
  if (size < 0) return Error(Kind::invalid, "its 'auth' is not base64");
  const size_t padding = in.size() - std::min(in.find('='), in.size());
  if (padding > 2) return Error(Kind::invalid, "its 'auth' is not base64");
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

Result<Credential> made_of(std::string user, std::string secret) {
  if (user != kTokenUser) return Credential{.user = std::move(user), .password = std::move(secret)};
  if (secret.empty()) return Error(Kind::invalid, str::cat("user '", kTokenUser, "' without a token"));
  return Credential{.identity_token = std::move(secret)};
}

// One entry of "auths"; nullopt for {}, which docker writes where a helper keeps the secret.
Result<std::optional<Credential>> from_entry(json::Value entry) {
  if (!entry.is(json::Type::object))
    return Error(Kind::invalid, str::cat(entry.path(), ": expected an object"));
  const auto text = [&](std::string_view key) { return std::string(entry.find_string(key).value_or("")); };
  if (std::string token = text("identitytoken"); !token.empty())
    return std::optional(Credential{.identity_token = std::move(token)});
  if (const std::string encoded = text("auth"); !encoded.empty()) {
    std::string pair = TRY(decode_base64(encoded).within(entry.path()));
    while (pair.ends_with('\0')) pair.pop_back();  // docker pads with NUL
    return std::optional(TRY(parse_pair(pair).within(entry.path(), ".auth")));
  }
  if (const std::string user = text("username"); !user.empty())
    return std::optional(TRY(made_of(user, text("password")).within(entry.path())));
  return std::optional<Credential>();
}

Result<std::optional<Credential>> from_auths(json::Value root, const Reference& image) {
  const auto auths = root.find("auths");
  if (!auths) return std::optional<Credential>();
  if (!auths->is(json::Type::object)) return Error(Kind::invalid, "auths: expected an object");
  for (const std::string& wanted : wanted_keys(image))
    for (const json::Value entry : *auths) {
      if (normal_key(entry.key()) != wanted) continue;
      std::optional<Credential> found = TRY(from_entry(entry));
      if (found) return found;
    }
  return std::optional<Credential>();
}

bool is_helper_suffix(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<std::optional<Credential>> from_helper(std::string_view suffix, const Reference& image,
                                              Helper& helper) {
  if (!is_helper_suffix(suffix))
    return Error(Kind::invalid,
                 str::cat("'", str::printable(suffix), "' is not the name of a credential helper"));
  for (const std::string& host : helper_hosts(image)) {
    std::optional<Credential> found = TRY(helper.get(std::string(suffix), host));
    if (found) return found;
  }
  return std::optional<Credential>();
}

// credHelpers names one for a registry; the keys are hosts, of Docker Hub in any of its forms.
std::string_view named_helper(json::Value root, const Reference& image) {
  const auto helpers = root.find("credHelpers");
  if (!helpers) return {};
  for (const json::Value entry : *helpers)
    if (entry.is(json::Type::string) && normal_key(entry.key()) == image.registry) return entry.text();
  return {};
}

// ---- the programs --------------------------------------------------------------------------------

// Its answer: {"ServerURL":…, "Username":…, "Secret":…}.  Without either of the two there is nothing to log in by: docker
// and skopeo then go on as anonymous, and so do helpers say that they know nothing of the host (docker-credential-env).
Result<std::optional<Credential>> parse_answer(const std::string& program, std::string_view text) {
  Result<json::Document> parsed =
      json::parse(text, {.name = program, .bytes = limits::kAuthFile, .depth = 8});
  if (!parsed.ok()) return Error(Kind::invalid, str::cat("'", program, "' answered with what is no JSON"));
  const json::Document document = std::move(parsed).take();
  const auto user = document.root().find_string("Username");
  const auto secret = document.root().find_string("Secret");
  if (!user || !secret)
    return Error(Kind::invalid, str::cat("'", program, "' answered without Username and Secret"));
  const bool token = *user == kTokenUser;
  if (user->empty() || (secret->empty() && !token)) {
    if (user->empty() != secret->empty())
      logs::warn("'", program, "' answered with ",
                 secret->empty() ? "a user and no secret" : "a secret and no user", ", ignoring it");
    return std::optional<Credential>();
  }
  Credential found =
      TRY(made_of(std::string(*user), std::string(*secret)).within("'", program, "' answered with"));
  found.source = str::cat("'", program, "'");
  return std::optional(std::move(found));
}

class Programs final : public Helper {
 public:
  explicit Programs(const Environment& environment) : environment_(environment) {}
  Result<std::optional<Credential>> get(const std::string& suffix, const std::string& host) override {
    const std::string program = "docker-credential-" + suffix;
    Result<std::string> path = process::find(program, environment_.path);
    if (!path.ok())
      return Error(Kind::not_found, str::cat("the credential helper '", program,
                                             "' is not in PATH: install it, or take ", "it out of the file"));
    const process::Outcome outcome = TRY(process::run({.path = std::move(path).take(),
                                                       .argv = {program, "get"},
                                                       .env = environment_.all,
                                                       .input = host,
                                                       .timeout_ms = kHelperTimeoutMs,
                                                       .keep = limits::kAuthFile,
                                                       .own_group = true,
                                                       .guarded = true}));
    if (outcome.ok()) return parse_answer(program, outcome.out);
    // docker-credential-helpers: this text, on standard output, says that it has none.
    const std::string said = outcome.out + outcome.err;
    if (said.find("credentials not found") != std::string::npos) return std::optional<Credential>();
    return Error(Kind::os, str::cat("'", program, " get': ", str::printable(outcome.text())));
  }

 private:
  const Environment& environment_;
};

Result<std::optional<Credential>> from_file(const std::string& path, bool must_exist, const Reference& image,
                                            Helper& helper) {
  Result<std::string> text = files::read(Fd::cwd(), path.c_str(), limits::kAuthFile);
  if (!text.ok()) {
    Error error = text.take_error();
    if (error.kind != Kind::not_found) return std::move(error).within("reading credentials");
    if (!must_exist) return std::optional<Credential>();
    return Error(Kind::invalid, str::cat("the credentials file '", path, "' does not exist"));
  }
  std::optional<Credential> found =
      TRY(find_in(text.value(), image, helper).within("credentials in '", path, "'"));
  if (found && found->source.empty()) found->source = str::cat("'", path, "'");
  return found;
}

}  // namespace

Result<Credential> parse_pair(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return Error(Kind::invalid, "expected user:password");  // without the text: it may be the password
  return made_of(std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)));
}

Result<std::optional<Credential>> find_in(std::string_view text, const Reference& image, Helper& helper) {
  if (str::is_blank(text)) return std::optional<Credential>();
  const json::Document document =
      TRY(json::parse(text, {.name = "", .bytes = limits::kAuthFile, .depth = 32}));
  const json::Value root = document.root();
  if (!root.is(json::Type::object)) return Error(Kind::invalid, "expected an object");
  if (const std::string_view suffix = named_helper(root, image); !suffix.empty())
    return from_helper(suffix, image, helper);
  std::optional<Credential> found = TRY(from_auths(root, image));
  if (found) return found;
  if (const auto store = root.find_string("credsStore"); store && !store->empty())
    return from_helper(*store, image, helper);
  return std::optional<Credential>();
}

std::vector<std::string> files(const Environment& environment) {
  std::vector<std::string> paths;
  const auto add = [&](const std::string& directory, const char* rest) {
    if (!directory.empty()) paths.push_back(directory + rest);
  };
  const std::string home_config = environment.home.empty() ? std::string() : environment.home + "/.config";
  const std::string home_docker = environment.home.empty() ? std::string() : environment.home + "/.docker";
  if (!environment.xdg_runtime_dir.empty())
    add(environment.xdg_runtime_dir, "/containers/auth.json");
  else
    add(str::cat("/run/containers/", environment.uid), "/auth.json");
  add(environment.xdg_config_home.empty() ? home_config : environment.xdg_config_home,
      "/containers/auth.json");
  add(environment.docker_config.empty() ? home_docker : environment.docker_config, "/config.json");
  return paths;
}

Result<std::optional<Credential>> find(const Environment& environment, const Options& options,
                                       const Reference& image) {
  if (!options.given.empty()) {
    Credential given = TRY(parse_pair(options.given).within("--creds"));
    given.source = "--creds";
    return std::optional(std::move(given));
  }
  Programs programs(environment);
  const std::string& chosen = options.auth_file.empty() ? environment.registry_auth_file : options.auth_file;
  if (!chosen.empty()) return from_file(chosen, true, image, programs);
  for (const std::string& path : files(environment)) {
    std::optional<Credential> found = TRY(from_file(path, false, image, programs));
    if (found) return found;
  }
  return std::optional<Credential>();
}

}  // namespace credentials
