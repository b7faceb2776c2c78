#include <criterion/criterion.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "imagetool/layers/inflate.h"
#include "imagetool/limits.h"
#include "tests/unit/support/expect.h"

namespace {

std::string gzip(const std::string& text) {
  isal_zstream stream;
  isal_deflate_init(&stream);
  std::string out(text.size() + 1024, '\0'), in = text;
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(in.data());
  stream.avail_in = static_cast<uint32_t>(in.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  cr_assert_eq(isal_deflate(&stream), 0);
  out.resize(stream.total_out);
  return out;
}

// With every part that a header can have (RFC 1952), or those of `flags`.
std::string with_header(const std::string& member, uint8_t flags = 2 | 4 | 8 | 16) {
  std::string header("\x1f\x8b\x08", 3);
  header += static_cast<char>(flags);
  header += std::string("\1\2\3\4\0\3", 6);
  if (flags & 4) header += std::string("\6\0AB\2\0xy", 8);
  if (flags & 8) header += std::string("layer.tar", 10);
  if (flags & 16) header += std::string("made", 5);
  const uint32_t crc = crc32_gzip_refl(0, reinterpret_cast<const uint8_t*>(header.data()), header.size());
  if (flags & 2) header += {static_cast<char>(crc), static_cast<char>(crc >> 8)};
  return header + member.substr(10);
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string show(oci::Compression how, const std::string& bytes, size_t step = 1 << 20) {
  StringSink out;
  const std::unique_ptr<Sink> sink = inflate(how, out);
  for (size_t at = 0; at < bytes.size(); at += step) {
    const Result<> r = sink->write(std::string_view(bytes).substr(at, step));
    if (!r.ok()) return "error: " + r.error().message;
  }
  const Result<> r = sink->finish();
  return r.ok() ? out.text() : "error: " + r.error().message;
}

std::string sample(size_t size) {
  std::string text;
  for (unsigned n = 1; text.size() < size; n = n * 1103515245 + 12345)
    text += n % 3 ? std::string(n >> 27, 'x') : std::to_string(n);
  return text;
}

constexpr oci::Compression kGzip = oci::Compression::gzip, kZstd = oci::Compression::zstd;

}  // namespace

Test(inflate, members_and_frames_in_pieces_of_any_size) {
  const std::string small = sample(3000), large = sample(700000);
  const std::string gz = gzip(small) + gzip("") + gzip(large);
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  const std::string zst = zstd(small) + skippable + zstd(large);
  for (const size_t step : {size_t{1}, size_t{13}, size_t{4096}, size_t{1} << 20}) {
    cr_expect(show(kGzip, gz, step) == small + large, "gzip by %zu", step);
    cr_expect(show(kZstd, zst, step) == small + large, "zstd by %zu", step);
    cr_expect(show(oci::Compression::none, large, step) == large, "plain by %zu", step);
  }
  cr_expect(show(kGzip, gzip(small) + std::string(600, '\0')) == small, "zeros behind the end");
}

Test(inflate, no_truncation_or_flipped_byte_gives_other_bytes) {
  const std::string text = sample(2000), gz = gzip(text), zst = zstd(text);
  for (size_t n = 0; n < gz.size(); ++n)
    cr_expect(show(kGzip, gz.substr(0, n)).starts_with("error: "), "gzip cut at %zu", n);
  for (size_t n = 0; n < zst.size(); ++n)
    cr_expect(show(kZstd, zst.substr(0, n)).starts_with("error: "), "zstd cut at %zu", n);
  for (size_t n = 10; n < gz.size(); ++n) {  // behind the header, whose time and system nobody checks
    std::string bad = gz;
    bad[n] = static_cast<char>(bad[n] ^ 4);
    const std::string got = show(kGzip, bad);  // a code that nothing uses may change without effect
    cr_expect(got == text || got.starts_with("error: "), "gzip byte %zu", n);
  }
}

Test(inflate, headers_of_all_kinds_in_two_pieces) {
  const std::string text = sample(300);
  for (uint8_t flags = 0; flags < 32; ++flags) {
    const std::string member = with_header(gzip(text), flags);
    for (size_t cut = 0; cut < 50; ++cut) {
      const std::string first = member + member.substr(0, cut), second = member.substr(cut);
      StringSink out;
      const std::unique_ptr<Sink> sink = inflate(kGzip, out);
      cr_expect(sink->write(first).ok() && sink->write(second).ok() && sink->finish().ok(), "%d at %zu",
                flags, cut);
      cr_expect(out.text() == text + text, "%d at %zu", flags, cut);
    }
  }
  std::string bad = with_header(gzip(text));
  bad[5] = 'x';
  expect_text(show(kGzip, bad),
              "error: the compressed data is damaged: the checksum of its header does not hold");
  expect_text(show(kGzip, gzip(text) + bad),
              "error: the compressed data is damaged: the checksum of its header does not hold");
  bad[3] = static_cast<char>(0xff);
  expect_text(show(kGzip, bad),
              "error: the compressed data is damaged: its header has flags that mean nothing yet");
  const std::string endless = std::string("\x1f\x8b\x08\x08\0\0\0\0\0\3", 10) + std::string(300000, 'n');
  expect_text(show(kGzip, endless),
              "error: the compressed data is damaged: the header of a member is larger than 262144 bytes");
}

Test(inflate, refusals) {
  const std::string gz = gzip("text");
  std::string length = gz;
  length[gz.size() - 4] = 5;
  const struct {
    oci::Compression how;
    std::string bytes, want;
  } cases[] = {
      {kGzip, "", "error: the compressed data is damaged: it is empty"},
      {kGzip, "plain text, not compressed", "error: the compressed data is damaged: it is not gzip"},
      {kGzip, gz + "garbage behind",
       "error: the compressed data is damaged: there is something else behind its end"},
      {kGzip, gz + std::string(5, '\0') + "x",
       "error: the compressed data is damaged: there is something else behind its end"},
      {kGzip, length, "error: the compressed data is damaged: its checksum or length does not hold"},
      {kZstd, "", "error: the compressed data is damaged: it is empty or ends in the middle"},
      {kZstd, zstd("a") + "garbage", "error: the compressed data is damaged: zstd: Unknown frame descriptor"},
  };
  for (const auto& c : cases) expect_text(show(c.how, c.bytes), c.want);
}

// zstd's densest: a block of 128 KiB of one byte in four.
Test(inflate, bombs_are_noticed_while_they_unpack) {
  const auto run = [](char byte, size_t blocks) {
    std::string frame("\x28\xb5\x2f\xfd\0\x50", 6);  // a window of 1 MiB
    for (size_t n = 1; n <= blocks; ++n) frame += {static_cast<char>(n == blocks ? 3 : 2), 0, '\x10', byte};
    return frame;
  };
  const auto unpack = [](const std::string& bytes, uint32_t ratio) {
    NullSink nowhere;
    Limit limited(limits::kFreeContent + (64 << 20), "the output", nowhere);
    const std::unique_ptr<Sink> sink = inflate(kZstd, limited, {.ratio = ratio});
    Result<> done;
    for (size_t at = 0; at < bytes.size() && done.ok(); at += 16384)
      done = sink->write(std::string_view(bytes).substr(at, 16384));
    if (done.ok()) done = sink->finish();
    return done.ok() ? "ok" : "error: " + done.error().message;
  };
  constexpr size_t kGibibyte = 8192, kMore = kGibibyte + 200;  // blocks
  expect_text(
      unpack(run('x', 4 * kGibibyte), limits::kRatio),
      "error: the layer unpacks to more than 200 times its 49152 bytes: it is made to fill the disk; if "
      "that is wanted, allow more with --max-ratio");
  expect_text(unpack(run('x', kGibibyte), limits::kRatio), "ok");
  expect_text(unpack(run('x', kMore), limits::kRatio).substr(0, 43),
              "error: the layer unpacks to more than 200 t");
  expect_text(unpack(run('x', kMore), 100'000), "ok");
  expect_text(unpack(run('\0', kMore), 1), "ok");
}

// By bounds of their own, for the real ones are reached by gibibytes.
Test(inflate, every_bound_is_one) {
  const auto unpack = [](char byte, size_t size, const Bounds& bounds, oci::Compression how = kGzip) {
    const std::string plain(size, byte);
    NullSink nowhere;
    const std::unique_ptr<Sink> sink = inflate(how, nowhere, bounds);
    const std::string bytes = how == kGzip ? gzip(plain) : how == kZstd ? zstd(plain) : plain;
    Result<> done = sink->write(bytes);
    if (done.ok()) done = sink->finish();
    const std::string text = done.ok() ? "ok" : done.error().message;
    return text.substr(0, text.find(" times"));
  };
  constexpr size_t kSize = 4 << 20;
  const Bounds content{.ratio = 2, .free_content = 1 << 20};
  const Bounds all{.ratio = 2, .ratio_of_all = 10, .free_bytes = 1 << 20};
  const Bounds most{.bytes = kSize - 1};
  for (const oci::Compression how : {kGzip, kZstd}) {
    expect_text(unpack('x', kSize, content, how), "the layer unpacks to more than 2");
    expect_text(unpack('x', 1 << 20, content, how), "ok");
    expect_text(unpack('\0', kSize, content, how), "ok");
    expect_text(unpack('\0', kSize, all, how), "the layer unpacks to more than 10");
    expect_text(unpack('\0', 1 << 20, all, how), "ok");
  }
  // --max-ratio is for zeros as well, where it is larger than what holds for them.
  expect_text(unpack('\0', kSize, {.ratio = 20, .ratio_of_all = 10, .free_bytes = 1 << 20}),
              "the layer unpacks to more than 20");
  expect_text(unpack('\0', kSize, {.ratio = 100'000, .ratio_of_all = 10, .free_bytes = 1 << 20}), "ok");
  for (const oci::Compression how : {kGzip, kZstd, oci::Compression::none}) {
    expect_text(unpack('\0', kSize, most, how), "the layer is larger than 4194303 bytes when unpacked");
    expect_text(unpack('x', kSize - 1, most, how), "ok");
  }
  // Whatever is stored as it is has no ratio.
  expect_text(unpack('x', kSize, {.ratio = 1, .free_content = 0, .ratio_of_all = 1, .free_bytes = 0},
                     oci::Compression::none),
              "ok");
}
