#include "imagetool/store/usage.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "imagetool/store/leases.h"
#include "imagetool/store/marks.h"
#include "spec/base/cursor.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace usage {

namespace {

constexpr uint64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's own is

uint64_t bytes_of(const struct stat& st, Seen& seen) {
  if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 && !seen.insert({st.st_dev, st.st_ino}).second) return 0;
  return static_cast<uint64_t>(st.st_blocks) * kBlock;
}

// One walk over a tree.
class Walk {
 public:
  Walk(path::Cursor at, dev_t device, Seen& seen) : at_(std::move(at)), device_(device), seen_(seen) {}

  Result<> run() {
    TRY(look_around());
    for (;;) {
      if (!left_.back().empty()) {
        const std::string name = std::move(left_.back().back());
        left_.back().pop_back();
        const Result<> down = at_.down(name);
        if (down.ok()) TRY(look_around());  // else it is gone, or not for us
        continue;
      }
      left_.pop_back();
      if (left_.empty()) return {};
      TRY(at_.up());
    }
  }

  [[nodiscard]] uint64_t counted() const { return bytes_; }

 private:
  // Counts what is here, and notes the directories that are still to be visited.
  Result<> look_around() {
    left_.emplace_back();
    for (sys::Entry& entry : TRY(sys::list(at_.here()))) {
      const Result<struct stat> st = sys::fstatat(at_.here(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW);
      if (!st.ok() && st.error().errnum == ENOENT) continue;  // removed since it was listed
      if (!st.ok()) return st.error();
      if (st.value().st_dev != device_) continue;
      bytes_ += bytes_of(st.value(), seen_);
      if (S_ISDIR(st.value().st_mode)) left_.back().push_back(std::move(entry.name));
    }
    return {};
  }

  path::Cursor at_;
  const dev_t device_;
  Seen& seen_;
  std::vector<std::vector<std::string>> left_;
  uint64_t bytes_ = 0;
};

using Sizes = std::map<oci::Digest, uint64_t>;

// What lies in the store's directories, by its name.
struct Parts {
  Sizes blobs, layers;
  uint64_t bundles = 0, pending = 0, other = 0;  // pending: staged, partial, half-made
};

// Counts a directory of parts: those whose names are digests, and the rest.
Result<> count_parts(Fd dir, std::string_view algorithm, Seen& seen, Sizes& parts, uint64_t& rest) {
  for (const sys::Entry& entry : TRY(sys::list(dir))) {
    const uint64_t bytes = TRY(of(dir, entry.name, seen));
    Result<oci::Digest> digest = oci::Digest::parse(str::cat(algorithm, ":", entry.name));
    if (digest.ok())
      parts[digest.value()] += bytes;
    else
      rest += bytes;
  }
  return {};
}

Result<uint64_t> own_blocks(Fd dir, Seen& seen) { return bytes_of(TRY(sys::fstat(dir)), seen); }

Result<UniqueFd> open_dir(Fd parent, const std::string& name) {
  return sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<> count_blobs(Fd root, Seen& seen, Parts& parts) {
  const UniqueFd blobs = TRY(open_dir(root, "blobs"));
  parts.other += TRY(own_blocks(blobs, seen));
  for (const sys::Entry& algorithm : TRY(sys::list(blobs))) {
    const UniqueFd dir = TRY(open_dir(blobs, algorithm.name));
    parts.other += TRY(own_blocks(dir, seen));
    TRY(count_parts(dir, algorithm.name, seen, parts.blobs, parts.other));
  }
  return {};
}

// What lies `levels` below `name` is pending; the directories down to there are the store's own.
Result<> count_pending(Fd parent, const std::string& name, int levels, Seen& seen, Parts& parts) {
  const UniqueFd dir = TRY(open_dir(parent, name));
  parts.other += TRY(own_blocks(dir, seen));
  for (const sys::Entry& entry : TRY(sys::list(dir))) {
    if (levels > 0 && entry.type == DT_DIR)
      TRY(count_pending(dir, entry.name, levels - 1, seen, parts));
    else
      parts.pending += TRY(of(dir, entry.name, seen));
  }
  return {};
}

Result<Parts> count_store(const Store& store) {
  Parts parts;
  Seen seen;
  const UniqueFd root = TRY(sys::openat(store.root(), ".", O_RDONLY | O_DIRECTORY));
  parts.other += TRY(own_blocks(root, seen));
  TRY(count_blobs(root, seen, parts));
  const UniqueFd layers = TRY(open_dir(root, "layers"));
  parts.other += TRY(own_blocks(layers, seen));
  TRY(count_parts(layers, "sha256", seen, parts.layers, parts.other));
  for (const sys::Entry& entry : TRY(sys::list(root))) {
    if (entry.name == "blobs" || entry.name == "layers") continue;
    if (entry.name == "tmp" || entry.name == "partial")
      TRY(count_pending(root, entry.name, 0, seen, parts));
    else if (entry.name == "staging")
      TRY(count_pending(root, entry.name, 2, seen, parts));  // <boot id>/{blobs,layers}
    else
      (entry.name == "bundles" ? parts.bundles : parts.other) += TRY(of(root, entry.name, seen));
  }
  return parts;
}

uint64_t size_in(const Sizes& sizes, const oci::Digest& part) {
  const auto found = sizes.find(part);
  return found == sizes.end() ? 0 : found->second;
}

// The parts of one image, each once.
struct Needs {
  std::set<oci::Digest> blobs, layers;
};

Needs needs_of(const Image& image) {
  Needs needs{.blobs = {image.digest(), image.id()}};
  if (!image.index.empty()) needs.blobs.insert(image.index);
  for (const oci::Descriptor& layer : image.manifest.layers) needs.blobs.insert(layer.digest);
  for (const ImageLayer& layer : image.layers) needs.layers.insert(layer.chain_id);
  return needs;
}

void share_out(const std::set<oci::Digest>& needed, const Sizes& sizes, const Sizes& users, ImageUse& image) {
  for (const oci::Digest& part : needed)
    (size_in(users, part) > 1 ? image.shared : image.own) += size_in(sizes, part);
}

std::vector<ImageUse> measure_images(std::vector<Image> images, const Parts& parts,
                                     const std::vector<Lease>& leases) {
  Sizes blob_users, layer_users;
  for (const Image& image : images) {
    const Needs needs = needs_of(image);
    for (const oci::Digest& blob : needs.blobs) ++blob_users[blob];
    for (const oci::Digest& layer : needs.layers) ++layer_users[layer];
  }
  std::vector<ImageUse> uses;
  for (Image& image : images) {
    const Needs needs = needs_of(image);
    ImageUse use{.image = std::move(image)};
    share_out(needs.blobs, parts.blobs, blob_users, use);
    share_out(needs.layers, parts.layers, layer_users, use);
    for (const Lease& lease : leases)
      if (lease.manifest.digest == use.image.digest()) use.bundles.push_back(lease.bundle);
    uses.push_back(std::move(use));
  }
  return uses;
}

std::vector<LayerUse> measure_layers(const std::vector<ImageUse>& images, const Parts& parts,
                                     const std::vector<Lease>& leases) {
  std::vector<LayerUse> uses;
  std::map<oci::Digest, size_t> known;
  for (const ImageUse& use : images) {
    const Image& image = use.image;
    for (size_t i = 0; i < image.layers.size() && i < image.manifest.layers.size(); ++i) {
      const oci::Digest& chain = image.layers[i].chain_id;
      const auto [at, fresh] = known.emplace(chain, uses.size());
      if (fresh) {
        const oci::Digest& blob = image.manifest.layers[i].digest;
        uses.push_back({.chain_id = chain,
                        .digest = blob,
                        .blob = size_in(parts.blobs, blob),
                        .unpacked = size_in(parts.layers, chain)});
      }
      ++uses[at->second].images;
    }
  }
  for (const Lease& lease : leases)
    for (const oci::Digest& chain : lease.chain_ids)
      if (const auto found = known.find(chain); found != known.end()) ++uses[found->second].bundles;
  return uses;
}

Result<BundleUse> measure_bundle(const Store& store, const Lease& lease, const Parts& parts) {
  BundleUse use{.dir = lease.bundle, .container = lease.container, .image = lease.image};
  use.inside = use.dir.starts_with(store.dir() + "/");
  Seen seen;
  use.own = TRY(of(Fd::cwd(), lease.bundle, seen));
  for (const oci::Digest& chain : std::set(lease.chain_ids.begin(), lease.chain_ids.end()))
    use.shared += size_in(parts.layers, chain);
  return use;
}

Totals add_up(const Parts& parts, const Marks& marks) {
  Totals totals{.bundles = parts.bundles, .left_over = parts.pending, .other = parts.other};
  for (const auto& [blob, bytes] : parts.blobs)
    (marks.blobs.contains(blob) ? totals.blobs : totals.left_over) += bytes;
  for (const auto& [chain, bytes] : parts.layers)
    (marks.chain_ids.contains(chain) ? totals.layers : totals.left_over) += bytes;
  totals.all = totals.blobs + totals.layers + totals.bundles + totals.left_over + totals.other;
  return totals;
}

}  // namespace

Result<uint64_t> of(Fd dir, const std::string& name, Seen& seen) {
  const Result<struct stat> st = sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!st.ok() && st.error().errnum == ENOENT) return uint64_t{0};
  if (!st.ok()) return st.error();
  const uint64_t bytes = bytes_of(st.value(), seen);
  if (!S_ISDIR(st.value().st_mode)) return bytes;
  const Result<UniqueFd> top = open_dir(dir, name);
  if (!top.ok()) return bytes;  // gone by now, or not for us
  Walk walk(TRY(path::Cursor::at(top.value())), st.value().st_dev, seen);
  Result<> walked = walk.run();
  // Somebody else is removing it: what was counted is what is known of it.
  if (!walked.ok() && walked.error().errnum != ENOENT)
    return std::move(walked).within("measuring '", str::printable(name), "'").take_error();
  return bytes + walk.counted();
}

Result<Report> measure(const Store& store) {
  const Marks marks = TRY(marks::all(store));
  const std::vector<Lease> leases = TRY(leases::all(store));
  const Parts parts = TRY(count_store(store));
  Report report;
  report.images = measure_images(TRY(images::all(store)), parts, leases);
  report.layers = measure_layers(report.images, parts, leases);
  for (const Lease& lease : leases) report.bundles.push_back(TRY(measure_bundle(store, lease, parts)));
  report.totals = add_up(parts, marks);
  return report;
}

}  // namespace usage
