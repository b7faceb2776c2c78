#include "imagetool/layers/ring.h"

#include <algorithm>
#include <cstring>

Ring::Ring(size_t readers) : taken_(readers) {
  for (Buffer& buffer : buffers_) buffer.bytes.reset(new char[kSize]);
}

void Ring::close(State state) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::open || state == State::stopped) state_ = state;
  }
  arrived_.notify_all();
  freed_.notify_one();
}

void Ring::abandon() { close(State::abandoned); }
void Ring::stop() { close(State::stopped); }

Result<> Ring::finish() {
  close(State::finished);
  return {};
}

// Buffers that the slowest reader has not let go of.
uint64_t Ring::used() const { return written_ - *std::ranges::min_element(taken_); }

// The buffer that is written next; null: nobody wants it.
Ring::Buffer* Ring::wait_for_room() {
  std::unique_lock lock(mutex_);
  if (used() == kBuffers)
    freed_.wait(lock, [&] { return state_ == State::stopped || used() <= kBuffers - kFew; });
  return state_ == State::stopped ? nullptr : &buffers_[written_ % kBuffers];
}

std::span<char> Ring::space() {
  const Buffer* buffer = wait_for_room();
  return buffer ? std::span(buffer->bytes.get(), kSize) : std::span<char>();
}

Result<> Ring::write(std::string_view bytes) {
  while (!bytes.empty()) {
    Buffer* buffer = wait_for_room();
    if (!buffer) return Error(Kind::conflict, "what was read is not wanted any more");
    buffer->used = std::min(bytes.size(), kSize);
    if (bytes.data() != buffer->bytes.get()) std::memcpy(buffer->bytes.get(), bytes.data(), buffer->used);
    bytes.remove_prefix(buffer->used);
    wrote();
  }
  return {};
}

void Ring::wrote() {
  bool enough = false;  // for one who sleeps
  {
    const std::lock_guard lock(mutex_);
    ++written_;
    enough = std::ranges::any_of(taken_, [&](uint64_t taken) { return written_ - taken == kFew; });
  }
  if (enough) arrived_.notify_all();  // who wakes up finds the lock free
}

// Null: there is nothing more.
const Ring::Buffer* Ring::wait_for_bytes(size_t reader) {
  std::unique_lock lock(mutex_);
  const uint64_t next = taken_[reader];
  if (next == written_) arrived_.wait(lock, [&] { return state_ != State::open || written_ - next >= kFew; });
  return state_ == State::stopped || next == written_ ? nullptr : &buffers_[next % kBuffers];
}

Result<bool> Ring::drain(size_t reader, Sink& into) {
  while (const Buffer* buffer = wait_for_bytes(reader)) {
    Result<> taken = into.write({buffer->bytes.get(), buffer->used});
    if (!taken.ok()) {
      stop();
      return taken.take_error();
    }
    took(reader);
  }
  const std::lock_guard lock(mutex_);
  return state_ == State::finished;
}

void Ring::took(size_t reader) {
  bool enough = false;  // for a writer who sleeps
  {
    const std::lock_guard lock(mutex_);
    ++taken_[reader];
    enough = used() == kBuffers - kFew;
  }
  if (enough) freed_.notify_one();
}
