// Image references as Docker writes them: "hello-world", "quay.io/org/app:1.2", "[::1]:5000/x@sha256:…".
//
//   reference    = name [":" tag] ["@" digest]           (grammar and rules: github.com/distribution/reference)
//   name         = [host [":" port] "/"] component *("/" component)
//   component    = [a-z0-9]+ joined by one of  .  _  __  -+
//
// The first component is a host only if it has a '.' or a ':' or is "localhost"; else the host is docker.io.
// docker.io's one-component names live under library/; index.docker.io is another name of it.
// A Reference is valid by construction: its parts are safe in a URL, a path and on a terminal.
#pragma once

#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/digest.h"

inline constexpr std::string_view kDockerHub = "docker.io";

struct Reference {
  std::string registry;    // "docker.io", "quay.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/hello-world"
  std::string tag;         // "latest" where neither tag nor digest was given; empty where only a digest was
  oci::Digest digest;      // empty: none was given
  bool tag_given = false;  // whether the tag was written out

  [[nodiscard]] std::string name() const;  // "docker.io/library/hello-world"
  [[nodiscard]] std::string text() const;  // "docker.io/library/hello-world:latest@sha256:…": all there is
  [[nodiscard]] std::string familiar_name() const;  // "hello-world": docker.io/ and library/ dropped
  [[nodiscard]] std::string familiar() const;       // "hello-world:latest", and the digest if there is one
  // What to ask the registry for: the digest if there is one, else the tag.
  [[nodiscard]] const std::string& wanted() const { return digest.empty() ? tag : digest.text(); }
  bool operator==(const Reference&) const = default;
};

namespace reference {

// Kind::invalid, and the message says what is wrong: "'Foo': a repository name is lower case: did you mean 'foo'?".
Result<Reference> parse(std::string_view text);

// A name in full, as people write it: its familiar form, or itself, printable, if it is no reference.
std::string familiar(std::string_view name);

// Whether `tag` is a tag by the grammar: a letter, digit or '_', then up to 127 of those, '.' or '-'.
bool is_tag(std::string_view tag);

}  // namespace reference
