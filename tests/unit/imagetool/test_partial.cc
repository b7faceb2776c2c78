// A blob that arrives in any order, in several processes' lifetimes, and wrong ones.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "imagetool/store/gc.h"
#include "imagetool/store/partial.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

// A store of the test's own, removed at its end.
class Scratch {
 public:
  Scratch() : made_(::mkdtemp(path_) != nullptr), store_(Store::open(str::cat(path_, "/store")).take()) {}
  ~Scratch() {
    const UniqueFd tmp = sys::open("/tmp", O_RDONLY | O_DIRECTORY).take();
    (void)path::remove_tree(tmp, path_ + 5);
  }
  [[nodiscard]] const Store& store() const { return store_; }
  [[nodiscard]] Result<Partial> open(const oci::Descriptor& blob) const {
    return Partial::open(store_, blob, TRY(store_.try_part(Store::Part::blob, blob.digest)));
  }
  [[nodiscard]] std::string file(const oci::Descriptor& blob) const {
    return str::cat(store_.dir(), "/partial/", blob.digest.hex());
  }

 private:
  char path_[32] = "/tmp/test_partial.XXXXXX";
  bool made_;
  Store store_;
};

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761U) >> 13);
  return text;
}

oci::Descriptor describe(std::string_view text) {
  Hasher hasher("sha256");
  hasher.update(text);
  return {.digest = hasher.finish().take(), .size = text.size()};
}

// Written, and nothing of it hashed that does not stand at whole().
void put(Partial& partial, std::string_view text, size_t first, size_t end) {
  cr_assert(partial.write(first, text.substr(first, end - first)).ok());
  cr_assert(partial.catch_up(0).ok());
}

uint64_t written(const Scratch& scratch, const oci::Descriptor& blob) {
  return static_cast<uint64_t>(sys::fstatat(Fd::cwd(), scratch.file(blob).c_str(), 0).take().st_size);
}

