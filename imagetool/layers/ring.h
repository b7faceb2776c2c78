// A few buffers between one writer and its readers, each in a thread of its own: what is inflated here is hashed there
// and unpacked elsewhere.
//
//   writer ─▶ [buffer][buffer][buffer][buffer] ─┬▶ drain(0, …)
//                                               └▶ drain(1, …)
//
// Every reader gets every byte.  A buffer is free again when the slowest has let go of it, so memory is bounded and the
// writer waits for whom it must.  Buffers are as large as the second-level cache likes them.  Who had to wait goes on when
// a few buffers are free, or full: falling asleep and waking up cost more than they do.
//
// Readers get all that was written before a writer fails, so what ends a broken stream does not depend on who was
// quicker.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "imagetool/layers/sink.h"
#include "spec/base/error.h"

class Ring final : public Sink {
 public:
  explicit Ring(size_t readers);

  // ---- for the writer ----
  std::span<char> space() override;
  // Kind::conflict: a reader has stopped.
  Result<> write(std::string_view bytes) override;
  Result<> finish() override;
  // Instead of finish(): nothing more will come, and what came is not all.
  void abandon();

  // ---- for a reader ----
  // Hands everything to `into`, but not the end: false is for what was abandoned.  An error of `into` stops all.
  Result<bool> drain(size_t reader, Sink& into);
  // Nothing more is wanted.
  void stop();

 private:
  static constexpr size_t kBuffers = 4;
  static constexpr size_t kFew = kBuffers / 2;
  static constexpr size_t kSize = 256 << 10;
  struct Buffer {
    std::unique_ptr<char[]> bytes;
    size_t used = 0;
  };
  enum class State { open, finished, abandoned, stopped };
  Buffer* wait_for_room();
  const Buffer* wait_for_bytes(size_t reader);
  void wrote();
  void took(size_t reader);
  [[nodiscard]] uint64_t used() const;
  void close(State state);

  std::mutex mutex_;
  std::condition_variable arrived_, freed_;  // readers wait for the first, the writer for the second
  std::array<Buffer, kBuffers> buffers_;
  uint64_t written_ = 0;         // buffers, since the start
  std::vector<uint64_t> taken_;  // by each reader
  State state_ = State::open;
};
