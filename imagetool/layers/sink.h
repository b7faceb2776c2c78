// Sinks: where bytes flow to.  Everything imagetool downloads, hashes, inflates and unpacks goes through a chain of
// these, so memory use does not depend on the image and a verification cannot be forgotten below the interface.
//
//   http ─▶ Verifier ─▶ store's blob          blob ─▶ Inflate ─▶ Tee ─┬▶ Digester (diff_id)
//                                                                     └▶ tar reader ─▶ layer
// (the Tee is a Ring where its two arms have threads of their own)
//
// The contract: write() takes all of `bytes` or fails; finish() is called once, after the last write, and only when all
// of them succeeded.  A Sink in front of another hands its finish() on.  After an error nothing more is called, and
// what lies behind the Sink counts as lost.  A Sink borrows the next one, which must outlive it; none of them knows
// about threads, so that a queue between two of them can be a Sink like any other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<> write(std::string_view bytes) = 0;
  virtual Result<> finish() { return {}; }
  // Room for the bytes of the next write(), which then need not be copied; empty: this Sink has none to give.
  virtual std::span<char> space() { return {}; }
};

// A running hash by OpenSSL's EVP, which uses the CPU's SHA instructions.
class Hasher {
 public:
  // "sha256" or "sha512", as Digest::algorithm() says.  Anything else: finish() fails with Kind::unsupported.
  explicit Hasher(std::string_view algorithm);
  void update(std::string_view bytes);
  // The digest of all that was given to update().  Call once, at the end.
  [[nodiscard]] Result<oci::Digest> finish();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;  // EVP_MD_CTX; null when it could not be made
  std::string algorithm_;
};

// Lets exactly the bytes that `want` describes pass.  The first byte beyond want.size is refused before it is hashed or
// handed on; finish() compares size and digest, and only then finishes the next Sink.  Errors are Kind::invalid.
class Verifier final : public Sink {
 public:
  Verifier(const oci::Descriptor& want, Sink& next);
  Result<> write(std::string_view bytes) override;
  Result<> finish() override;
  [[nodiscard]] uint64_t count() const { return count_; }  // bytes seen so far

 private:
  const oci::Digest want_;
  const uint64_t size_;
  Sink& next_;
  Hasher hasher_;
  uint64_t count_ = 0;
};

// Hashes and drops what it is given: one arm of a Tee.
class Digester final : public Sink {
 public:
  explicit Digester(std::string_view algorithm) : hasher_(algorithm) {}
  Result<> write(std::string_view bytes) override;
  [[nodiscard]] Result<oci::Digest> digest() { return hasher_.finish(); }  // call once, after the last write

 private:
  Hasher hasher_;
};

// Writes to `first`, then to `second`; the same with finish().
class Tee final : public Sink {
 public:
  Tee(Sink& first, Sink& second) : first_(first), second_(second) {}
  Result<> write(std::string_view bytes) override;
  Result<> finish() override;

 private:
  Sink& first_;
  Sink& second_;
};

// Refuses to let more than `limit` bytes pass (Kind::invalid, "<what> is larger than <limit> bytes").
class Limit final : public Sink {
 public:
  Limit(uint64_t limit, std::string what, Sink& next)
      : left_(limit), limit_(limit), what_(std::move(what)), next_(next) {}
  Result<> write(std::string_view bytes) override;
  Result<> finish() override { return next_.finish(); }

 private:
  uint64_t left_;
  const uint64_t limit_;
  const std::string what_;
  Sink& next_;
};

class NullSink final : public Sink {
 public:
  Result<> write(std::string_view) override { return {}; }
};

// Keeps the bytes: for documents that have a limit of their own in front.
class StringSink final : public Sink {
 public:
  Result<> write(std::string_view bytes) override {
    text_.append(bytes);
    return {};
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};
