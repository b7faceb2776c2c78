// Images of the store, and the names they have.
//
// A name is kept twice in index.json.  `io.containerd.image.name` holds it in full, as containerd does:
// docker.io/library/hello-world:latest, or …@sha256:….  `org.opencontainers.image.ref.name` is what skopeo and umoci look
// for; both take the full name too (`skopeo inspect oci:DIR:docker.io/library/hello-world:latest`, `umoci ls --layout
// DIR`), unless image-spec's grammar for it forbids a part of the name ("a__b", an IPv6 host): then that part is
// replaced and eight digits of a hash are added.  What other tools put there (`umoci tag`, `skopeo copy … oci:DIR:foo`)
// counts as an image of that name; a full name that came along with a copied entry does not.
//
// An entry points at the manifest of one platform, because a plain layout of many tools cannot do with an index.  Where
// the image came by an index, `io.imagetool.index` holds the index's digest and, behind a blank, the manifest's: so
// NAME@sha256:<index> is found here too, and an entry that another tool has changed meanwhile is not mistaken for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

struct ImageLayer {
  oci::Digest chain_id;
  std::string dir;  // absolute; empty while it is not unpacked
};

struct Image {
  std::vector<std::string> names;  // in full, sorted; empty: a bundle uses it, but it has lost its name
  oci::Descriptor descriptor;      // of the manifest, whose digest is the image's digest
  oci::Digest index;               // the index it was chosen from; empty if there was none
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::vector<ImageLayer> layers;  // lowest first.  May be empty: an image without files

  [[nodiscard]] const oci::Digest& digest() const { return descriptor.digest; }
  [[nodiscard]] const oci::Digest& id() const { return manifest.config.digest; }  // docker's IMAGE ID
  [[nodiscard]] bool unpacked() const;
  // Absolute, highest first, as overlayfs's lowerdir wants them.  Precondition: unpacked().
  [[nodiscard]] std::vector<std::string> lower_dirs() const;
  [[nodiscard]] uint64_t size() const;           // bytes of all blobs
  [[nodiscard]] oci::Platform platform() const;  // as the index said; else as the config does
};

namespace images {

// `what`: a reference as people write it, an image id or digest, whole or its first 4 and more hex digits.
// A name wins over an id.  Kind::not_found with the way out; Kind::invalid where an id's prefix fits several images.
Result<Image> find(const Store& store, std::string_view what);
// Only which manifest that is: also for an image of which a part is missing or damaged, unless it is given by its id.
Result<oci::Descriptor> locate(const Store& store, std::string_view what);
// All that have a name, and those that have none but are used by a bundle; newest name last, as in index.json.
// One that cannot be loaded is left out with a warning.
Result<std::vector<Image>> all(const Store& store);
// The image of this manifest, whatever its names.  Kind::not_found if a part of it is missing.
Result<Image> load(const Store& store, const oci::Descriptor& manifest);
// The same, with the names that it has now: none, if somebody has taken them away.
Result<Image> load_named(const Store& store, const oci::Descriptor& manifest);

// chain ids of the layers with these diff_ids (image-spec config.md, "Layer ChainID").
std::vector<oci::Digest> chain_ids(const std::vector<oci::Digest>& diff_ids);

}  // namespace images