void expect_commit(const Scratch& scratch, Partial& partial, const oci::Descriptor& blob,
                   std::string_view text) {
  while (partial.behind()) cr_assert(partial.catch_up(300'000).ok());
  cr_assert_eq(partial.whole(), blob.size);
  const Result<> committed = partial.commit();
  cr_expect(committed.ok(), "%s", committed.ok() ? "" : committed.error().message.c_str());
  cr_expect(scratch.store().has(blob));
  cr_expect(scratch.store().read_blob(blob, blob.size).take() == text);
}

}  // namespace

Test(partial, bytes_in_order) {
  const Scratch scratch;
  const std::string text = pattern(1000);
  const oci::Descriptor blob = describe(text);
  Partial partial = scratch.open(blob).take();
  cr_expect_eq(partial.from(), 0u);
  put(partial, text, 0, 400);
  cr_expect_eq(partial.whole(), 400u);
  cr_expect(!partial.behind() && !scratch.store().has(blob));
  put(partial, text, 400, 1000);
  expect_commit(scratch, partial, blob, text);
}

Test(partial, bytes_in_any_order) {
  const Scratch scratch;
  const std::string text = pattern(3'000'000);
  const oci::Descriptor blob = describe(text);
  Partial partial = scratch.open(blob).take();
  put(partial, text, 2'000'000, 2'500'000);
  put(partial, text, 1'000'000, 1'500'000);
  put(partial, text, 2'500'000, 3'000'000);
  cr_expect_eq(partial.whole(), 0u);
  cr_expect(!partial.behind());
  put(partial, text, 0, 1'000'000);
  cr_expect_eq(partial.whole(), 1'000'000u);
  cr_expect(partial.behind());
  put(partial, text, 1'400'000, 2'000'000);  // some of it once more
  expect_commit(scratch, partial, blob, text);
}

Test(partial, what_was_hashed_does_not_change) {
  const Scratch scratch;
  const std::string text = pattern(1000);
  const oci::Descriptor blob = describe(text);
  Partial partial = scratch.open(blob).take();
  put(partial, text, 0, 600);
  cr_assert(partial.write(0, std::string(500, 'x')).ok());
  cr_assert(partial.write(500, std::string(100, 'x') + text.substr(600)).ok());
  cr_assert(partial.catch_up(0).ok());
  expect_commit(scratch, partial, blob, text);
}

Test(partial, what_is_in_memory_does_not_change) {
  const Scratch scratch;
  const std::string text = pattern(1000);
  const oci::Descriptor blob = describe(text);
  Partial partial = scratch.open(blob).take();
  cr_assert(partial.write(0, text.substr(0, 600)).ok());
  cr_assert(partial.write(500, std::string(100, 'x') + text.substr(600)).ok());
  cr_assert(partial.catch_up(0).ok());
  expect_commit(scratch, partial, blob, text);
}

// As libcurl does it: many small ones, and two ranges in turn.
Test(partial, what_comes_in_small_pieces_is_written_in_large_ones) {
  const Scratch scratch;
  const std::string text = pattern(1 << 20);
  const oci::Descriptor blob = describe(text);
  Partial partial = scratch.open(blob).take();
  const auto small = [&](size_t first, size_t end) {
    for (size_t at = first; at < end; at += 16'384)
      cr_assert(
          partial.write(at, std::string_view(text).substr(at, std::min<size_t>(16'384, end - at))).ok());
  };
  small(0, 100'000);
  cr_expect_eq(written(scratch, blob), 0u);
  small(600'000, 700'000);
  cr_expect_eq(written(scratch, blob), 100'000u, "another place: what was in memory has been written");
  cr_expect_eq(partial.whole(), 100'000u);
  small(100'000, 600'000);
  cr_expect_gt(partial.whole(), 300'000u, "there is an end to what is gathered");
  small(700'000, text.size());
  cr_assert(partial.catch_up(0).ok());
  cr_expect_eq(written(scratch, blob), text.size());
  expect_commit(scratch, partial, blob, text);
}

Test(partial, goes_on_where_another_was_interrupted) {
  const Scratch scratch;
  const std::string text = pattern(1'000'000);
  const oci::Descriptor blob = describe(text);
  {
    Partial first = scratch.open(blob).take();
    put(first, text, 0, 700'001);
  }
  Partial second = scratch.open(blob).take();
  cr_expect_eq(second.from(), 700'001u);
  cr_expect_eq(second.whole(), 0u, "nothing is known of it before it is hashed again");
  put(second, text, second.from(), 900'000);
  cr_assert(second.catch_up(1 << 20).ok());
  cr_expect_eq(second.whole(), 900'000u);
  put(second, text, 900'000, 1'000'000);
  expect_commit(scratch, second, blob, text);
}

Test(partial, goes_on_in_front_of_a_hole) {
  const Scratch scratch;
  const std::string text = pattern(9 << 20);
  const oci::Descriptor blob = describe(text);
  {
    Partial first = scratch.open(blob).take();
    put(first, text, 0, 3'500'000);
    put(first, text, 8 << 20, 9 << 20);
  }
  Partial second = scratch.open(blob).take();
  cr_expect_leq(second.from(), 3'500'000u);
  cr_expect_geq(second.from(), 2'000'000u);
  put(second, text, second.from(), text.size());
  expect_commit(scratch, second, blob, text);
}

Test(partial, wrong_bytes_get_no_name) {
  const Scratch scratch;
  const std::string text = pattern(1000);
  const oci::Descriptor blob = describe(text);
  {
    Partial first = scratch.open(blob).take();
    put(first, std::string(500, 'x'), 0, 500);
  }
  Partial second = scratch.open(blob).take();
  cr_expect_eq(second.from(), 500u);
  put(second, text, 500, 1000);
  cr_assert(second.catch_up(1000).ok());
  const Result<> wrong = second.commit();
  cr_expect(!wrong.ok() && wrong.error().kind == Kind::invalid);
  cr_expect(!scratch.store().has(blob));
  cr_assert(second.restart().ok());
  cr_expect_eq(second.whole(), 0u);
  put(second, text, 0, 1000);
  expect_commit(scratch, second, blob, text);
}

Test(partial, too_long_a_file_counts_for_nothing) {
  const Scratch scratch;
  const std::string text = pattern(1000);
  const oci::Descriptor blob = describe(text);
  cr_assert(
      files::replace(scratch.store().partials(), std::string(blob.digest.hex()).c_str(), pattern(1001), 0644)
          .ok());
  Partial partial = scratch.open(blob).take();
  cr_expect_eq(partial.from(), 0u);
  put(partial, text, 0, 1000);
  expect_commit(scratch, partial, blob, text);
}

Test(partial, discarded_and_swept) {
  const Scratch scratch;
  const oci::Descriptor blob = describe(pattern(1000)), other = describe("other");
  scratch.open(blob).take().discard();
  cr_expect(!sys::fstatat(Fd::cwd(), scratch.file(blob).c_str(), 0).ok());
  for (const oci::Descriptor& one : {blob, other}) cr_assert(scratch.open(one).take().write(0, "other").ok());
  cr_assert(gc::sweep(scratch.store(), {.wait_ms = 1000}).ok());
  cr_expect(sys::fstatat(Fd::cwd(), scratch.file(blob).c_str(), 0).ok(), "it is of today");
  const gc::Options all{.wait_ms = 1000, .left_overs = gc::LeftOvers::go};
  const Result<gc::Freed> freed = gc::sweep(scratch.store(), all);
  cr_expect(freed.ok() && freed.value().left_overs == 2);
  cr_expect(!sys::fstatat(Fd::cwd(), scratch.file(blob).c_str(), 0).ok());
}
