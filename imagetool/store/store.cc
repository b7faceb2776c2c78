#include "imagetool/store/store.h"

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "imagetool/store/holders.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "spec/json.h"

namespace {

constexpr char kLayoutFile[] = "oci-layout";
constexpr std::string_view kLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";
constexpr std::string_view kEmptyIndex =
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";

// A sweep holds the lock while it reads small files and renames; only one that is stopped takes longer.
constexpr int kSweepMs = 60'000;

std::string blob_name(const oci::Digest& digest) { return str::cat(digest.algorithm(), "/", digest.hex()); }

bool exists(Fd dir, const std::string& name) {
  return sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW).ok();
}

// A directory that may be there already.
Result<UniqueFd> open_or_make_dir(Fd parent, const std::string& name, mode_t mode) {
  Result<> made = sys::mkdirat(parent, name.c_str(), mode);
  if (!made.ok() && made.error().errnum != EEXIST) return made.take_error();
  return sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// DIR and what is missing above it.  Those above get the usual rights, DIR itself is private.
Result<UniqueFd> open_or_make_root(const std::string& dir) {
  for (size_t slash = dir.find('/', 1); slash != std::string::npos; slash = dir.find('/', slash + 1)) {
    Result<> made = sys::mkdirat(Fd::cwd(), dir.substr(0, slash).c_str(), 0755);
    if (!made.ok() && made.error().errnum != EEXIST) return made.take_error();
  }
  Result<> made = sys::mkdirat(Fd::cwd(), dir.c_str(), 0700);
  if (!made.ok() && made.error().errnum != EEXIST) return made.take_error();
  return sys::open(dir.c_str(), O_RDONLY | O_DIRECTORY);
}

Result<> check_layout(Fd root) {
  const std::string text = TRY(files::read(root, kLayoutFile, 4096));
  const json::Document document = TRY(json::parse(text, {.name = kLayoutFile}));
  const auto version = document.root().find_string("imageLayoutVersion");
  if (version == "1.0.0") return {};
  return Error(Kind::invalid, str::cat("oci-layout says version '", str::printable(version.value_or("")),
                                       "', and this program knows 1.0.0"));
}

// What keeps a directory from becoming a store: a mistyped --store must not litter somebody's home.
Result<std::optional<std::string>> find_foreign(Fd root) {
  for (sys::Entry& entry : TRY(sys::list(root)))
    if (!entry.name.starts_with('.') && entry.name != "lost+found")
      return std::optional<std::string>(std::move(entry.name));
  return std::optional<std::string>();
}

// Layers hold programs with set-user-id bits and other people's ids: who owns the directory could run or exchange what
// we unpack there.  Root's own serve everybody who may write to them.
Result<> refuse_other_owner(Fd root) {
  constexpr uid_t kNobody = 65534;  // of a user namespace's own: somebody who is not in it
  const uid_t owner = TRY(sys::fstat(root)).st_uid;
  if (owner == 0 || owner == ::geteuid()) return {};
  if (owner == kNobody)
    return Error(Kind::denied, "it belongs to another user; name another directory with --store");
  return Error(Kind::denied, str::cat("it belongs to user ", owner, ", and this is user ", ::geteuid(),
                                      "; name another directory with --store, or become that user"));
}

Result<> make_layout(Fd root) {
  if (exists(root, kLayoutFile)) return check_layout(root);
  const auto foreign = TRY(find_foreign(root));
  // First of all: what others see of a store that is being made has its layout.
  if (!foreign) return files::replace(root, kLayoutFile, kLayout, 0644, files::Durable::yes);
  if (exists(root, kLayoutFile)) return check_layout(root);
  return Error(Kind::invalid, str::cat("it is no image store, and not empty: there is '",
                                       str::printable(*foreign), "'; name another directory with --store"));
}

Result<> make_index(Fd root) {
  if (exists(root, "index.json")) return {};
  const UniqueFd lock = TRY(sys::openat(root, "index.lock", O_RDWR | O_CREAT, 0600));
  TRY(sys::flock(lock, LOCK_EX));
  if (exists(root, "index.json")) return {};
  return files::replace(root, "index.json", kEmptyIndex, 0644, files::Durable::yes);
}

Result<std::string> read_boot_id() {
  std::string text = TRY(files::read(Fd::cwd(), "/proc/sys/kernel/random/boot_id", 64));
  return std::string(str::trim(text));
}

Error explain(Error error, std::string_view dir) {
  if (error.errnum == EACCES || error.errnum == EPERM || error.errnum == EROFS)
    return Error(Kind::denied, error.errnum,
                 str::cat("store '", dir, "' cannot be written by this user (", error.message,
                          "); name another directory with --store"));
  if (error.errnum == ENOENT || error.errnum == ENOTDIR)
    return Error(Kind::invalid, error.errnum,
                 str::cat("store '", dir, "' cannot be made there; name another directory with --store"));
  return std::move(error).within("store '", dir, "'");
}

}  // namespace

