// Buffers between threads: every reader gets every byte, in order, whatever the sizes; and every way to stop.
#include <criterion/criterion.h>

#include <thread>

#include "imagetool/layers/ring.h"
#include "tests/unit/support/expect.h"

namespace {

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761U) >> 13);
  return text;
}

struct Reader {
  StringSink got;
  Result<bool> result = false;
  std::thread thread;
  Reader(Ring& ring, size_t index) : thread([this, &ring, index] { result = ring.drain(index, got); }) {}
};

}  // namespace

Test(ring, every_reader_gets_everything, .timeout = 300) {
  const std::string text = pattern(5'000'000);
  for (const size_t piece : {size_t{1000}, size_t{262144}, size_t{1'000'000}}) {
    Ring ring(2);
    Reader one(ring, 0), two(ring, 1);
    for (size_t at = 0; at < text.size(); at += piece)
      cr_assert(ring.write(std::string_view(text).substr(at, piece)).ok());
    cr_assert(ring.finish().ok());
    one.thread.join();
    two.thread.join();
    cr_expect(one.result.ok() && one.result.value() && one.got.text() == text);
    cr_expect(two.result.ok() && two.result.value() && two.got.text() == text);
  }
}

Test(ring, is_written_in_place, .timeout = 300) {
  Ring ring(1);
  Reader one(ring, 0);
  for (int i = 0; i < 20; ++i) {
    const std::span<char> room = ring.space();
    cr_assert_geq(room.size(), 3u);
    room[0] = 'a', room[1] = 'b', room[2] = static_cast<char>('a' + i);
    cr_assert(ring.write({room.data(), 3}).ok());
  }
  cr_assert(ring.finish().ok());
  one.thread.join();
  cr_expect_eq(one.got.text().size(), 60u);
  expect_text(one.got.text().substr(54), "absabt");
}

Test(ring, what_was_written_before_it_was_abandoned_arrives, .timeout = 300) {
  Ring ring(1);
  cr_assert(ring.write("some").ok());
  ring.abandon();
  Reader one(ring, 0);
  one.thread.join();
  cr_expect(one.result.ok() && !one.result.value());
  expect_text(one.got.text(), "some");
}

Test(ring, a_reader_that_fails_stops_all, .timeout = 300) {
  struct Broken final : Sink {
    Result<> write(std::string_view) override { return Error(Kind::invalid, "broken"); }
  } broken;
  Ring ring(2);
  Reader other(ring, 0);
  Result<bool> result = true;
  std::thread reader([&] { result = ring.drain(1, broken); });
  Result<> written;
  while (written.ok()) written = ring.write(pattern(100'000));
  cr_expect_eq(written.error().kind, Kind::conflict);
  cr_expect(ring.space().empty());
  reader.join();
  other.thread.join();
  cr_expect(!result.ok() && result.error().kind == Kind::invalid);
  cr_expect(other.result.ok() && !other.result.value());
}
