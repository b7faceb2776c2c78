#include "spec/base/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "spec/base/clock.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace files {

constexpr size_t kCopyPiece = 128 << 10;

static Error explained(Error error, const char* path) {
  if (error.errnum == ENOENT) return Error(Kind::not_found, ENOENT, str::cat("'", path, "' does not exist"));
  // What a FIFO without a reader, or a socket, says to an open that does not wait.
  if (error.errnum == ENXIO) return Error(Kind::invalid, str::cat("'", path, "' is not a regular file"));
  return error;
}

// `expected` bytes are likely; 0: not known.
static Result<std::string> read_to_end(Fd file, size_t limit, size_t expected) {
  std::string text(std::min(expected ? expected : 4095, limit) + 1, '\0');
  size_t used = 0;
  for (;;) {
    if (used == text.size()) text.resize(std::min(2 * used, limit + 1));
    const size_t room = text.size() - used;
    const size_t n = TRY(sys::read(file, text.data() + used, room));
    used += n;
    if (used > limit) return Error(Kind::invalid, str::cat("larger than ", limit, " bytes"));
    // Saves the second look at a file of known size: there a short read means the end.
    if (n == 0 || (used == expected && n < room)) break;
  }
  text.resize(used);
  return text;
}

Result<std::string> read(Fd file, size_t limit) { return read_to_end(file, limit, 0); }

Result<std::string> read(Fd dir, const char* path, size_t limit) {
  auto opened = sys::openat(dir, path, O_RDONLY | O_NONBLOCK);
  if (!opened.ok()) return explained(opened.take_error(), path);
  const UniqueFd file = std::move(opened).take();
  const struct stat st = TRY(sys::fstat(file));
  if (!S_ISREG(st.st_mode)) return Error(Kind::invalid, str::cat("'", path, "' is not a regular file"));
  return read_to_end(file, limit, static_cast<size_t>(st.st_size)).within("reading '", path, "'");
}

Result<> copy(Fd from, Fd to) {
  // XFS, btrfs and their like share the blocks until one of the two is written to; all others, and two file systems, say no.
  if (::ioctl(to.raw(), FICLONE, from.raw()) == 0) return {};
  const off_t size = TRY(sys::fstat(from)).st_size;
  std::string piece(kCopyPiece, '\0');
  for (off_t at = 0; at < size;) {
    Result<off_t> data = sys::lseek(from, at, SEEK_DATA);
    if (!data.ok() && data.error().errnum == ENXIO) break;  // a hole up to the end
    at = TRY(std::move(data));
    const off_t hole = TRY(sys::lseek(from, at, SEEK_HOLE));
    while (at < hole) {
      const size_t room = std::min(piece.size(), static_cast<size_t>(hole - at));
      const size_t n = TRY(sys::pread(from, piece.data(), room, at));
      if (n == 0) return Error(Kind::os, EIO, "the file has become shorter while it was copied");
      TRY(sys::pwrite_all(to, {piece.data(), n}, at));
      at += static_cast<off_t>(n);
    }
  }
  return sys::ftruncate(to, size);
}

Result<> write_existing(Fd dir, const char* path, std::string_view data) {
  auto opened = sys::openat(dir, path, O_WRONLY | O_NONBLOCK);
  if (!opened.ok()) return explained(opened.take_error(), path);
  const UniqueFd file = std::move(opened).take();
  const size_t written = TRY(sys::write(file, data.data(), data.size()).within("writing '", path, "'"));
  if (written != data.size()) return Error(Kind::os, EIO, str::cat("writing '", path, "': cut short"));
  return {};
}

// A name that nobody else uses: neither another process, nor a thread, nor one that died here before.
static Result<std::string> temporary_name(const char* name) {
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return Error::os("getrandom()");
  return str::cat(".", name, ".", random);
}

Result<> replace(Fd dir, const char* name, std::string_view data, mode_t mode, Durable durable) {
  const std::string temporary = TRY(temporary_name(name));
  const UniqueFd file =
      TRY(sys::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  Undo remove(
      [&] { (void)sys::unlinkat(dir, temporary.c_str(), 0); });  // it is gone, or there is no more to do
  TRY(sys::fchmod(file, mode));                                  // whatever the umask says
  TRY(sys::write_all(file, data).within("writing '", name, "'"));
  if (durable == Durable::yes) TRY(sys::fsync(file).within("writing '", name, "'"));
  TRY(sys::renameat(dir, temporary.c_str(), dir, name));
  remove.keep();
  if (durable == Durable::no) return {};
  const UniqueFd here = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY));
  return sys::fsync(here).within("writing '", name, "'");
}

Result<> lock(Fd file, Lock kind, int64_t wait_ms) {
  const int operation = kind == Lock::shared ? LOCK_SH : LOCK_EX;
  const int64_t deadline = clocks::monotonic_ms() + wait_ms;
  // flock(2) itself knows no deadline.  Holders are quick, so the first looks come soon after each other.
  for (int64_t pause = 1;; pause = std::min<int64_t>(pause * 2, 20)) {
    auto locked = sys::flock(file, operation | LOCK_NB);
    if (locked.ok() || locked.error().errnum != EWOULDBLOCK) return locked;
    const int64_t left = deadline - clocks::monotonic_ms();
    if (left <= 0)
      return Error(Kind::conflict, EWOULDBLOCK,
                   wait_ms > 0 ? str::cat("still locked by another process after ", wait_ms, " ms")
                               : std::string("locked by another process"));
    const timespec time{0, static_cast<long>(std::min(pause, left)) * 1000000};
    (void)::nanosleep(&time, nullptr);  // woken early, we look early
  }
}

Result<UniqueFd> lock(Fd dir, const char* name, Lock kind, int64_t wait_ms) {
  UniqueFd file = TRY(sys::openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
  TRY(lock(file, kind, wait_ms).within("'", name, "'"));
  return file;
}

}  // namespace files
