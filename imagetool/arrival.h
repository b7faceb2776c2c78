// One blob on its way into the store.
//
//   waiting ── lock ──▶ arriving ──▶ there
//      │                  │   ▲ └──▶ failed
//      └── another imagetool has fetched it meanwhile ──▶ there
//
// Who holds the blob's lock fetches it; the others look again from time to time, so nobody who holds a lock waits for
// one, and tell who it is and how far.  It goes on behind what an interrupted pull left.  What was put together from
// several answers and turns out wrong is fetched once more from the start, in one piece; generation() tells who has been
// reading along.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "imagetool/awaited.h"
#include "imagetool/source.h"
#include "imagetool/store/partial.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/image.h"

class Arrival {
 public:
  enum class State { waiting, arriving, there, failed };
  // `source`: where it can be had; null: it is there.
  Arrival(const Store& store, ImageSource* source, const oci::Descriptor& blob);
  Arrival(const Arrival&) = delete;  // the source knows its address
  ~Arrival();

  // Moves on without waiting.
  void step();
  // step() has more to do at once.
  [[nodiscard]] bool busy() const { return partial_ && partial_->behind(); }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const oci::Descriptor& blob() const { return request_.descriptor; }
  [[nodiscard]] bool fetched() const { return fetched_; }  // there, and by us
  // Bytes in the file, whatever their order and whoever writes it.
  [[nodiscard]] uint64_t received() const { return received_; }
  [[nodiscard]] uint64_t whole() const;  // bytes from the start that can be read
  [[nodiscard]] unsigned generation() const { return generation_; }
  [[nodiscard]] Result<UniqueFd> open() const;  // for reading.  Precondition: arriving or there
  [[nodiscard]] const Error& error() const { return *error_; }  // Precondition: failed
  // While it is waiting: whom people should know of, once.
  [[nodiscard]] std::optional<std::string> take_news() { return std::exchange(news_, std::nullopt); }

  // Lets go of the source.  What has come stays for another pull.
  void cancel();
  // The same, and nothing stays.
  void discard();

 private:
  Result<> move_on();
  Result<> look();
  Result<> begin(UniqueFd lock);
  Result<> conclude();
  Result<> once_more(Error error);
  void let_go();
  const Store& store_;
  ImageSource* source_;
  BlobRequest request_;
  std::optional<Partial> partial_;
  State state_ = State::waiting;
  bool asked_ = false;  // the source has the request
  bool fetched_ = false;
  uint64_t received_ = 0;
  unsigned generation_ = 0;
  int64_t look_again_ms_ = 0;
  Awaited awaited_;
  std::optional<std::string> news_;
  std::optional<Error> error_;
};
