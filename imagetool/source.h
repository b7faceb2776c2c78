// Where an image comes from.  Two implementations: a registry, and an OCI image layout on disk, whose bytes are trusted
// no more than a stranger's.
//
//   "hello-world", "quay.io/a/b:1"          a registry
//   "oci:DIR", "oci:DIR:REF"                a layout: its only image, or the one of that name.  REF is a ref.name of
//                                           its index.json, or a digest in it
//
// Verification sits below the interface: what document() returns has the digest and the size asked for, and a Sink's
// finish() is called only after the blob's bytes had theirs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/sink.h"
#include "imagetool/registry/registry.h"
#include "spec/base/error.h"
#include "spec/image.h"

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  struct Document {
    oci::Descriptor
        descriptor;  // its media type as announced, perhaps empty; digest and size those of `text`
    std::string text;
  };
  // The digest of what root() would give, where asking is cheaper than getting it; nullopt where it is not.
  virtual Result<std::optional<oci::Digest>> ask_digest() = 0;
  // What the reference names: an index or a manifest.  The reference's own digest is checked if it has one.
  virtual Result<Document> root() = 0;
  // A manifest or index that another document names.
  virtual Result<Document> manifest(const oci::Descriptor& want) = 0;
  struct Fetch {
    oci::Descriptor want;
    Sink* into = nullptr;
  };
  // All of them, at the same time where that helps.  The first failure ends the others.
  virtual Result<> blobs(const std::vector<Fetch>& fetches) = 0;
  // The full name that the image gets in the store unless another is asked for; empty if the source has none.
  [[nodiscard]] virtual std::string name() const = 0;
  // "docker.io", "'/srv/images'": for messages.
  [[nodiscard]] virtual std::string place() const = 0;
};

namespace sources {

// Whether `text` is "oci:…".
bool is_layout(std::string_view text);
// Errors: invalid (a reference that is none), not_found (no such layout), and those of Registry::open.
Result<std::unique_ptr<ImageSource>> open(std::string_view text, const Registry::Options& options);

}  // namespace sources