// ---- opening ----

Result<Store> Store::open(std::string_view dir) {
  std::string name(dir);
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  if (name.empty()) return Error(Kind::invalid, "--store: the directory's name is empty");
  Store store;
  Result<> opened = store.open_parts(name);
  if (!opened.ok()) return explain(opened.take_error(), name);
  return store;
}

Result<> Store::open_parts(const std::string& name) {
  root_ = TRY(open_or_make_root(name));
  dir_ = TRY(sys::readlinkat(Fd::cwd(), root_.get().proc_path().c_str()));
  TRY(refuse_other_owner(root_));
  TRY(make_layout(root_));
  boot_ = TRY(read_boot_id());
  blobs_ = TRY(open_or_make_dir(root_, "blobs", 0755));
  (void)TRY(open_or_make_dir(blobs_, "sha256", 0755));
  layers_ = TRY(open_or_make_dir(root_, "layers", 0700));
  leases_ = TRY(open_or_make_dir(root_, "leases", 0700));
  partials_ = TRY(open_or_make_dir(root_, "partial", 0700));
  tmp_ = TRY(open_or_make_dir(root_, "tmp", 0700));
  (void)TRY(open_or_make_dir(root_, "bundles", 0700));
  const UniqueFd staging = TRY(open_or_make_dir(root_, "staging", 0700));
  const UniqueFd boot = TRY(open_or_make_dir(staging, boot_, 0700));
  staged_blobs_ = TRY(open_or_make_dir(boot, "blobs", 0700));
  staged_layers_ = TRY(open_or_make_dir(boot, "layers", 0700));
  return make_index(root_);
}

// ---- locks ----

Error Store::busy(Error error, Fd lock) const {
  if (error.kind != Kind::conflict) return error;
  return Error(Kind::conflict, str::cat("store '", dir_, "' is being used by ", holders::describe(lock)));
}

Result<UniqueFd> Store::open_lock(const char* name) const {
  Result<UniqueFd> opened = sys::openat(root_, name, O_RDWR | O_CREAT, 0600);
  if (!opened.ok()) return explain(opened.take_error(), dir_);
  return opened;
}

Result<UniqueFd> Store::share() const {
  Result<UniqueFd> opened = open_lock("lock");
  if (!opened.ok() && opened.error().errnum == EROFS) {  // to look at it this will do
    Result<UniqueFd> there = sys::openat(root_, "lock", O_RDONLY | O_NOFOLLOW);
    if (there.ok()) opened = std::move(there);
  }
  UniqueFd lock = TRY(std::move(opened));
  Result<> locked = files::lock(lock, files::Lock::shared, kSweepMs);
  if (locked.ok()) return lock;
  return busy(locked.take_error(), lock);
}

Result<UniqueFd> Store::exclude(int wait_ms) const {
  UniqueFd lock = TRY(open_lock("lock"));
  Result<> locked = files::lock(lock, files::Lock::exclusive, wait_ms);
  if (locked.ok()) return lock;
  return busy(locked.take_error(), lock);
}

Result<UniqueFd> Store::part_lock(Part part, const oci::Digest& digest) const {
  const std::string name = str::cat(part == Part::blob ? "blob-" : "layer-", digest.hex(), ".lock");
  return sys::openat(tmp_, name.c_str(), O_RDWR | O_CREAT, 0600);
}

Result<UniqueFd> Store::try_part(Part part, const oci::Digest& digest) const {
  UniqueFd lock = TRY(part_lock(part, digest));
  Result<> locked = sys::flock(lock, LOCK_EX | LOCK_NB);
  if (locked.ok()) return lock;
  if (locked.error().errnum == EWOULDBLOCK) return UniqueFd();
  return locked.take_error();
}

