#include "imagetool/store/partial.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <iterator>

#include "spec/base/sys.h"

namespace {

constexpr size_t kBuffer = 256 << 10;
// A file system shows a hole from its next block on: what was written of the block before it is not known.
constexpr uint64_t kSlack = 1 << 20;

// How much lies in a file of `there` bytes without a gap.
Result<uint64_t> prefix(Fd file, uint64_t there, uint64_t size) {
  if (there == 0 || there > size) return uint64_t{0};
  const auto hole = static_cast<uint64_t>(TRY(sys::lseek(file, 0, SEEK_HOLE)));
  if (hole >= there) return there;
  return hole == 0 ? 0 : (hole - 1) / kSlack * kSlack;
}

}  // namespace

Partial::Partial(Fd dir, Fd staged, oci::Descriptor blob, UniqueFd lock)
    : dir_(dir),
      staged_(staged),
      blob_(std::move(blob)),
      name_(blob_.digest.hex()),
      lock_(std::move(lock)),
      hasher_(blob_.digest.algorithm()) {}

Result<Partial> Partial::open(const Store& store, const oci::Descriptor& blob, UniqueFd lock) {
  store.take_back(blob.digest);
  Partial partial(store.partials(), store.staged_blobs(), blob, std::move(lock));
  partial.file_ =
      TRY(sys::openat(partial.dir_, partial.name_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644));
  const auto there = static_cast<uint64_t>(TRY(sys::fstat(partial.file_)).st_size);
  partial.from_ = TRY(prefix(partial.file_, there, blob.size));
  // Only then: what was truncated to nothing, ext4 writes to the disk as soon as it is closed (auto_da_alloc).
  if (partial.from_ < there) TRY(sys::ftruncate(partial.file_, static_cast<off_t>(partial.from_)));
  if (partial.from_ > 0) partial.ready_.emplace(0, partial.from_);
  return partial;
}

uint64_t Partial::arrived(const Store& store, const oci::Descriptor& blob) {
  const Result<struct stat> file =
      sys::fstatat(store.partials(), std::string(blob.digest.hex()).c_str(), AT_SYMLINK_NOFOLLOW);
  if (!file.ok()) return 0;
  return std::min(blob.size, static_cast<uint64_t>(file.value().st_blocks) * 512);  // it may have gaps
}

void Partial::advance(std::string_view bytes) {
  hasher_.update(bytes);
  whole_ += bytes.size();
}

Result<> Partial::write(uint64_t offset, std::string_view bytes) {
  assert(offset <= blob_.size && bytes.size() <= blob_.size - offset);
  if (offset != held_at_ + held_.size()) TRY(flush());
  if (offset < whole_) {
    const uint64_t known = std::min<uint64_t>(whole_ - offset, bytes.size());
    bytes.remove_prefix(known);
    offset += known;
  }
  while (!bytes.empty()) {
    if (held_.size() == kBuffer) TRY(flush());
    if (held_.empty()) held_at_ = offset;
    const std::string_view part = bytes.substr(0, kBuffer - held_.size());
    held_.append(part);
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
  return {};
}

// Writes what is in memory.
Result<> Partial::flush() {
  if (held_.empty()) return {};
  TRY(sys::pwrite_all(file_, held_, static_cast<off_t>(held_at_)));
  if (held_at_ == whole_)
    advance(held_);
  else
    remember(held_at_, held_at_ + held_.size());
  held_.clear();
  return {};
}

void Partial::remember(uint64_t first, uint64_t end) {
  const auto above = ready_.upper_bound(first);
  if (above != ready_.begin() && std::prev(above)->second >= first)
    std::prev(above)->second = std::max(std::prev(above)->second, end);
  else
    ready_.emplace_hint(above, first, end);
}

Result<> Partial::catch_up(uint64_t budget) {
  TRY(flush());
  std::string buffer;
  while (behind() && budget > 0) {
    const uint64_t end = ready_.begin()->second;
    if (end <= whole_) {
      ready_.erase(ready_.begin());
      continue;
    }
    buffer.resize(std::min({uint64_t{kBuffer}, budget, end - whole_}));
    const size_t n = TRY(sys::pread(file_, buffer.data(), buffer.size(), static_cast<off_t>(whole_)));
    if (n == 0)
      return Error(Kind::os, str::cat("the store's file of ", blob_.digest.text(), " was cut short"));
    advance(std::string_view(buffer).substr(0, n));
    budget -= n;
  }
  return {};
}

Result<UniqueFd> Partial::reader() const {
  return sys::openat(dir_, name_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

Result<> Partial::commit() {
  assert(whole_ == blob_.size);
  const oci::Digest got = TRY(hasher_.finish());
  if (got != blob_.digest)
    return Error(Kind::invalid, str::cat("has the digest ", got.text(), " instead of ", blob_.digest.text()));
  TRY(sys::renameat(dir_, name_.c_str(), staged_, name_.c_str()));
  lock_.reset();
  return {};
}

Result<> Partial::restart() {
  ready_.clear();
  held_.clear();
  from_ = whole_ = 0;
  hasher_ = Hasher(blob_.digest.algorithm());
  return sys::ftruncate(file_, 0);
}

void Partial::discard() {
  (void)sys::unlinkat(dir_, name_.c_str(), 0);  // a sweep takes what stays
  lock_.reset();
}
