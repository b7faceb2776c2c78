// Any bytes as auth.json, for any image: a credential comes only from an entry for the image's registry, and a helper is
// asked only for that, by a name that is no path.
#include "imagetool/registry/credentials.h"

#include <algorithm>

#include "spec/json.h"
#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

bool is_hub(std::string_view host) {
  return host == kDockerHub || host == "index.docker.io" || host == "registry-1.docker.io" ||
         host == "https://index.docker.io/v1/";
}

struct Asked final : credentials::Helper {
  explicit Asked(const Reference& wanted) : image(wanted) {}
  Result<std::optional<credentials::Credential>> get(const std::string& suffix,
                                                     const std::string& host) override {
    must(suffix.find_first_of(std::string("/\0 ", 3)) == std::string::npos && !suffix.empty(),
         "a helper has the name of a program", suffix);
    must(host == image.registry || (image.registry == kDockerHub && is_hub(host)),
         "a helper is asked for the registry of the image", host);
    asked = true;
    return std::optional<credentials::Credential>();
  }
  const Reference& image;
  bool asked = false;
};

// The host of a key of "auths", as generously as one may read it.
std::string_view host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  return key.substr(0, key.find('/'));
}

void check_source(std::string_view text, const Reference& image) {
  const auto document = json::parse(text, {.name = "auth.json", .depth = 32});
  must(document.ok(), "a credential comes from a document");
  const auto auths = document.value().root().find("auths");
  must(auths.has_value(), "a credential comes from auths");
  bool found = false;
  for (const json::Value entry : *auths) {
    const std::string_view host = host_of(entry.key());
    found = found || host == image.registry || (image.registry == kDockerHub && is_hub(host));
  }
  must(found, "a credential is one for the registry of the image", image.registry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const auto image = reference::parse(input.line());
  if (!image.ok()) return 0;
  const std::string_view text = input.rest();
  Asked helper(image.value());
  const auto found = credentials::find_in(text, image.value(), helper);
  if (!found.ok()) {
    fuzz::must_be_sentence(found.error());
    return 0;
  }
  if (!found.value()) return 0;
  const credentials::Credential& credential = *found.value();
  must(!credential.user.empty() || !credential.identity_token.empty(), "a credential is something");
  must(credential.identity_token.empty() || (credential.user.empty() && credential.password.empty()),
       "a token or a password");
  check_source(text, image.value());
  return 0;
}