void Store::take_back(const oci::Digest& blob) const {
  const std::string name(blob.hex());
  const Result<UniqueFd> staging = sys::openat(root_, "staging", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!staging.ok()) return;
  const Result<std::vector<sys::Entry>> boots = sys::list(staging.value());
  if (!boots.ok()) return;
  for (const sys::Entry& boot : boots.value())
    if (boot.name != boot_ && !exists(partials_, name))
      (void)sys::renameat(staging.value(), str::cat(boot.name, "/blobs/", name).c_str(), partials_,
                          name.c_str());  // most have not got it
}

std::string Store::part_holder(Part part, const oci::Digest& digest) const {
  const Result<UniqueFd> lock = part_lock(part, digest);
  return holders::describe(lock.ok() ? Fd(lock.value()) : Fd());
}

// ---- blobs ----

Result<UniqueFd> Store::open_blob(const oci::Digest& digest) const {
  // What is staged first: it may be about to replace a file that was cut short.
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  Result<UniqueFd> file = sys::openat(staged_blobs_, std::string(digest.hex()).c_str(), kFlags);
  if (!file.ok() && file.error().errnum == ENOENT)
    file = sys::openat(blobs_, blob_name(digest).c_str(), kFlags);
  if (!file.ok() && file.error().errnum == ENOENT)
    return Error(Kind::not_found, str::cat("blob ", digest.text(), " is not in the store '", dir_, "'"));
  return file;
}

bool Store::has(const oci::Descriptor& blob) const {
  const auto is_whole = [&](Fd dir, const std::string& name) {
    const Result<struct stat> st = sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
    return st.ok() && S_ISREG(st.value().st_mode) && static_cast<uint64_t>(st.value().st_size) == blob.size;
  };
  return is_whole(blobs_, blob_name(blob.digest)) || is_whole(staged_blobs_, std::string(blob.digest.hex()));
}

Result<std::string> Store::read_blob(const oci::Descriptor& blob, uint64_t limit) const {
  if (blob.size > limit)
    return Error(Kind::invalid,
                 str::cat(blob.digest.text(), " has ", blob.size, " bytes, and ", limit, " are the most"));
  const UniqueFd file = TRY(open_blob(blob.digest));
  std::string text = TRY(files::read(file, limit).within("blob ", blob.digest.text()));
  Hasher hasher(blob.digest.algorithm());
  hasher.update(text);
  const oci::Digest found = TRY(hasher.finish());
  if (found == blob.digest) return text;
  return Error(Kind::invalid,
               str::cat("blob ", blob.digest.text(), " in the store '", dir_, "' is damaged: its digest is ",
                        found.text(), "; repair it with `imagetool check --repair`"));
}

Result<Store::Writer> Store::begin() const {
  Result<UniqueFd> unnamed = sys::openat(tmp_, ".", O_TMPFILE | O_WRONLY, 0644);
  if (unnamed.ok()) return Writer(*this, std::move(unnamed).take(), std::string());
  for (unsigned n = 0;; ++n) {
    std::string name = str::cat("blob-", ::getpid(), "-", n);
    Result<UniqueFd> file = sys::openat(tmp_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file.ok()) return Writer(*this, std::move(file).take(), std::move(name));
    if (file.error().errnum != EEXIST) return file.take_error();
  }
}

Store::Writer::Writer(const Store& store, UniqueFd file, std::string name)
    : tmp_(store.tmp_), staged_(store.staged_blobs_), file_(std::move(file)), name_(std::move(name)) {}

Store::Writer::Writer(Writer&& other) noexcept
    : tmp_(other.tmp_),
      staged_(other.staged_),
      file_(std::move(other.file_)),
      name_(std::exchange(other.name_, std::string())) {}

Store::Writer::~Writer() {
  if (!name_.empty()) (void)sys::unlinkat(tmp_, name_.c_str(), 0);  // gc sweeps what is left in tmp/
}

Result<> Store::Writer::write(std::string_view bytes) { return sys::write_all(file_, bytes); }

Result<> Store::Writer::commit(const oci::Digest& digest) {
  const std::string to(digest.hex());
  if (!name_.empty()) {
    TRY(sys::renameat(tmp_, name_.c_str(), staged_, to.c_str()));
    name_.clear();
    return {};
  }
  // By the link in /proc: AT_EMPTY_PATH asks for CAP_DAC_READ_SEARCH.
  Result<> linked =
      sys::linkat(Fd::cwd(), file_.get().proc_path().c_str(), staged_, to.c_str(), AT_SYMLINK_FOLLOW);
  if (!linked.ok() && linked.error().errnum != EEXIST) return linked.take_error();
  return {};
}

