#include "imagetool/store/leases.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/schema.h"

namespace leases {

// As it lies on the disk; digests are checked on the way in.
struct Record {
  std::string bundle, container, image;
  std::string manifest, media_type;
  uint64_t size = 0;
  std::vector<std::string> chain_ids;
  uint64_t device = 0, inode = 0;
};

}  // namespace leases

template <>
struct json::Schema<leases::Record> {
  using R = leases::Record;
  static constexpr auto fields = std::tuple{
      required("bundle", &R::bundle),        optional("container", &R::container),
      optional("image", &R::image),          required("manifest", &R::manifest),
      required("mediaType", &R::media_type), required("size", &R::size),
      optional("chainIds", &R::chain_ids),   required("device", &R::device),
      required("inode", &R::inode),
  };
};

namespace leases {

namespace {

constexpr std::string_view kSuffix = ".json";

// One file for each bundle, found by its path alone.
std::string file_name(std::string_view bundle) {
  Hasher hasher("sha256");
  hasher.update(bundle);
  const Result<oci::Digest> digest = hasher.finish();
  assert(digest.ok());  // sha256 is always there
  return str::cat(digest.value().hex().substr(0, 32), kSuffix);
}

bool is_alive(const Lease& lease) {
  if (lease.bundle.empty()) return false;
  const Result<struct stat> st = sys::fstatat(Fd::cwd(), lease.bundle.c_str(), AT_SYMLINK_NOFOLLOW);
  // A bundle that cannot be looked at (a mount that hangs, rights) may well be in use.
  if (!st.ok()) return st.error().errnum != ENOENT && st.error().errnum != ENOTDIR;
  return S_ISDIR(st.value().st_mode) && st.value().st_dev == lease.device && st.value().st_ino == lease.inode;
}

std::string encode(const Lease& lease) {
  Record record{.bundle = lease.bundle,
                .container = lease.container,
                .image = lease.image,
                .manifest = lease.manifest.digest.text(),
                .media_type = lease.manifest.media_type,
                .size = lease.manifest.size,
                .device = lease.device,
                .inode = lease.inode};
  for (const oci::Digest& chain : lease.chain_ids) record.chain_ids.push_back(chain.text());
  return json::encode(record, json::Style::indented);
}

Result<Lease> decode(std::string_view text, std::string_view name) {
  Record record = TRY(json::decode_text<Record>(text, {.name = name}));
  Lease lease{.bundle = std::move(record.bundle),
              .container = std::move(record.container),
              .image = std::move(record.image),
              .device = record.device,
              .inode = record.inode};
  lease.manifest.media_type = std::move(record.media_type);
  lease.manifest.size = record.size;
  lease.manifest.digest = TRY(oci::Digest::parse(record.manifest).within(name, ": manifest"));
  for (const std::string& chain : record.chain_ids)
    lease.chain_ids.push_back(TRY(oci::Digest::parse(chain).within(name, ": chainIds")));
  return lease;
}

// nullopt: removed since the directory was listed.
Result<std::optional<Lease>> read(const Store& store, const std::string& name) {
  Result<std::string> text = files::read(store.leases(), name.c_str(), limits::kLease);
  if (!text.ok() && text.error().kind == Kind::not_found) return std::optional<Lease>();
  const std::string found = TRY(std::move(text));
  // Written whole or not at all, and not waited for: empty, or of zeros, it is what a power failure has left, and nothing of
  // its bundle can be running.
  if (found.find_first_not_of('\0') == std::string::npos) return std::optional(Lease());
  return std::optional(TRY(decode(found, name)));
}

struct Found {
  std::string file;
  Lease lease;
};

Result<std::vector<Found>> read_all(const Store& store) {
  // The descriptor's offset is shared by all who hold it: list a copy of our own.
  const UniqueFd dir = TRY(sys::openat(store.leases(), ".", O_RDONLY | O_DIRECTORY));
  std::vector<Found> found;
  for (const sys::Entry& entry : TRY(sys::list(dir))) {
    if (!entry.name.ends_with(kSuffix) || entry.name.starts_with('.')) continue;
    std::optional<Lease> lease = TRY(read(store, entry.name).within("store '", store.dir(), "': lease"));
    if (lease) found.push_back({entry.name, std::move(*lease)});
  }
  return found;
}

Result<> check_layers(const Store& store, const Image& image) {
  for (const ImageLayer& layer : image.layers) {
    if (store.layer_dir(layer.chain_id).empty())
      return Error(Kind::conflict, str::cat("layer ", layer.chain_id.text(),
                                            " has been removed meanwhile; pull the image again"));
  }
  return {};
}

}  // namespace

Result<> add(const Store& store, const Use& use, const Image& image) {
  const UniqueFd dir =
      TRY(sys::open(use.bundle.c_str(), O_PATH | O_DIRECTORY).within("bundle '", use.bundle, "'"));
  const struct stat st = TRY(sys::fstat(dir));
  Lease lease{.bundle = TRY(sys::readlinkat(Fd::cwd(), dir.get().proc_path().c_str())),
              .container = use.container,
              .image = use.image,
              .manifest = image.descriptor,
              .device = st.st_dev,
              .inode = st.st_ino};
  const UniqueFd held = TRY(store.share());
  if (use.layers) {
    TRY(check_layers(store, image));
    for (const ImageLayer& layer : image.layers) lease.chain_ids.push_back(layer.chain_id);
  }
  return files::replace(store.leases(), file_name(lease.bundle).c_str(), encode(lease), 0600)
      .within("store '", store.dir(), "': lease");
}

Result<> release(const Store& store, std::string_view bundle) {
  // The directory may be gone, and its real path with it: then the path as given has to do.
  std::string real(bundle);
  const Result<UniqueFd> dir = sys::open(real.c_str(), O_PATH | O_DIRECTORY);
  if (dir.ok()) real = TRY(sys::readlinkat(Fd::cwd(), dir.value().get().proc_path().c_str()));
  Result<> removed = sys::unlinkat(store.leases(), file_name(real).c_str(), 0);
  if (!removed.ok() && removed.error().errnum == ENOENT) return {};
  return removed;
}

Result<std::vector<Lease>> all(const Store& store) {
  std::vector<Lease> alive;
  for (Found& found : TRY(read_all(store)))
    if (is_alive(found.lease)) alive.push_back(std::move(found.lease));
  std::ranges::sort(alive, {}, &Lease::bundle);
  return alive;
}

Result<std::vector<Lease>> users_of(const Store& store, const oci::Digest& manifest) {
  std::vector<Lease> users = TRY(all(store));
  std::erase_if(users, [&](const Lease& lease) { return lease.manifest.digest != manifest; });
  return users;
}

Result<> drop_stale(const Store& store) {
  for (const Found& found : TRY(read_all(store)))
    if (!is_alive(found.lease)) TRY(sys::unlinkat(store.leases(), found.file.c_str(), 0));
  return {};
}

}  // namespace leases
