#include "imagetool/store/gc.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "imagetool/registry/reference.h"
#include "imagetool/store/blob_file.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"
#include "imagetool/store/marks.h"
#include "imagetool/store/usage.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace gc {

namespace {

constexpr int64_t kDay = 24 * 60 * 60;
constexpr int64_t kStagedSeconds = kDay;
constexpr int64_t kPartialSeconds = 7 * kDay;
constexpr int64_t kNoTime = INT64_MIN / 2;

constexpr std::string_view kDead = "dead-";

// ---- sweeping ----

Result<UniqueFd> open_dir(Fd parent, const char* name) {
  return sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Trees that are going: renamed away while we are alone in the store, removed afterwards.  Another sweep may be at the
// same trees then.
class Graves {
 public:
  explicit Graves(UniqueFd tmp) : tmp_(std::move(tmp)) {}

  [[nodiscard]] Fd tmp() const { return tmp_; }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::ranges::find(names_, name) != names_.end();
  }
  // One that an earlier sweep has left there.
  void adopt(const std::string& name) { names_.push_back(name); }

  Result<> bury(Fd dir, const std::string& name) {
    for (unsigned n = 0;; ++n) {
      std::string grave = str::cat(kDead, name, "-", n);
      Result<> moved = sys::renameat2(dir, name.c_str(), tmp_, grave.c_str(), RENAME_NOREPLACE);
      if (!moved.ok() && moved.error().errnum == EEXIST) continue;
      TRY(std::move(moved));
      names_.push_back(std::move(grave));
      return {};
    }
  }

  // The bytes that this frees.
  uint64_t empty() {
    uint64_t sum = 0;
    usage::Seen seen;
    for (const std::string& name : names_) {
      const Result<uint64_t> bytes = usage::of(tmp_, name, seen);
      if (bytes.ok()) sum += bytes.value();
      if (const Result<> removed = remove(name); !removed.ok())
        logs::warn("removing ", name, " in the store's tmp: ", removed.error().message, ", leaving it");
    }
    return sum;
  }

 private:
  // Another sweep takes away under us what we have just looked at, and we under it: each time less is left.
  [[nodiscard]] Result<> remove(const std::string& name) const {
    constexpr int kTries = 1000;
    for (int i = 0;; ++i) {
      Result<> removed = path::remove_tree(tmp_, name);
      const int err = removed.ok() ? 0 : removed.error().errnum;
      if ((err != ENOENT && err != ENOTEMPTY) || i == kTries) return removed;
    }
  }

  UniqueFd tmp_;
  std::vector<std::string> names_;
};

class Sweep {
 public:
  Sweep(const Store& store, Marks marks, const Options& options, UniqueFd tmp)
      : store_(store), marks_(std::move(marks)), options_(options), graves_(std::move(tmp)) {}

  Result<> under_lock() {
    if (!options_.dry_run) TRY(leases::drop_stale(store_));
    TRY(sweep_blobs());
    const UniqueFd layers = TRY(open_dir(store_.root(), "layers"));
    TRY(sweep_layers(layers));
    TRY(sweep_staging());
    // Downloads that broke off: nobody is at any of them while we are alone.
    TRY(sweep_old(store_.partials(), kPartialSeconds));
    return sweep_tmp();
  }

  void after_lock() { freed_.bytes += graves_.empty(); }

  Freed take() { return std::move(freed_); }

