#include "imagetool/arrival.h"

#include "spec/base/clock.h"
#include "spec/base/text.h"

namespace {

constexpr int64_t kLookAgainMs = 100;
constexpr uint64_t kCatchUp = 1 << 20;  // in one step: the network goes on beside it

}  // namespace

Arrival::Arrival(const Store& store, ImageSource* source, const oci::Descriptor& blob)
    : store_(store), source_(source) {
  request_.descriptor = blob;
  request_.write = [this](uint64_t offset, std::string_view bytes) {
    received_ += bytes.size();
    return partial_->write(offset, bytes);
  };
  if (!source) state_ = State::there;
}

Arrival::~Arrival() { let_go(); }

void Arrival::let_go() {
  if (asked_) source_->drop(request_);
  asked_ = false;
}

void Arrival::cancel() {
  let_go();
  partial_.reset();
  if (state_ == State::arriving) state_ = State::waiting;
}

void Arrival::discard() {
  let_go();
  if (partial_) partial_->discard();
  cancel();
}

uint64_t Arrival::whole() const {
  if (state_ == State::there) return request_.descriptor.size;
  return partial_ ? partial_->whole() : 0;
}

Result<UniqueFd> Arrival::open() const {
  return partial_ ? partial_->reader() : store_.open_blob(request_.descriptor.digest);
}

void Arrival::step() {
  if (state_ == State::there || state_ == State::failed) return;
  Result<> moved = move_on();
  if (moved.ok()) return;
  let_go();
  error_ = moved.take_error();
  state_ = State::failed;
}

Result<> Arrival::move_on() {
  if (state_ == State::waiting) return look();
  TRY(partial_->catch_up(kCatchUp).within("fetching '", request_.descriptor.digest.text(), "'"));
  if (asked_ && request_.result && !request_.result->ok()) return once_more(request_.result->error());
  const bool complete = partial_->whole() == request_.descriptor.size && (!asked_ || request_.result);
  return complete ? conclude() : Result<>();
}

Result<> Arrival::look() {
  const int64_t now = clocks::monotonic_ms();
  if (now < look_again_ms_) return {};
  look_again_ms_ = now + kLookAgainMs;
  UniqueFd lock = TRY(store_.try_part(Store::Part::blob, request_.descriptor.digest));
  if (store_.has(request_.descriptor)) {
    state_ = State::there;
    return {};
  }
  if (lock.valid()) return begin(std::move(lock));
  received_ = Partial::arrived(store_, request_.descriptor);
  const oci::Digest& digest = request_.descriptor.digest;
  if (std::optional<std::string> news = awaited_.news(store_, Store::Part::blob, digest, digest))
    news_ = std::move(news);
  return {};
}

Result<> Arrival::begin(UniqueFd lock) {
  partial_ = TRY(Partial::open(store_, request_.descriptor, std::move(lock)));
  request_.from = received_ = partial_->from();
  state_ = State::arriving;
  if (request_.from == request_.descriptor.size && request_.from > 0) return {};
  source_->start(request_);
  asked_ = true;
  return {};
}

Result<> Arrival::conclude() {
  let_go();
  Result<> committed = partial_->commit();
  if (!committed.ok())
    return once_more(committed.take_error().within("fetching '", request_.descriptor.digest.text(), "'"));
  partial_.reset();
  fetched_ = true;
  state_ = State::there;
  return {};
}

// A wrong digest, or a server that cannot do ranges as it should, may be cured by doing without them.
Result<> Arrival::once_more(Error error) {
  const bool curable = error.kind == Kind::invalid || error.kind == Kind::protocol;
  const bool patched = request_.from > 0 || request_.patched;
  let_go();
  if (!curable || !patched || request_.plain) {
    if (curable) discard();  // what is wrong would be wrong for the next as well
    return error;
  }
  TRY(partial_->restart());
  ++generation_;
  received_ = request_.from = 0;
  request_.plain = true;
  request_.patched = false;
  request_.result.reset();
  source_->start(request_);
  asked_ = true;
  return {};
}
