// Where an image comes from.  Two implementations: a registry, and an OCI image layout on disk, whose bytes are trusted
// no more than a stranger's.
//
//   "hello-world", "quay.io/a/b:1"          a registry
//   "oci:DIR", "oci:DIR:REF"                a layout: its only image, or the one of that name.  REF is a ref.name of
//                                           its index.json, or a digest in it
//
// Verification sits below the interface: a document has the digest and the size asked for.  A layer goes to a file of
// the store, which gets its name only if the bytes hold (store/partial.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  // The image config.  Precondition: its size is acceptable.
  virtual Result<std::string> config(const oci::Descriptor& want) = 0;
  // Layers, as Registry's functions of these names do.  `busy`: step() has more to do at once.
  virtual void start(BlobRequest& blob) = 0;
  virtual void drop(const BlobRequest& blob) = 0;
  virtual void step() = 0;
  [[nodiscard]] virtual bool busy() const = 0;
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
