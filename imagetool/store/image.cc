#include "imagetool/store/image.h"

#include <algorithm>
#include <iterator>

#include "imagetool/limits.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/leases.h"
#include "spec/base/log.h"

bool Image::unpacked() const {
  return std::ranges::none_of(layers, [](const ImageLayer& layer) { return layer.dir.empty(); });
}

std::vector<std::string> Image::lower_dirs() const {
  assert(unpacked());
  std::vector<std::string> dirs;
  std::ranges::transform(layers.rbegin(), layers.rend(), std::back_inserter(dirs), &ImageLayer::dir);
  return dirs;
}

uint64_t Image::size() const {
  uint64_t sum = descriptor.size + manifest.config.size;
  for (const oci::Descriptor& layer : manifest.layers) sum += layer.size;
  return sum;
}

oci::Platform Image::platform() const {
  if (descriptor.platform) return *descriptor.platform;
  return {.os = config.os, .architecture = config.architecture, .variant = config.variant};
}

namespace images {

namespace {

constexpr size_t kShortestId = 4;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The hex digits of "sha256:1a2b…" or "1a2b…"; empty if `what` cannot be an id.
std::string_view id_digits(std::string_view what) {
  if (what.starts_with("sha256:")) what.remove_prefix(7);
  return what.size() >= kShortestId && what.size() <= 64 && is_hex(what) ? what : std::string_view();
}

Error unknown(const Store& store, std::string_view what) {
  return Error(Kind::not_found,
               str::cat("image '", str::printable(what), "' is not in the store '", store.dir(),
                        "'; pull it with `imagetool pull ", str::printable(what), "`"));
}

bool is_named(const catalog::Entry& entry, const Reference& wanted, std::string_view what) {
  if (entry.name == what || entry.name == wanted.text()) return true;
  if (wanted.digest.empty()) return false;
  if (entry.descriptor.digest != wanted.digest && entry.index != wanted.digest) return false;
  const Result<Reference> own = reference::parse(entry.name);
  return own.ok() && own.value().name() == wanted.name();
}

// All names of the manifest, and the index that one of its entries knows.
void add_names(Image& image, const std::vector<catalog::Entry>& entries) {
  for (const catalog::Entry& entry : entries) {
    if (entry.descriptor.digest != image.digest()) continue;
    if (!entry.name.empty()) image.names.push_back(entry.name);
    if (!entry.index.empty()) image.index = entry.index;
  }
  std::ranges::sort(image.names);
}

Result<oci::Descriptor> by_id(const Store& store, std::string_view what, std::string_view digits) {
  std::vector<Image> found;
  for (Image& image : TRY(all(store))) {
    const bool fits = image.id().hex().starts_with(digits) || image.digest().hex().starts_with(digits) ||
                      (!image.index.empty() && image.index.hex().starts_with(digits));
    if (fits) found.push_back(std::move(image));
  }
  if (found.empty()) return unknown(store, what);
  if (found.size() == 1) return found.front().descriptor;
  std::vector<std::string> ids;
  for (const Image& image : found) ids.push_back(image.digest().text());
  return Error(Kind::invalid, str::cat("'", what, "' fits ", found.size(), " images: ", str::join(ids, ", "),
                                       "; write more of it"));
}

}  // namespace

Result<oci::Descriptor> locate(const Store& store, std::string_view what) {
  const std::string_view digits = id_digits(what);
  // "sha256:…" would also be the reference of a repository named sha256; nobody means that.
  if (what.starts_with("sha256:") && !digits.empty()) return by_id(store, what, digits);
  Result<Reference> wanted = reference::parse(what);
  for (const catalog::Entry& entry : TRY(catalog::read(store))) {
    const bool named = wanted.ok() ? is_named(entry, wanted.value(), what) : entry.name == what;
    if (named) return entry.descriptor;
  }
  if (!digits.empty()) return by_id(store, what, digits);
  if (!wanted.ok()) return wanted.take_error();
  return unknown(store, what);
}

Result<Image> load_named(const Store& store, const oci::Descriptor& manifest) {
  Image image = TRY(load(store, manifest));
  add_names(image, TRY(catalog::read(store)));
  return image;
}

Result<Image> find(const Store& store, std::string_view what) {
  return load_named(store, TRY(locate(store, what))).within("image '", str::printable(what), "'");
}

Result<std::vector<Image>> all(const Store& store) {
  const std::vector<catalog::Entry> entries = TRY(catalog::read(store));
  std::vector<oci::Descriptor> manifests;
  const auto add = [&](const oci::Descriptor& manifest) {
    if (oci::is_index(manifest.media_type)) return;  // another tool's; its images have no platform yet
    if (std::ranges::find(manifests, manifest.digest, &oci::Descriptor::digest) == manifests.end())
      manifests.push_back(manifest);
  };
  for (const catalog::Entry& entry : entries) add(entry.descriptor);
  for (const Lease& lease : TRY(leases::all(store))) add(lease.manifest);

  std::vector<Image> found;
  for (const oci::Descriptor& manifest : manifests) {
    Result<Image> loaded = load(store, manifest);
    if (!loaded.ok()) {  // one that is broken must not hide the others; rm takes it away by its name
      logs::warn("image ", manifest.digest.text(), ": ", loaded.error().message, ", leaving it out");
      continue;
    }
    add_names(loaded.value(), entries);
    found.push_back(std::move(loaded).take());
  }
  return found;
}

Result<Image> load(const Store& store, const oci::Descriptor& manifest) {
  Image image;
  image.descriptor = manifest;
  const std::string text = TRY(store.read_blob(manifest, limits::kManifest));
  image.manifest = TRY(oci::parse_manifest(text, manifest.media_type).within("manifest"));
  const std::string config = TRY(store.read_blob(image.manifest.config, limits::kImageConfig));
  image.config = TRY(oci::parse_image_config(config).within("image config"));
  for (const oci::Digest& chain : chain_ids(image.config.diff_ids))
    image.layers.push_back({.chain_id = chain, .dir = store.layer_dir(chain)});
  return image;
}

std::vector<oci::Digest> chain_ids(const std::vector<oci::Digest>& diff_ids) {
  std::vector<oci::Digest> chains;
  for (const oci::Digest& diff : diff_ids) {
    if (chains.empty()) {
      chains.push_back(diff);
      continue;
    }
    Hasher hasher("sha256");
    hasher.update(str::cat(chains.back().text(), " ", diff.text()));
    Result<oci::Digest> chain = hasher.finish();
    assert(chain.ok());  // sha256 is always there
    chains.push_back(std::move(chain).take());
  }
  return chains;
}

}  // namespace images
