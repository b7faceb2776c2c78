// Where names and passwords for registries come from: the files that docker, podman and skopeo write at `login`
// (containers-auth.json(5)), and the helper programs those files name (docker-credential-X).
//
// Files, the first that knows the repository wins:
//   --authfile or $REGISTRY_AUTH_FILE (then no other) · $XDG_RUNTIME_DIR/containers/auth.json (root:
//   /run/containers/0/auth.json) · $XDG_CONFIG_HOME/containers/auth.json · $DOCKER_CONFIG/config.json
// Inside a file a key "host/ns/repo" goes before "host/ns" and "host"; Docker Hub answers to all four of its names.
// Nothing here talks to the network; who gets to see a Credential is auth::Session's business.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/registry/reference.h"
#include "spec/base/error.h"

// The part of environ that registry access depends on; read once, in main.  Empty: not set.
struct Environment {
  std::string home, path;
  std::string xdg_runtime_dir, xdg_config_home;
  std::string docker_config, registry_auth_file;
  std::string ssl_cert_file, ssl_cert_dir;
  uid_t uid = 0;                 // effective
  std::vector<std::string> all;  // every "NAME=value": credential helpers need their own
};

namespace credentials {

struct Credential {
  std::string user, password;
  std::string identity_token;  // OAuth2 refresh token; then `user` and `password` are empty
  std::string source;          // the file or helper it came from, for messages
};

struct Options {
  std::string auth_file;  // --authfile; the file must exist
  std::string given;      // --creds "user:password", before any file
};

// nullopt: nobody has any, go on anonymously.  Kind::invalid: a file that is there but cannot be understood, with its
// name; a helper that fails is an error naming the program.
Result<std::optional<Credential>> find(const Environment& environment, const Options& options,
                                       const Reference& image);

// The same for one file's text: `helper` runs "docker-credential-<suffix> get" with a host on stdin, and gives nullopt
// if the helper has none.  Apart, so that it can be tested without files and programs.
struct Helper {
  virtual ~Helper() = default;
  virtual Result<std::optional<Credential>> get(const std::string& suffix, const std::string& host) = 0;
};
Result<std::optional<Credential>> find_in(std::string_view text, const Reference& image, Helper& helper);

// "user:password" → Credential; Kind::invalid without a colon or a user.
Result<Credential> parse_pair(std::string_view text);

// The files that would be looked at, in order.
std::vector<std::string> files(const Environment& environment);

}  // namespace credentials