 private:
  Result<> sweep_blobs() {
    const UniqueFd blobs = TRY(open_dir(store_.root(), "blobs"));
    for (const sys::Entry& algorithm : TRY(sys::list(blobs))) {
      const UniqueFd dir = TRY(open_dir(blobs, algorithm.name.c_str()));
      for (const sys::Entry& file : TRY(sys::list(dir))) {
        const Result<oci::Digest> digest = oci::Digest::parse(str::cat(algorithm.name, ":", file.name));
        if (!digest.ok() || marks_.blobs.contains(digest.value())) continue;  // no blob: not ours to remove
        TRY(remove_file(dir, file.name));
        freed_.blobs.push_back(digest.value());
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

  // Of another boot no layer is found again, and blobs only as what broke off; its directory goes with the last of them.
  Result<> sweep_staging() {
    const UniqueFd staging = TRY(open_dir(store_.root(), "staging"));
    for (const sys::Entry& boot : TRY(sys::list(staging))) {
      const bool ours = boot.name == store_.boot_id();
      if (!ours && !TRY(has_young_blobs(staging, boot.name))) {
        ++freed_.left_overs;
        TRY(bury(staging, boot.name));
        continue;
      }
      for (const char* kind : {"blobs", "layers"}) {
        const std::string name = str::cat(boot.name, "/", kind);
        const Result<UniqueFd> dir = open_dir(staging, name.c_str());
        if (!dir.ok() && dir.error().errnum == ENOENT) continue;
        if (!dir.ok()) return dir.error();
        const bool lost = !ours && kind == std::string_view("layers");
        TRY(sweep_old(dir.value(), lost ? kNoTime : ours ? kStagedSeconds : kPartialSeconds));
      }
    }
    return {};
  }

  [[nodiscard]] bool is_young(const struct stat& st, int64_t seconds) const {
    return options_.left_overs == LeftOvers::stay_for_a_time &&
           st.st_ctim.tv_sec >= clocks::now().seconds - seconds;
  }

  Result<bool> has_young_blobs(Fd staging, const std::string& boot) const {
    const Result<UniqueFd> dir = open_dir(staging, str::cat(boot, "/blobs").c_str());
    if (!dir.ok() && (dir.error().errnum == ENOENT || dir.error().errnum == ENOTDIR)) return false;
    if (!dir.ok()) return dir.error();
    for (const sys::Entry& entry : TRY(sys::list(dir.value())))
      if (is_young(TRY(sys::fstatat(dir.value(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW)), kPartialSeconds))
        return true;
    return false;
  }

  Result<> sweep_old(Fd dir, int64_t seconds) {
    for (const sys::Entry& entry : TRY(sys::list(dir))) {
      if (is_young(TRY(sys::fstatat(dir, entry.name.c_str(), AT_SYMLINK_NOFOLLOW)), seconds)) continue;
      ++freed_.left_overs;
      TRY(bury(dir, entry.name));
    }
    return {};
  }

  // Whoever works there holds share(), and nobody does: all of it is left over.  Only what is called dead-… may still
  // be removed once the lock is gone; any other name may be somebody's again by then.
  Result<> sweep_tmp() {
    for (const sys::Entry& entry : TRY(sys::list(graves_.tmp()))) {
      if (graves_.has(entry.name)) continue;
      if (entry.type != DT_DIR) {  // most of them are locks
        TRY(remove_file(graves_.tmp(), entry.name));
        continue;
      }
      ++freed_.left_overs;
      if (entry.name.starts_with(kDead) && !options_.dry_run)
        graves_.adopt(entry.name);
      else
        TRY(bury(graves_.tmp(), entry.name));
    }
    return {};
  }

  Result<> remove_file(Fd dir, const std::string& name) {
    freed_.bytes += TRY(usage::of(dir, name, seen_));
    return options_.dry_run ? Result<>() : sys::unlinkat(dir, name.c_str(), 0);
  }

  Result<> bury(Fd dir, const std::string& name) {
    if (!options_.dry_run) return graves_.bury(dir, name);
    freed_.bytes += TRY(usage::of(dir, name, seen_));
    return {};
  }

  const Store& store_;
  const Marks marks_;
  const Options& options_;
  Graves graves_;
  usage::Seen seen_;
  Freed freed_;
};

// Precondition: `alone` is Store::exclude().
Result<Freed> sweep_alone(const Store& store, UniqueFd alone, Marks marks, const Options& options) {
  Sweep sweep(store, std::move(marks), options, TRY(open_dir(store.root(), "tmp")));
  TRY(sweep.under_lock());
  alone.reset();
  sweep.after_lock();
  return sweep.take();
}

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

// A blob that is not what it is called, wherever it is.
Result<> drop_blob(const Store& store, const oci::Digest& blob) {
  const std::string hex(blob.hex());
  for (const std::string& dir :
       {str::cat("blobs/", blob.algorithm()), str::cat("staging/", store.boot_id(), "/blobs")}) {
    const Result<UniqueFd> opened = open_dir(store.root(), dir.c_str());
    if (!opened.ok() && opened.error().errnum == ENOENT) continue;
    if (!opened.ok()) return opened.error();
    const Result<blob_file::Found> now = blob_file::read(opened.value(), hex, blob.algorithm());
    if (now.ok() && now.value().digest == blob) continue;
    const Result<> gone = sys::unlinkat(opened.value(), hex.c_str(), 0);
    if (!gone.ok() && gone.error().errnum != ENOENT) return gone.error();
  }
  return {};
}

Result<> drop_layer(const Store& store, const oci::Digest& chain, Graves& graves) {
  const std::string hex(chain.hex());
  for (const std::string& dir : {std::string("layers"), str::cat("staging/", store.boot_id(), "/layers")}) {
    const UniqueFd opened = TRY(open_dir(store.root(), dir.c_str()));
    if (sys::fstatat(opened, hex.c_str(), AT_SYMLINK_NOFOLLOW).ok()) TRY(graves.bury(opened, hex));
  }
  return {};
}

// The names to untie: the one that was written, or all of the image's where it was not given by name.
std::vector<std::string> names_to_remove(std::string_view what, const std::vector<std::string>& names) {
  const Result<Reference> wanted = reference::parse(what);
  for (const std::string& name : names)
    if (name == what || (wanted.ok() && name == wanted.value().text())) return {name};
  return names;
}

// A few of them, for a message.
std::string some_of(std::vector<std::string> names) {
  constexpr size_t kShown = 5;
  const size_t more = names.size() - std::min(names.size(), kShown);
  names.resize(names.size() - more);
  return more == 0 ? str::join(names, ", ") : str::cat(str::join(names, ", "), " and ", more, " more");
}

// The manifests and indexes of index.json that no bundle uses, nor anything of them.
Result<std::set<oci::Digest>> unused(const Store& store) {
  const std::vector<Lease> leases = TRY(leases::all(store));
  std::set<oci::Digest> found;
  for (const catalog::Entry& entry : TRY(catalog::read(store))) {
    Marks needs;
    TRY(marks::add(store, entry.descriptor, needs).within("image '", entry.name, "'"));
    const bool used = std::ranges::any_of(
        leases, [&](const Lease& lease) { return needs.blobs.contains(lease.manifest.digest); });
    if (!used) found.insert(entry.descriptor.digest);
  }
  return found;
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
    return Error(Kind::conflict, str::cat("image '", shown, "' has several names: ", some_of(names),
                                          "; name the one to remove, or remove all with --force"));
  const bool last = untagged.names.size() == names.size();
  if (last) untagged.users = TRY(leases::users_of(store, untagged.manifest));
  if (!untagged.users.empty() && !force)
    return Error(Kind::conflict, str::cat("image '", shown, "' is in use by ", describe(untagged.users),
                                          "; --force removes only its name"));
  TRY(catalog::remove(store, untagged.names));
  // Entries without a name, which other tools leave.
  if (last) TRY(catalog::remove_manifests(store, {untagged.manifest}));
  return untagged;
}

Result<Freed> sweep(const Store& store, const Options& options) {
  UniqueFd alone = TRY(store.exclude(options.wait_ms));
  Marks marks = TRY(marks::all(store));
  return sweep_alone(store, std::move(alone), std::move(marks), options);
}

Result<std::vector<std::string>> drop(const Store& store, const Damaged& damaged, int wait_ms) {
  UniqueFd alone = TRY(store.exclude(wait_ms));
  const std::vector<Lease> leases = TRY(leases::all(store));
  std::vector<std::string> kept;
  Graves graves(TRY(open_dir(store.root(), "tmp")));
  for (const oci::Digest& blob : damaged.blobs) TRY(drop_blob(store, blob));
  for (const oci::Digest& chain : damaged.chain_ids) {
    const auto user = std::ranges::find_if(leases, [&](const Lease& lease) {
      return std::ranges::find(lease.chain_ids, chain) != lease.chain_ids.end();
    });
    if (user != leases.end() && store.has_layer(chain))
      kept.push_back(str::cat("layer ", chain.text(), " is in use by ", describe({*user}), ", leaving it"));
    else
      TRY(drop_layer(store, chain, graves));
  }
  alone.reset();
  graves.empty();
  return kept;
}

Result<Pruned> prune(const Store& store, Which which, const Options& options) {
  UniqueFd alone = TRY(store.exclude(options.wait_ms));
  Pruned pruned;
  std::set<oci::Digest> going = TRY(unused(store));
  for (const catalog::Entry& entry : TRY(catalog::read(store)))
    if (which == Which::nameless && !entry.name.empty()) going.erase(entry.descriptor.digest);
  for (const catalog::Entry& entry : TRY(catalog::read(store)))
    if (!entry.name.empty() && going.contains(entry.descriptor.digest)) pruned.names.push_back(entry.name);
  pruned.images.assign(going.begin(), going.end());
  Marks marks = TRY(marks::all(store, going));
  // All at once: whoever is killed here has pruned everything or nothing.
  if (!options.dry_run && !going.empty()) TRY(catalog::remove_manifests(store, going));
  pruned.freed = TRY(sweep_alone(store, std::move(alone), std::move(marks), options));
  return pruned;
}

}  // namespace gc