// ---- layers ----

bool Store::has_layer(const oci::Digest& chain_id) const {
  const std::string name(chain_id.hex());
  return exists(layers_, name) || exists(staged_layers_, name);
}

Result<UniqueFd> Store::open_layer(const oci::Digest& chain_id) const {
  // Staged first: settling only ever moves it the other way.
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const std::string name(chain_id.hex());
  Result<UniqueFd> dir = sys::openat(staged_layers_, name.c_str(), kFlags);
  if (!dir.ok() && dir.error().errnum == ENOENT) dir = sys::openat(layers_, name.c_str(), kFlags);
  if (!dir.ok() && dir.error().errnum == ENOENT)
    return Error(Kind::not_found,
                 str::cat("layer ", chain_id.text(), " is not unpacked in the store '", dir_, "'"));
  return dir;
}

std::string Store::layer_dir(const oci::Digest& chain_id) const {
  const std::string name(chain_id.hex());
  return exists(layers_, name) ? str::cat(dir_, "/layers/", name) : std::string();
}

Result<Store::Unpacking> Store::begin_layer() const {
  for (unsigned n = 0;; ++n) {
    Unpacking layer;
    layer.name = str::cat("layer-", ::getpid(), "-", n);
    Result<> made = sys::mkdirat(tmp_, layer.name.c_str(), 0755);
    if (!made.ok() && made.error().errnum == EEXIST) continue;
    TRY(std::move(made));
    layer.dir = TRY(sys::openat(tmp_, layer.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return layer;
  }
}

Result<> Store::commit_layer(const Unpacking& layer, const oci::Digest& chain_id) const {
  const std::string to(chain_id.hex());
  Result<> moved = sys::renameat(tmp_, layer.name.c_str(), staged_layers_, to.c_str());
  if (moved.ok()) return {};
  if (moved.error().errnum != EEXIST && moved.error().errnum != ENOTEMPTY) return moved.take_error();
  drop_layer(layer.name);
  return {};
}

void Store::drop_layer(const std::string& name) const {
  (void)path::remove_tree(tmp_, name);  // gc sweeps what is left in tmp/
}

// ---- durability ----

namespace {

Result<> settle_one(Fd from, const std::string& name, Fd to, const std::string& new_name) {
  Result<> moved = sys::renameat(from, name.c_str(), to, new_name.c_str());
  if (moved.ok()) return {};
  // Another pull of the same part was quicker, or it was settled and staged once more: a directory with contents.
  const int err = moved.error().errnum;
  const bool harmless = err == ENOENT || err == EEXIST || err == ENOTEMPTY;
  if (harmless && exists(to, new_name)) return {};
  return std::move(moved).within("settling ", name);
}

}  // namespace

Result<> Store::settle(const std::vector<oci::Digest>& blobs,
                       const std::vector<oci::Digest>& chain_ids) const {
  const auto is_in = [](Fd dir) {
    return [dir](const oci::Digest& part) { return exists(dir, std::string(part.hex())); };
  };
  if (std::ranges::none_of(blobs, is_in(staged_blobs_)) &&
      std::ranges::none_of(chain_ids, is_in(staged_layers_)))
    return {};
  TRY(sys::syncfs(root_).within("writing the image to the disk"));
  for (const oci::Digest& blob : blobs) {
    const UniqueFd dir = TRY(open_or_make_dir(blobs_, std::string(blob.algorithm()), 0755));
    TRY(settle_one(staged_blobs_, std::string(blob.hex()), dir, std::string(blob.hex())));
  }
  for (const oci::Digest& chain : chain_ids)
    TRY(settle_one(staged_layers_, std::string(chain.hex()), layers_, std::string(chain.hex())));
  return sync_names();
}

// The new names, before index.json may speak of them.
Result<> Store::sync_names() const {
  for (const sys::Entry& algorithm : TRY(sys::list(blobs_))) {
    const UniqueFd dir = TRY(sys::openat(blobs_, algorithm.name.c_str(), O_RDONLY | O_DIRECTORY));
    TRY(sys::fsync(dir));
  }
  return sys::fsync(layers_);
}
