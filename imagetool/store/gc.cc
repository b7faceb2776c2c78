#include "imagetool/store/gc.h"

#include <dirent.h>

#include <algorithm>
#include <optional>
#include <set>

#include "imagetool/limits.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace gc {

namespace {

constexpr int64_t kStagedSeconds = 24 * 60 * 60;

constexpr std::string_view kDead = "dead-";

// ---- marking ----

struct Marks {
  std::set<oci::Digest> blobs, chain_ids;
};

// Not there: nullopt.  Then there is nothing below it to mark either.
Result<std::optional<std::string>> read_if_there(const Store& store, const oci::Descriptor& blob) {
  Result<std::string> text = store.read_blob(blob, limits::kImageConfig);
  if (text.ok()) return std::optional(std::move(text).take());
  if (text.error().kind == Kind::not_found) return std::optional<std::string>();
  return text.take_error();
}

Result<> mark_layers(const Store& store, const oci::Manifest& manifest, Marks& marks) {
  const bool is_image = manifest.config.media_type == oci::media::kConfig ||
                        manifest.config.media_type == oci::media::kDockerConfig;
  if (!is_image || manifest.config.size > limits::kImageConfig) return {};
  const std::optional<std::string> text = TRY(read_if_there(store, manifest.config));
  if (!text) return {};
  const oci::ImageConfig config = TRY(oci::parse_image_config(*text).within("image config"));
  for (const oci::Digest& chain : images::chain_ids(config.diff_ids)) marks.chain_ids.insert(chain);
  return {};
}

Result<> mark(const Store& store, const oci::Descriptor& root, Marks& marks) {
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
    TRY(mark_layers(store, manifest, marks));
  }
  return {};
}

Result<Marks> mark_all(const Store& store) {
  Marks marks;
  for (const catalog::Entry& entry : TRY(catalog::read(store))) {
    const std::string& name = entry.name.empty() ? entry.descriptor.digest.text() : entry.name;
    TRY(mark(store, entry.descriptor, marks).within("image '", name, "'"));
    // The index it was chosen from is kept as it is, and only itself.
    if (!entry.index.empty()) marks.blobs.insert(entry.index);
  }
  for (const Lease& lease : TRY(leases::all(store))) {
    TRY(mark(store, lease.manifest, marks).within("bundle '", lease.bundle, "'"));
    marks.chain_ids.insert(lease.chain_ids.begin(), lease.chain_ids.end());
  }
  return marks;
}

// ---- sweeping ----

