#include "imagetool/store/marks.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imagetool/limits.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"
#include "imagetool/store/leases.h"

namespace marks {

namespace {

// Not there: nullopt.  Then there is nothing below it to mark either.
Result<std::optional<std::string>> read_if_there(const Store& store, const oci::Descriptor& blob) {
  Result<std::string> text = store.read_blob(blob, limits::kImageConfig);
  if (text.ok()) return std::optional(std::move(text).take());
  if (text.error().kind == Kind::not_found) return std::optional<std::string>();
  return text.take_error();
}

Result<> add_layers(const Store& store, const oci::Manifest& manifest, Marks& marks) {
  const bool is_image = manifest.config.media_type == oci::media::kConfig ||
                        manifest.config.media_type == oci::media::kDockerConfig;
  if (!is_image || manifest.config.size > limits::kImageConfig) return {};
  const std::optional<std::string> text = TRY(read_if_there(store, manifest.config));
  if (!text) return {};
  const oci::ImageConfig config = TRY(oci::parse_image_config(*text).within("image config"));
  for (const oci::Digest& chain : images::chain_ids(config.diff_ids)) marks.chain_ids.insert(chain);
  return {};
}

}  // namespace

Result<> add(const Store& store, const oci::Descriptor& root, Marks& marks) {
  std::vector<oci::Descriptor> left = {root};
  while (!left.empty()) {
    const oci::Descriptor at = std::move(left.back());
    left.pop_back();
    if (!marks.blobs.insert(at.digest).second) continue;
    if (!oci::is_index(at.media_type) && !oci::is_manifest(at.media_type)) continue;
    const std::optional<std::string> text = TRY(read_if_there(store, at));
    if (!text) continue;
    if (oci::is_index(at.media_type)) {
      const oci::Index index = TRY(oci::parse_index(*text, at.media_type));
      left.insert(left.end(), index.manifests.begin(), index.manifests.end());
      continue;
    }
    const oci::Manifest manifest = TRY(oci::parse_manifest(*text, at.media_type));
    marks.blobs.insert(manifest.config.digest);
    for (const oci::Descriptor& layer : manifest.layers) marks.blobs.insert(layer.digest);
    TRY(add_layers(store, manifest, marks));
  }
  return {};
}

Result<Marks> all(const Store& store, const std::set<oci::Digest>& without) {
  Marks marks;
  const std::vector<catalog::Entry> entries = TRY(catalog::read(store));
  for (const catalog::Entry& entry : entries) {
    if (without.contains(entry.descriptor.digest)) continue;
    const std::string& name = entry.name.empty() ? entry.descriptor.digest.text() : entry.name;
    TRY(add(store, entry.descriptor, marks).within("image '", name, "'"));
  }
  for (const Lease& lease : TRY(leases::all(store))) {
    TRY(add(store, lease.manifest, marks).within("bundle '", lease.bundle, "'"));
    marks.chain_ids.insert(lease.chain_ids.begin(), lease.chain_ids.end());
  }
  // The index that an image was chosen from is kept as it is, and only itself.  Last: where it is an entry as well, all
  // that is below it had to be added.
  for (const catalog::Entry& entry : entries)
    if (!entry.index.empty() && marks.blobs.contains(entry.descriptor.digest))
      marks.blobs.insert(entry.index);
  return marks;
}

}  // namespace marks
