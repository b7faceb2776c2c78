// One question to a server and its answer, with all that may happen in between: redirects, a challenge, retries, and a
// blob that goes on where it stopped.
//
//              ┌────────────── wait (429, 5xx, dropped, stalled) ◀─────────────┐
//   ready ─────▼──▶ running ──▶ redirect: next URL, without credentials once it has left the origin
//                            ──▶ 401 from the origin: Ask::challenged, once ──▶ running
//                            ──▶ answer, or an error ──▶ done
//
// Every try starts at the first URL again: a signed blob URL that has expired is replaced by a fresh one.
// Bodies go to whoever wants a part of a blob (its size is known, every byte is delivered once, whatever the number of
// tries) or into memory, up to a limit.  What a server says reaches a message only through str::printable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imagetool/registry/http.h"
#include "spec/base/clock.h"
#include "spec/base/error.h"

namespace http {

struct Policy {
  Settings settings;
  int tries = 5;             // without progress in between
  int retry_delay_ms = 500;  // before the second; doubles each time
  std::function<void(std::string_view)> notice;
  std::function<Result<>()> tick;
};

struct Answer {
  Response response;
  std::string body;         // of a blob: empty, unless it was refused
  bool redirected = false;  // the answer comes from another origin
};

// The bytes [first, end) of a blob of `size` bytes.  A server that ignores ranges sends the whole blob: what was wanted
// of it is then everything from `first` on, and Exchange::end() says so.
struct Part {
  uint64_t first = 0, end = 0, size = 0;
  bool ranges = true;  // false: after a cut all of it is asked for again, and what is known is passed over
  std::function<Result<>(uint64_t offset, std::string_view bytes)> write;
};

struct Ask {
  Request request;
  // The value of an Authorization header for the request's own origin; empty: none.
  std::function<Result<std::string>()> authorize;
  // The origin answered 401 to `used`: get a better answer for authorize().  An error is final.
  std::function<Result<>(const Response&, const std::string& used)> challenged;
  size_t limit = 0;  // of a body in memory
  std::optional<Part> part;
  // Whether the answer is a good one; its error becomes that of the exchange.  Empty: every answer is.
  std::function<Result<>(const Answer&)> accept;
  std::string what;  // "fetching 'sha256:…'", in front of every error; may be empty
};

class Exchange {
 public:
  Exchange(Client& client, const Policy& policy, Ask ask);
  Exchange(const Exchange&) = delete;
  // Moves on as far as it can without waiting.  authorize() and challenged() are called from here, and may pump.
  void step();
  [[nodiscard]] bool done() const { return result_.has_value(); }
  // Precondition: done().  Any status but those that were dealt with is an answer, not an error.
  [[nodiscard]] Result<Answer> take() { return std::move(*result_); }

  // ---- of a Part ----
  // Where the next byte belongs.
  [[nodiscard]] uint64_t at() const { return at_; }
  [[nodiscard]] uint64_t end() const { return end_; }
  // Whether the server has sent a range that it was asked for.
  [[nodiscard]] bool ranged() const { return got_range_; }

 private:
  void start();
  void send();
  Result<> receive(const Response& response, std::string_view bytes);
  Result<> check_blob_header(const Response& response);
  [[nodiscard]] std::string range() const;
  Result<> deliver(std::string_view bytes);
  void conclude();
  void conclude_failure(const Failed& failed, const Response& response);
  void conclude_status(const Response& response);
  void conclude_blob(const Response& response);
  void without_ranges(Result<Answer> otherwise);
  void follow(const Response& response);
  void challenge(const Response& response);
  void again(std::string_view reason, Result<Answer> otherwise, std::optional<int64_t> asked_seconds = {});
  void finish(Result<Answer> result);
  [[nodiscard]] Answer answer(const Response& response) { return {response, std::move(body_), left_}; }
  [[nodiscard]] const Origin& here() const { return url_.origin; }
  [[nodiscard]] bool may_retry(Failure failure) const;

  Client& client_;
  const Policy& policy_;
  Ask ask_;
  std::unique_ptr<Transfer> transfer_;
  std::optional<Result<Answer>> result_;
  Url url_;                  // of the running transfer
  bool left_ = false;        // a redirect has led away from the origin: no credentials any more
  int redirects_ = 0;        // of this try
  bool challenged_ = false;  // in this try
  std::string used_;         // the Authorization of the running transfer
  std::string body_;
  bool checked_ = false;   // the header of the running transfer, when its first byte came
  bool fits_ = false;      // and it is that of the part
  bool ranged_ = false;    // the running transfer asked for a range
  bool can_range_ = true;  // until the server says no
  bool got_range_ = false;
  uint64_t at_ = 0, end_ = 0;  // of the part: what is still to come
  uint64_t skip_ = 0;          // bytes in front of that, which come again
  uint64_t progress_ = 0;      // at_ when the tries were last counted from the start
  int failures_ = 0;           // since then
  int64_t wake_ms_ = 0;        // monotonic
};

// One of them alone, to its end, or until tick fails.
Result<Answer> run(Client& client, const Policy& policy, Ask ask);

// A Retry-After header, in seconds from `now`: a number, or a date.  nullopt: neither.
std::optional<int64_t> retry_after(std::string_view value, clocks::Stamp now);

// Why a server cannot be talked to, and what can be done about it, in a sentence.
Error explain(const Failed& failed, const Origin& origin);

}  // namespace http