Result<UniqueFd> open_dir(Fd parent, const char* name) {
  return sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

class Sweep {
 public:
  Sweep(const Store& store, Marks marks, Staged staged)
      : store_(store), marks_(std::move(marks)), staged_(staged) {}

  Result<> under_lock() {
    tmp_ = TRY(open_dir(store_.root(), "tmp"));
    TRY(leases::drop_stale(store_));
    TRY(sweep_blobs());
    const UniqueFd layers = TRY(open_dir(store_.root(), "layers"));
    TRY(sweep_layers(layers));
    TRY(sweep_staging());
    return sweep_tmp();
  }

  // What was renamed away.  Another sweep may be at the same trees: that one is gone is no error.
  void after_lock() {
    for (const std::string& name : dead_)
      if (const Result<> removed = path::remove_tree(tmp_, name); !removed.ok())
        logs::warn("removing ", name, " in the store's tmp: ", removed.error().message, ", leaving it");
  }

  Freed take() { return std::move(freed_); }

 private:
  Result<> sweep_blobs() {
    const UniqueFd blobs = TRY(open_dir(store_.root(), "blobs"));
    for (const sys::Entry& algorithm : TRY(sys::list(blobs))) {
      const UniqueFd dir = TRY(open_dir(blobs, algorithm.name.c_str()));
      for (const sys::Entry& file : TRY(sys::list(dir))) {
        const Result<oci::Digest> digest = oci::Digest::parse(str::cat(algorithm.name, ":", file.name));
        if (!digest.ok() || marks_.blobs.contains(digest.value())) continue;  // no blob: not ours to remove
        const struct stat st = TRY(sys::fstatat(dir, file.name.c_str(), AT_SYMLINK_NOFOLLOW));
        TRY(sys::unlinkat(dir, file.name.c_str(), 0));
        freed_.blobs.push_back(digest.value());
        freed_.bytes += static_cast<uint64_t>(st.st_size);
      }
    }
    return {};
  }

  Result<> sweep_layers(Fd dir) {
    for (const sys::Entry& entry : TRY(sys::list(dir))) {
      const Result<oci::Digest> chain = oci::Digest::parse(str::cat("sha256:", entry.name));
      if (!chain.ok() || marks_.chain_ids.contains(chain.value())) continue;
      TRY(bury(dir, entry.name));
      freed_.chain_ids.push_back(chain.value());
    }
    return {};
  }

  Result<> sweep_staging() {
    const UniqueFd staging = TRY(open_dir(store_.root(), "staging"));
    for (const sys::Entry& boot : TRY(sys::list(staging))) {
      if (boot.name != store_.boot_id()) {
        TRY(bury(staging, boot.name));
        continue;
      }
      const UniqueFd ours = TRY(open_dir(staging, boot.name.c_str()));
      for (const char* kind : {"blobs", "layers"}) {
        const UniqueFd dir = TRY(open_dir(ours, kind));
        TRY(sweep_old(dir));
      }
    }
    return {};
  }

  Result<> sweep_old(Fd dir) {
    const int64_t oldest = clocks::now().seconds - kStagedSeconds;
    for (const sys::Entry& entry : TRY(sys::list(dir))) {
      const struct stat st = TRY(sys::fstatat(dir, entry.name.c_str(), AT_SYMLINK_NOFOLLOW));
      if (staged_ == Staged::goes || st.st_ctim.tv_sec < oldest) TRY(bury(dir, entry.name));
    }
    return {};
  }

  // Whoever works there holds share(), and nobody does: all of it is left over.  Only what is called dead-… may still
  // be removed once the lock is gone; any other name may be somebody's again by then.
  Result<> sweep_tmp() {
    const std::vector<sys::Entry> entries = TRY(sys::list(tmp_));
    for (const sys::Entry& entry : entries) {
      if (std::ranges::find(dead_, entry.name) != dead_.end()) continue;
      if (entry.name.starts_with(kDead)) {
        dead_.push_back(entry.name);
      } else if (entry.type == DT_DIR) {
        TRY(bury(tmp_, entry.name));
      } else {
        TRY(sys::unlinkat(tmp_, entry.name.c_str(), 0));
      }
    }
    return {};
  }

  Result<> bury(Fd dir, const std::string& name) {
    for (unsigned n = 0;; ++n) {
      std::string grave = str::cat(kDead, name, "-", n);
      Result<> moved = sys::renameat2(dir, name.c_str(), tmp_, grave.c_str(), RENAME_NOREPLACE);
      if (!moved.ok() && moved.error().errnum == EEXIST) continue;
      TRY(std::move(moved));
      dead_.push_back(std::move(grave));
      return {};
    }
  }

  const Store& store_;
  const Marks marks_;
  const Staged staged_;
  UniqueFd tmp_;
  std::vector<std::string> dead_;  // names in tmp/
  Freed freed_;
};

// ---- names ----

std::string describe(const std::vector<Lease>& users) {
  std::vector<std::string> texts;
  for (const Lease& user : users) {
    texts.push_back(
        user.container.empty()
            ? str::cat("bundle '", user.bundle, "' (remove it: `imagetool unbundle ", user.bundle, "`)")
            : str::cat("container '", user.container, "' (remove it: `runtime delete ", user.container,
                       "`)"));
  }
  return str::join(texts, ", ");
}

// The names to untie: the one that was written, or all of the image's where it was not given by name.
std::vector<std::string> names_to_remove(std::string_view what, const std::vector<std::string>& names) {
  const Result<Reference> wanted = reference::parse(what);
  for (const std::string& name : names)
    if (name == what || (wanted.ok() && name == wanted.value().text())) return {name};
  return names;
}

}  // namespace

Result<Untagged> remove_name(const Store& store, std::string_view what, bool force) {
  const UniqueFd hold = TRY(store.share());
  Untagged untagged;
  untagged.manifest = TRY(images::locate(store, what)).digest;
  std::vector<std::string> names;
  for (const catalog::Entry& entry : TRY(catalog::read(store)))
    if (entry.descriptor.digest == untagged.manifest && !entry.name.empty()) names.push_back(entry.name);

  untagged.names = names_to_remove(what, names);
  const std::string shown = str::printable(what);
  if (untagged.names.size() > 1 && !force)
    return Error(Kind::conflict, str::cat("image '", shown, "' has several names: ", str::join(names, ", "),
                                          "; name the one to remove, or remove all with --force"));
  const bool last = untagged.names.size() == names.size();
  if (last) untagged.users = TRY(leases::users_of(store, untagged.manifest));
  if (!untagged.users.empty() && !force)
    return Error(Kind::conflict, str::cat("image '", shown, "' is in use by ", describe(untagged.users),
                                          "; --force removes only its name"));
  TRY(catalog::remove(store, untagged.names));
  // Entries without a name, which other tools leave.
  if (last) TRY(catalog::remove_manifest(store, untagged.manifest));
  return untagged;
}

Result<Freed> sweep(const Store& store, int wait_ms, Staged staged) {
  UniqueFd alone = TRY(store.exclude(wait_ms));
  Sweep sweep(store, TRY(mark_all(store)), staged);
  TRY(sweep.under_lock());
  alone.reset();
  sweep.after_lock();
  return sweep.take();
}

}  // namespace gc
