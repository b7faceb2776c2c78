// Any bytes as compressed data.  The first one says how:
//   gzip         compared with zlib, member by member: both accept it with the same content, or we refuse it
//   made         the input is the content, cut into members with all kinds of headers: it must come out again
//   zstd         compared with libzstd's other interface, frame by frame
// and always in whole and in pieces, which must make no difference.
#include "imagetool/layers/inflate.h"

#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <vector>

#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

constexpr size_t kMost = 4 << 20;  // of output; an input of a few KB cannot need more but as a bomb

struct Outcome {
  std::string bytes, error;
  bool ok = false;
};

Outcome run(oci::Compression how, std::string_view text, size_t most) {
  StringSink out;
  Limit limited(kMost, "the output", out);
  const std::unique_ptr<Sink> sink = inflate(how, limited);
  Result<> going;
  for (size_t n = most; !text.empty() && going.ok(); n = (n * 31 + 17) % most + 1) {
    const std::string_view piece = text.substr(0, n);
    text.remove_prefix(piece.size());
    going = sink->write(piece);
  }
  if (going.ok()) going = sink->finish();
  if (!going.ok()) fuzz::must_be_sentence(going.error());
  return {out.take(), going.ok() ? "" : going.error().message, going.ok()};
}

// nullopt: zlib refuses it, or it is too large.
std::optional<std::string> by_zlib(std::string_view text) {
  std::string out;
  do {
    z_stream z{};
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    if (::inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return std::nullopt;
    int status = Z_OK;
    std::vector<char> buffer(1 << 16);
    while (status == Z_OK && out.size() <= kMost) {
      z.next_out = reinterpret_cast<Bytef*>(buffer.data());
      z.avail_out = static_cast<uInt>(buffer.size());
      status = ::inflate(&z, Z_NO_FLUSH);
      out.append(buffer.data(), buffer.size() - z.avail_out);
    }
    text.remove_prefix(text.size() - z.avail_in);
    (void)::inflateEnd(&z);
    if (status != Z_STREAM_END || out.size() > kMost) return std::nullopt;
  } while (!text.empty() && text[0] != '\0');
  if (text.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  return out;
}

std::optional<std::string> by_zstd(std::string_view text) {
  std::string out;
  const std::unique_ptr<char[]> buffer(new char[kMost]);
  while (!text.empty()) {
    const size_t size = ZSTD_findFrameCompressedSize(text.data(), text.size());
    if (ZSTD_isError(size)) return std::nullopt;
    const size_t made = ZSTD_decompress(buffer.get(), kMost, text.data(), size);
    if (ZSTD_isError(made) || out.size() + made > kMost) return std::nullopt;
    out.append(buffer.get(), made);
    text.remove_prefix(size);
  }
  return out;
}

std::string member(std::string_view content, uint8_t flags, int level) {
  gz_header header{};
  std::string name = "layer.tar", comment = "made", extra = "AB\2\0xy";
  header.os = 3;
  header.hcrc = flags & 1;
  if (flags & 2) header.name = reinterpret_cast<Bytef*>(name.data());
  if (flags & 4) header.comment = reinterpret_cast<Bytef*>(comment.data());
  if (flags & 8) {
    header.extra = reinterpret_cast<Bytef*>(extra.data());
    header.extra_len = 6;
  }
  z_stream z{};
  must(::deflateInit2(&z, level, Z_DEFLATED, 16 + MAX_WBITS, 1 + flags % 9, flags % 5) == Z_OK, "zlib works");
  (void)::deflateSetHeader(&z, &header);
  std::string out(::deflateBound(&z, content.size()) + 256, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  must(::deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib works");
  out.resize(z.total_out);
  (void)::deflateEnd(&z);
  return out;
}

void compare(oci::Compression how, std::string_view text) {
  const Outcome whole = run(how, text, SIZE_MAX), pieces = run(how, text, 300);
  must(whole.ok == pieces.ok, "pieces make no difference", whole.ok ? pieces.error : whole.error);
  if (whole.ok) must(whole.bytes == pieces.bytes, "pieces make no difference to the content");
  const auto theirs = how == oci::Compression::gzip ? by_zlib(text) : by_zstd(text);
  if (whole.ok) {
    must(theirs.has_value(), "what we accept is accepted elsewhere");
    must(*theirs == whole.bytes, "it has the same content elsewhere");
  } else if (theirs && !text.empty() && whole.error.find("too much memory") == std::string::npos) {
    must(false, "what is accepted elsewhere is accepted", whole.error);
  }
}

void made(fuzz::Input input) {
  std::string text, content;
  do {
    const uint8_t flags = input.byte();
    const int level = static_cast<int>(input.below(10));
    const std::string_view part = input.until('\xff');
    std::string piece(part);
    // Long runs as well: an input is short.
    for (int i = 0; i < 1000 && (flags & 16) && piece.size() < 1 << 18; ++i) piece += part;
    text += member(piece, flags, level);
    content += piece;
  } while (!input.empty() && content.size() < 1 << 20);
  for (const size_t most : {SIZE_MAX, size_t{300}}) {
    const Outcome ours = run(oci::Compression::gzip, text, most);
    must(ours.ok, "what zlib made is accepted", ours.error);
    must(ours.bytes == content, "what zlib made comes out again");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  switch (input.below(3)) {
    case 0:
      compare(oci::Compression::gzip, input.rest());
      break;
    case 1:
      compare(oci::Compression::zstd, input.rest());
      break;
    default:
      made(input);
  }
  return 0;
}
