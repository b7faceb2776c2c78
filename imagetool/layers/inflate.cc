#include "imagetool/layers/inflate.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "imagetool/layers/gzip_header.h"
#include "imagetool/layers/zeros.h"
#include "spec/base/text.h"

namespace {

constexpr size_t kOutput =
    256 << 10;  // small enough to stay in the second-level cache until it is hashed and written
constexpr size_t kPiece = 1U << 30;  // of one write: ISA-L counts in 32 bits

constexpr std::string_view kSomethingElse = "there is something else behind its end";

Error damaged(std::string_view how) {
  return Error(Kind::invalid, str::cat("the compressed data is damaged: ", how));
}

// Counts what goes in and comes out, and hands it on.
class Meter {
 public:
  Meter(Sink& next, const Bounds& bounds) : next_(next), bounds_(bounds) {}
  void consumed(uint64_t n) { in_ += n; }
  Result<> produced(std::string_view bytes) {
    if (bytes.empty()) return {};
    out_ += bytes.size();
    content_ += zeros::content(bytes);
    if (out_ > bounds_.bytes)
      return Error(Kind::invalid,
                   str::cat("the layer is larger than ", bounds_.bytes, " bytes when unpacked"));
    if (content_ > bounds_.free_content && content_ / bounds_.ratio > in_) return bomb(bounds_.ratio);
    const uint32_t of_all = std::max(bounds_.ratio, bounds_.ratio_of_all);
    if (out_ > bounds_.free_bytes && out_ / of_all > in_) return bomb(of_all);
    return next_.write(bytes);
  }
  Result<> finish() { return next_.finish(); }
  // Where to inflate to: into the next Sink, or into a buffer of our own.
  std::span<char> space() {
    const std::span<char> room = next_.space();
    if (!room.empty()) return room;
    own_.resize(kOutput);
    return own_;
  }

 private:
  [[nodiscard]] Error bomb(uint32_t ratio) const {
    return Error(
        Kind::invalid,
        str::cat("the layer unpacks to more than ", ratio, " times its ", in_,
                 " bytes: it is made to fill the disk; if that is wanted, allow more ", "with --max-ratio"));
  }

  Sink& next_;
  const Bounds bounds_;
  std::vector<char> own_;
  uint64_t in_ = 0, out_ = 0, content_ = 0;
};

class Plain final : public Sink {
 public:
  Plain(Sink& next, const Bounds& bounds) : meter_(next, bounds) {}
  Result<> write(std::string_view bytes) override {
    meter_.consumed(bytes.size());
    return meter_.produced(bytes);
  }
  Result<> finish() override { return meter_.finish(); }

 private:
  Meter meter_;
};

class Gzip final : public Sink {
 public:
  Gzip(Sink& next, const Bounds& bounds) : meter_(next, bounds) { isal_inflate_init(&state_); }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, kPiece);
      TRY(pieces(piece));
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  Result<> finish() override {
    if (place_ == Place::header || place_ == Place::member) return damaged("it ends in the middle");
    if (members_ == 0) return damaged("it is empty");
    return meter_.finish();
  }

 private:
  enum class Place { between, header, member, padding };

  Result<> pieces(std::string_view bytes) {
    meter_.consumed(bytes.size());
    while (!bytes.empty()) {
      switch (place_) {
        case Place::between:
          header_ = {};
          place_ = members_ > 0 && bytes[0] == 0 ? Place::padding : Place::header;
          break;
        case Place::header:
          TRY(read_header(bytes));
          break;
        case Place::member:
          TRY(inflate_some(bytes));
          break;
        case Place::padding:
          return check_padding(bytes);
      }
    }
    return {};
  }

  Result<> read_header(std::string_view& bytes) {
    const Result<bool> complete = header_.take(bytes);
    if (!complete.ok())
      return damaged(members_ > 0 && !header_.begun() ? kSomethingElse : complete.error().message);
    if (!complete.value()) return {};
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    place_ = Place::member;
    return {};
  }

  // Runs until the input is used up or the member has ended.
  Result<> inflate_some(std::string_view& bytes) {
    // The library wants a pointer to what it may not write to.
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
    state_.avail_in = static_cast<uint32_t>(bytes.size());
    for (;;) {
      const std::span<char> output = meter_.space();
      state_.next_out = reinterpret_cast<uint8_t*>(output.data());
      state_.avail_out = static_cast<uint32_t>(output.size());
      const uint32_t before = state_.avail_in;
      const int status = isal_inflate(&state_);
      if (status < 0) return damaged(explain(status));
      const size_t made = output.size() - state_.avail_out;
      TRY(meter_.produced({output.data(), made}));
      bytes.remove_prefix(bytes.size() - state_.avail_in);
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        ++members_;
        place_ = Place::between;
        return {};
      }
      if (state_.avail_out > 0 && state_.avail_in == 0) return {};
      if (made == 0 && state_.avail_in == before) return damaged("the library makes no progress");
    }
  }

  static Result<> check_padding(std::string_view bytes) {
    if (bytes.find_first_not_of('\0') != std::string_view::npos) return damaged(kSomethingElse);
    return {};
  }

  static std::string_view explain(int status) {
    switch (status) {
      case ISAL_INCORRECT_CHECKSUM:
        return "its checksum or length does not hold";
      case ISAL_INVALID_BLOCK:
        return "an invalid block";
      case ISAL_INVALID_SYMBOL:
        return "an invalid symbol";
      case ISAL_INVALID_LOOKBACK:
        return "an invalid distance";
      default:
        return "the library refuses it";
    }
  }

  Meter meter_;
  inflate_state state_{};
  GzipHeader header_;
  Place place_ = Place::between;
  uint64_t members_ = 0;
};

class Zstd final : public Sink {
 public:
  Zstd(Sink& next, const Bounds& bounds) : meter_(next, bounds), context_(ZSTD_createDCtx()) {
    if (context_ &&
        ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, limits::kZstdWindowLog)))
      context_.reset();
  }

  Result<> write(std::string_view bytes) override {
    if (!context_) return Error(Kind::unsupported, "zstd: no memory for a decompressor");
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    meter_.consumed(bytes.size());
    bool full = false;
    while (in.pos < in.size || full) {
      const std::span<char> output = meter_.space();
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      const size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(left)) return damaged(str::cat("zstd: ", ZSTD_getErrorName(left)));
      at_end_ = left == 0;
      TRY(meter_.produced({output.data(), out.pos}));
      full = out.pos == out.size && !at_end_;
    }
    return {};
  }

  Result<> finish() override {
    if (!at_end_) return damaged("it is empty or ends in the middle");
    return meter_.finish();
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  Meter meter_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<Sink> inflate(oci::Compression compression, Sink& next, const Bounds& bounds) {
  switch (compression) {
    case oci::Compression::gzip:
      return std::make_unique<Gzip>(next, bounds);
    case oci::Compression::zstd:
      return std::make_unique<Zstd>(next, bounds);
    case oci::Compression::none:
      break;
  }
  return std::make_unique<Plain>(next, bounds);
}
