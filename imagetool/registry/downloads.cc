#include "imagetool/registry/downloads.h"

#include <algorithm>

namespace http {

namespace {

constexpr uint64_t kPiece = 16 << 20;
constexpr uint64_t kWorthPieces = 2 * kPiece;  // smaller blobs come by one request
constexpr int64_t kPatienceMs = 250;           // a piece that takes longer gets company

}  // namespace

class Downloads::Download {
 public:
  explicit Download(BlobRequest& request) : request_(&request), next_(request.from) {}

  [[nodiscard]] bool is(const BlobRequest& request) const { return request_ == &request; }
  [[nodiscard]] bool done() const { return request_->result.has_value(); }
  [[nodiscard]] size_t running() const { return pieces_.size(); }

  void step() {
    for (Piece& piece : pieces_) {
      if (done()) return;
      piece.exchange->step();
      next_ = std::max(next_, piece.exchange->end());  // it may be getting more than it asked for
      ranges_ = ranges_ || piece.exchange->ranged();
      request_->patched = request_->patched || ranges_;
      if (!piece.exchange->done()) continue;
      const Result<Answer> answer = piece.exchange->take();
      if (!answer.ok()) return end(answer.error());
    }
    const size_t before = pieces_.size();
    std::erase_if(pieces_, [](const Piece& piece) { return piece.exchange->done(); });
    if (pieces_.empty() && before > 0 && next_ == request_->descriptor.size) end({});
  }

  // Whether the next piece is wanted now: there is none under way, or those that are take their time, or the last of
  // them is half there, so that the server's answer to the next does not have to be waited for.
  [[nodiscard]] bool hungry() const {
    if (done()) return false;
    if (pieces_.empty()) return true;
    const bool slow = clocks::monotonic_ms() - pieces_.front().since >= kPatienceMs;
    const Exchange& last = *pieces_.back().exchange;
    const bool half = last.end() - last.at() <= kPiece / 2;
    return ranges_ && (slow || half) && next_ < request_->descriptor.size;
  }

  void start_piece(Client& client, const Policy& policy, const std::function<Ask(const BlobRequest&)>& make) {
    const uint64_t size = request_->descriptor.size;
    const bool in_pieces = !request_->plain && size >= kWorthPieces;
    const uint64_t end = in_pieces ? std::min(size, next_ + kPiece) : size;
    Ask ask = make(*request_);
    ask.part = Part{.first = next_, .end = end, .size = size, .write = request_->write};
    pieces_.push_back({std::make_unique<Exchange>(client, policy, std::move(ask)), clocks::monotonic_ms()});
    next_ = end;
    pieces_.back().exchange->step();
  }

 private:
  struct Piece {
    std::unique_ptr<Exchange> exchange;
    int64_t since = 0;
  };

  void end(Result<> result) {
    pieces_.clear();
    request_->result = std::move(result);
  }

  BlobRequest* request_;
  std::vector<Piece> pieces_;  // under way, the lowest first
  uint64_t next_;              // the first byte that nobody has been asked for
  bool ranges_ = false;        // the server can do them
};

Downloads::Downloads(Client& client, const Policy& policy, std::function<Ask(const BlobRequest&)> ask,
                     int parallel)
    : client_(client),
      policy_(policy),
      ask_(std::move(ask)),
      parallel_(static_cast<size_t>(std::max(1, parallel))) {}

Downloads::~Downloads() = default;

void Downloads::add(BlobRequest& request) { downloads_.emplace_back(request); }

void Downloads::drop(const BlobRequest& request) {
  downloads_.remove_if([&](const Download& download) { return download.is(request); });
}

void Downloads::step() {
  size_t running = 0;
  for (Download& download : downloads_) {
    download.step();
    running += download.running();
  }
  // Those that have nothing under way come first.
  for (const bool idle : {true, false})
    for (Download& download : downloads_)
      while (running < parallel_ && (download.running() == 0) == idle && download.hungry()) {
        download.start_piece(client_, policy_, ask_);
        ++running;
      }
}

}  // namespace http
