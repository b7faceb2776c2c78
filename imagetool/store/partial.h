// A blob that is arriving: a file of the store which outlives whoever was writing it.
//
//   0        whole()                                            size
//   [ hashed ][ written, and to be hashed ]      [ written ]    |
//
// Bytes may come in any order; they are hashed in the blob's order, from memory where they come at whole() and by
// reading them back where they came too early.  What lies below whole() never changes any more, so it can be unpacked
// while the rest arrives; commit() gives the blob its name only if size and digest are the descriptor's.
//
// libcurl hands out 16 KiB at a time, and each write costs more than its bytes: they are gathered in memory first.
//
// DIR/partial/<digest> stays when its writer is interrupted, however that happens, and the machine with it (of a blob that
// was whole by then, Store::take_back() makes one again); the next one hashes what is there
// and goes on behind it.  What was written without gaps from the start is told by the file's first hole.  That is a
// guess, and needs no more: a wrong one ends in a wrong digest, and restart().  Sweeping removes old ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "imagetool/layers/sink.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/image.h"

class Partial {
 public:
  // `lock`: the right to make this blob, from Store::try_part(); let go of when this ends.
  static Result<Partial> open(const Store& store, const oci::Descriptor& blob, UniqueFd lock);
  // About how much of the blob has come, whoever is writing it: for people.
  static uint64_t arrived(const Store& store, const oci::Descriptor& blob);

  // What an earlier writer left: where to go on.  At most the blob's size.
  [[nodiscard]] uint64_t from() const { return from_; }
  // What lies below whole() is not written again.  Some stays in memory until catch_up().
  // Precondition: within the blob's size.
  Result<> write(uint64_t offset, std::string_view bytes);
  // Writes what is in memory, and hashes what lies ready behind whole(), `budget` bytes at most.
  Result<> catch_up(uint64_t budget);
  // Whether catch_up() has something to do.
  [[nodiscard]] bool behind() const { return !ready_.empty() && ready_.begin()->first <= whole_; }
  [[nodiscard]] uint64_t whole() const { return whole_; }
  // Another descriptor of the file, for reading alone.
  [[nodiscard]] Result<UniqueFd> reader() const;

  // Kind::invalid: it is not what its descriptor says; restart() or discard() follows.
  // Precondition: whole() is the blob's size; called once.
  Result<> commit();
  // Forgets all of it.
  Result<> restart();
  // Leaves nothing behind.
  void discard();

 private:
  Partial(Fd dir, Fd staged, oci::Descriptor blob, UniqueFd lock);
  Result<> flush();
  void advance(std::string_view bytes);
  void remember(uint64_t first, uint64_t end);
  Fd dir_, staged_;
  oci::Descriptor blob_;
  std::string name_;
  UniqueFd lock_, file_;
  Hasher hasher_;
  uint64_t from_ = 0, whole_ = 0;
  uint64_t held_at_ = 0;                // where in the blob the gathered bytes belong
  std::string held_;                    // those
  std::map<uint64_t, uint64_t> ready_;  // written and not hashed: first byte → the one behind the last
};
