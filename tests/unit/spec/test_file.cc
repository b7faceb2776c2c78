#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "spec/base/clock.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace {

// A directory of its own for each test, removed with what the tests put there.
struct Scratch {
  std::string path = "/tmp/test_file.XXXXXX";
  UniqueFd dir;
  Scratch() {
    ::mkdtemp(path.data());
    dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY).take();
  }
  ~Scratch() {
    for (const sys::Entry& entry : sys::list(dir).take()) ::unlinkat(dir.raw(), entry.name.c_str(), 0);
    ::rmdir(path.c_str());
  }
};

std::string show(const Result<std::string>& r) { return r.ok() ? r.value() : "error: " + r.error().message; }

}  // namespace

Test(file, reading) {
  const Scratch s;
  cr_assert(files::replace(s.dir, "f", "0123456789", 0644).ok());
  cr_assert_eq(::mkfifoat(s.dir.raw(), "fifo", 0600), 0);
  const struct {
    const char* name;
    size_t limit;
    const char* want;
  } cases[] = {
      {"f", 10, "0123456789"},
      {"f", 9, "error: reading 'f': larger than 9 bytes"},
      {"gone", 9, "error: 'gone' does not exist"},
      {"fifo", 9, "error: 'fifo' is not a regular file"},
      {".", 9, "error: '.' is not a regular file"},
      {"/dev/zero", 9, "error: '/dev/zero' is not a regular file"},
      {"/proc/self/comm", 64, nullptr},
  };
  for (const auto& c : cases) {
    const auto read = files::read(s.dir, c.name, c.limit);
    const std::string got = show(read);
    if (c.want)
      cr_expect_str_eq(got.c_str(), c.want);
    else
      cr_expect(read.ok() && !read.value().empty());
  }
  cr_expect_eq(files::read(s.dir, "gone", 1).error().kind, Kind::not_found);
}

// Whatever fstat says of the size: proc says 0, and a file may grow while it is read.
Test(file, reading_to_the_end) {
  const Scratch s;
  for (const size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
    const std::string text(size, 'x');
    cr_assert(files::replace(s.dir, "f", text, 0600).ok());
    cr_expect(files::read(s.dir, "f", size).take() == text, "%zu", size);
    cr_expect(files::read(s.dir, "f", 1 << 20).take() == text, "%zu", size);
    if (size) cr_expect(!files::read(s.dir, "f", size - 1).ok(), "%zu", size);
    const UniqueFd open = sys::openat(s.dir, "f", O_RDONLY).take();
    cr_expect(files::read(open.get(), size).take() == text, "%zu", size);
    cr_expect(files::read(open.get(), size).take().empty());
  }
  const std::string maps = files::read(Fd::cwd(), "/proc/self/maps", 1 << 20).take();
  cr_expect(maps.ends_with("\n") && maps.find("[stack]") != std::string::npos);
}

Test(file, copies_keep_their_holes) {
  const Scratch s;
  const struct {
    off_t size;
    std::vector<off_t> written;  // where there is something
  } cases[] = {{0, {}},
               {5, {0}},
               {1 << 20, {}},
               {(1 << 20) + 7, {0, (1 << 20) + 6}},
               {off_t{1} << 40, {off_t{1} << 39}}};
  for (const auto& c : cases) {
    const auto open = [&](const char* name) {
      return sys::openat(s.dir, name, O_RDWR | O_CREAT | O_TRUNC, 0600).take();
    };
    const UniqueFd from = open("from"), to = open("to");
    cr_assert(sys::ftruncate(from, c.size).ok(), "%jd", static_cast<intmax_t>(c.size));
    for (const off_t at : c.written) cr_assert(sys::pwrite_all(from, "x", at).ok());
    cr_assert(files::copy(from, to).ok(), "%jd", static_cast<intmax_t>(c.size));
    const struct stat a = sys::fstat(from).take(), b = sys::fstat(to).take();
    cr_expect_eq(a.st_size, b.st_size);
    cr_expect(b.st_blocks <= a.st_blocks, "%jd: %jd blocks for %jd", static_cast<intmax_t>(c.size),
              static_cast<intmax_t>(b.st_blocks), static_cast<intmax_t>(a.st_blocks));
    for (const off_t at : c.written) {
      char byte = 0;
      cr_expect(sys::pread(to, &byte, 1, at).ok() && byte == 'x');
    }
  }
}

Test(file, replacing_is_one_step) {
  const Scratch s;
  cr_assert(files::replace(s.dir, "f", "old", 0600).ok());
  const UniqueFd before = sys::openat(s.dir, "f", O_RDONLY).take();
  const mode_t mask = ::umask(077);
  cr_assert(files::replace(s.dir, "f", "new one", 0644, files::Durable::yes).ok());
  ::umask(mask);
  const std::string old_text = files::read(before.get(), 100).take();
  const std::string new_text = files::read(s.dir, "f", 100).take();
  cr_expect_str_eq(old_text.c_str(), "old");
  cr_expect_str_eq(new_text.c_str(), "new one");
  cr_expect_eq(sys::fstatat(s.dir, "f", 0).take().st_mode & 07777, 0644);
  cr_expect_eq(sys::list(s.dir).take().size(), 1, "a temporary file was left");
}

Test(file, failed_replacement_leaves_nothing) {
  const Scratch s;
  cr_assert_eq(::mkdirat(s.dir.raw(), "d", 0700), 0);
  cr_expect(!files::replace(s.dir, "d", "text", 0600).ok());
  cr_expect_eq(sys::list(s.dir).take().size(), 1, "a temporary file was left");
  ::unlinkat(s.dir.raw(), "d", AT_REMOVEDIR);
}

Test(file, writing_what_exists) {
  const Scratch s;
  const auto missing = files::write_existing(s.dir, "gone", "1");
  cr_assert(!missing.ok());
  cr_expect_eq(missing.error().kind, Kind::not_found);
  cr_assert(files::replace(s.dir, "f", "", 0600).ok());
  cr_assert(files::write_existing(s.dir, "f", "1").ok());
  const std::string text = files::read(s.dir, "f", 9).take();
  cr_expect_str_eq(text.c_str(), "1");
}

Test(file, locks) {
  const Scratch s;
  UniqueFd first = files::lock(s.dir, "lock", files::Lock::shared, 0).take();
  cr_expect(files::lock(s.dir, "lock", files::Lock::shared, 0).ok());
  const auto now = files::lock(s.dir, "lock", files::Lock::exclusive, 0);
  cr_assert(!now.ok());
  cr_expect_eq(now.error().kind, Kind::conflict);
  cr_expect_str_eq(now.error().message.c_str(), "'lock': locked by another process");

  const int64_t start = clocks::monotonic_ms();
  const auto later = files::lock(s.dir, "lock", files::Lock::exclusive, 60);
  cr_assert(!later.ok());
  cr_expect_str_eq(later.error().message.c_str(), "'lock': still locked by another process after 60 ms");
  cr_expect_geq(clocks::monotonic_ms() - start, 60);
  first.reset();
  cr_expect(files::lock(s.dir, "lock", files::Lock::exclusive, 0).ok());
}

Test(file, a_lock_is_waited_for) {
  const Scratch s;
  UniqueFd held = files::lock(s.dir, "lock", files::Lock::exclusive, 0).take();
  const pid_t child = ::fork();
  if (child == 0) {
    ::usleep(30000);
    ::_exit(0);
  }
  held.reset();  // the child's copy still holds the lock, until it ends
  cr_expect(files::lock(s.dir, "lock", files::Lock::exclusive, 10000).ok());
  ::waitpid(child, nullptr, 0);
}
