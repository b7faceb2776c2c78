#include "imagetool/registry/exchange.h"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>

#include "imagetool/limits.h"
#include "imagetool/registry/curl.h"
#include "spec/base/text.h"

namespace http {

namespace {

constexpr int kPumpMs = 100;  // how often tick is called
constexpr uint64_t kProgressBytes =
    1 << 20;  // so much more of a blob, and the tries are counted from the start
constexpr int64_t kLongestDelayMs = 16'000;  // of our own; a server may ask for more
constexpr int64_t kWorthANoticeMs = 1'000;   // shorter waits are not worth a line

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_passing(int status) {  // trouble that may be over soon
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

// Docker Hub: "ratelimit-remaining: 0;w=21600".  Then waiting some seconds does not help.
bool quota_is_used_up(const Response& response) {
  const auto fields = str::split(response.headers.get("ratelimit-remaining"), ';');
  return response.status == 429 && !fields.empty() && str::trim(fields[0]) == "0";
}

// Half to all of the delay, so that many clients do not come back at once.
int64_t with_jitter(int64_t delay_ms) {
  const auto half = static_cast<uint32_t>(delay_ms / 2);
  return delay_ms - half + ::arc4random_uniform(half + 1);
}

std::string lower_first(std::string text) {
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') text[0] = str::lower(text.substr(0, 1))[0];
  return text;
}

struct Range {
  uint64_t first = 0;
  std::optional<uint64_t> total;
};

// "bytes 100-199/200", "bytes 100-199/*"
std::optional<Range> content_range(std::string_view value) {
  if (!str::lower(value).starts_with("bytes ")) return std::nullopt;
  const std::string_view rest = str::trim(value.substr(6));
  const size_t dash = rest.find('-');
  const size_t slash = rest.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = str::number<uint64_t>(rest.substr(0, dash));
  const auto total = str::number<uint64_t>(rest.substr(slash + 1));
  if (!first || (!total && rest.substr(slash + 1) != "*")) return std::nullopt;
  return Range{*first, total};
}

}  // namespace

std::optional<int64_t> retry_after(std::string_view value, clocks::Stamp now) {
  const std::string_view text = str::trim(value);
  if (text.empty() || text.size() > 64) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos)
    return str::number<uint32_t>(text).value_or(UINT32_MAX);
  // curl_getdate guesses at many forms; the two of HTTP begin with the name of a day.
  if (text[0] < 'A' || text[0] > 'Z') return std::nullopt;
  const time_t date = curl::library().getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<int64_t>(0, date - now.seconds);
}

Error explain(const Failed& failed, const Origin& origin) {
  const std::string why = lower_first(failed.error.message);
  const std::string place = origin.authority();
  switch (failed.failure) {
    case Failure::resolve:
      return Error(Kind::network,
                   str::cat("cannot reach '", place, "': its name cannot be resolved: check the network",
                            " and the name, or set HTTPS_PROXY where there is a proxy"));
    case Failure::connect:
      return Error(Kind::network, str::cat("cannot reach '", place, "': ", why,
                                           ": check the network, or set HTTPS_PROXY where there is a proxy"));
    case Failure::proxy:
      return Error(Kind::network, str::cat("cannot reach '", place, "' through the proxy: ", why,
                                           ": check HTTPS_PROXY, or name the host in NO_PROXY"));
    case Failure::tls:
      return Error(Kind::network, str::cat("cannot reach '", place, "' by https: ", why,
                                           ": if it speaks plain http, say --plain-http"));
    case Failure::untrusted:
      return Error(Kind::denied,
                   str::cat("the certificate of '", place, "' is not trusted: ", why, ": put its CA into ",
                            "/etc/containers/certs.d/", place, "/ca.crt, or name a directory by --cert-dir"));
    case Failure::uninvited:
      return Error(
          Kind::denied,
          str::cat("'", place, "' wants a client certificate that it knows: ", why, ": put client.cert and ",
                   "client.key into /etc/containers/certs.d/", place, ", or name a directory by --cert-dir"));
    case Failure::dropped:
      return Error(Kind::network, EAGAIN,
                   str::cat("the connection to '", place, "' broke: ", why, ": try again"));
    case Failure::receiver:
      return failed.error;
    case Failure::broken:
      return Error(Kind::protocol, str::cat("'", place, "': ", why));
  }
  return failed.error;
}

Exchange::Exchange(Client& client, const Policy& policy, Ask ask)
    : client_(client), policy_(policy), ask_(std::move(ask)) {
  if (!ask_.part) return;
  at_ = progress_ = ask_.part->first;
  end_ = ask_.part->end;
  can_range_ = ask_.part->ranges;
}

void Exchange::finish(Result<Answer> result) {
  transfer_.reset();
  if (result.ok() && ask_.accept) {
    Result<> accepted = ask_.accept(result.value());
    if (!accepted.ok()) result = accepted.take_error();
  }
  result_ = ask_.what.empty() ? std::move(result) : std::move(result).within(ask_.what);
}

void Exchange::step() {
  if (done()) return;
  if (!transfer_) {
    if (clocks::monotonic_ms() >= wake_ms_) start();
  } else if (transfer_->finished()) {
    conclude();
  }
}

void Exchange::start() {
  url_ = ask_.request.url;
  left_ = false;
  redirects_ = 0;
  challenged_ = false;
  send();
}

void Exchange::send() {
  Request request = ask_.request;
  request.url = url_;
  used_.clear();
  if (!left_ && ask_.authorize) {
    Result<std::string> value = ask_.authorize();
    if (!value.ok()) return finish(value.take_error());
    used_ = std::move(value).take();
  }
  if (!used_.empty()) request.headers.push_back(str::cat("Authorization: ", used_));
  ranged_ = ask_.part && can_range_ && (at_ > 0 || end_ < ask_.part->size);
  if (ranged_) request.headers.push_back(range());
  body_.clear();
  checked_ = fits_ = false;
  skip_ = 0;
  const auto receiver = [this](const Response& response, std::string_view bytes) {
    return receive(response, bytes);
  };
  transfer_ = std::make_unique<Transfer>(client_, request, receiver, policy_.settings);
}

std::string Exchange::range() const {
  const std::string from = str::cat("Range: bytes=", at_, "-");
  return end_ < ask_.part->size ? str::cat(from, end_ - 1) : from;
}

Result<> Exchange::receive(const Response& response, std::string_view bytes) {
  const bool success = response.status == 200 || response.status == 206;
  if (success && ask_.part) {
    if (!std::exchange(checked_, true)) {
      TRY(check_blob_header(response));
      fits_ = true;
    }
    return deliver(bytes);
  }
  const size_t limit = success ? ask_.limit : limits::kErrorBody;
  if (body_.size() + bytes.size() > limit)
    return Error(Kind::protocol, str::cat("'", here().authority(), "' sends more than the ", limit,
                                          " bytes that are accepted here"));
  body_.append(bytes);
  return {};
}

// What comes must be the part from where we are on, or all of the blob from its start.
Result<> Exchange::check_blob_header(const Response& response) {
  const auto wrong = [&](const auto&... parts) {
    return Error(Kind::protocol, str::cat("'", here().authority(), "' ", parts...));
  };
  const uint64_t size = ask_.part->size;
  const auto length = response.length();
  if (response.status == 206) {
    const auto range = content_range(response.headers.get("content-range"));
    if (!ranged_ || !range || range->first != at_)
      return wrong("answers with another range than was asked for");
    if (range->total && *range->total != size)
      return wrong("has ", *range->total, " bytes where the manifest says ", size);
    if (length && *length != end_ - at_) return wrong("sends ", *length, " bytes of a range of ", end_ - at_);
    got_range_ = true;
    return {};
  }
  skip_ = at_;
  end_ = size;
  if (ranged_) can_range_ = false;
  if (length && *length != size) return wrong("has ", *length, " bytes where the manifest says ", size);
  return {};
}

Result<> Exchange::deliver(std::string_view bytes) {
  const uint64_t again = std::min<uint64_t>(skip_, bytes.size());
  skip_ -= again;
  bytes.remove_prefix(again);
  if (bytes.empty()) return {};
  if (bytes.size() > end_ - at_)
    return Error(Kind::protocol, str::cat("'", here().authority(), "' sends more than the ", ask_.part->size,
                                          " bytes of the manifest"));
  TRY(ask_.part->write(at_, bytes));
  at_ += bytes.size();
  return {};
}

void Exchange::conclude() {
  const std::unique_ptr<Transfer> transfer = std::move(transfer_);
  const Response& response = transfer->response();
  const bool success = response.status == 200 || response.status == 206;
  if (!transfer->failed()) return conclude_status(response);
  // An error page without end: its status is all we need.
  if (transfer->failed()->failure == Failure::receiver && !success) return conclude_status(response);
  conclude_failure(*transfer->failed(), response);
}

bool Exchange::may_retry(Failure failure) const {
  switch (failure) {
    case Failure::dropped:
      return true;
    case Failure::resolve:
    case Failure::connect:
    case Failure::proxy:
    case Failure::tls:
      return client_.reached();
    default:
      return false;
  }
}

void Exchange::conclude_failure(const Failed& failed, const Response& response) {
  const bool success = response.status == 200 || response.status == 206;
  // All of the blob came before the connection broke.
  if (success && checked_ && failed.failure == Failure::dropped && at_ == end_)
    return conclude_blob(response);
  Error error = explain(failed, here());
  if (success && checked_ && !fits_ && ranged_) return without_ranges(std::move(error));
  if (!may_retry(failed.failure)) return finish(std::move(error));
  again("the connection broke", std::move(error));
}

void Exchange::conclude_status(const Response& response) {
  const int status = response.status;
  if (is_redirect(status) && !response.headers.get("location").empty()) return follow(response);
  if (status == 401 && left_)
    return finish(Error(Kind::denied,
                        str::cat("'", here().authority(), "', where '", ask_.request.url.origin.authority(),
                                 "' keeps its data, asks for credentials, and none are sent there")));
  // A password that was refused is worth a second look: for the message.  A token gets one chance per try.
  if (status == 401 && ask_.challenged && (!challenged_ || used_.starts_with("Basic ")))
    return challenge(response);
  if (status == 416 && ranged_) return without_ranges(answer(response));
  if (is_passing(status)) {
    if (quota_is_used_up(response)) return finish(answer(response));
    const auto asked = retry_after(response.headers.get("retry-after"), clocks::now());
    return again(status == 429 ? "it asks to slow down (429)" : str::cat("it has trouble (", status, ")"),
                 answer(response), asked);
  }
  // Most likely a signed URL that is over: the origin gives a new one.
  if (status >= 400 && left_) return again(str::cat("its data are refused (", status, ")"), answer(response));
  if ((status == 200 || status == 206) && ask_.part) return conclude_blob(response);
  finish(answer(response));
}

void Exchange::conclude_blob(const Response& response) {
  if (!std::exchange(checked_, true)) {  // there was no body at all
    Result<> right = check_blob_header(response);
    if (!right.ok() && ranged_) return without_ranges(right.take_error());
    if (!right.ok()) return finish(right.take_error());
  }
  if (at_ < end_)
    return again("the connection broke", Error(Kind::network, EAGAIN,
                                               str::cat("'", here().authority(), "' ended after ", at_,
                                                        " of ", ask_.part->size, " bytes: try again")));
  finish(answer(response));
}

// The server does not do what it was asked for: the next try is for the whole blob.
void Exchange::without_ranges(Result<Answer> otherwise) {
  can_range_ = false;
  again("it cannot go on in the middle", std::move(otherwise));
}

void Exchange::follow(const Response& response) {
  if (ask_.request.method == Method::post)
    return finish(Error(Kind::protocol,
                        str::cat("'", here().authority(), "' redirects a request that holds credentials")));
  if (++redirects_ > limits::kRedirects)
    return finish(Error(Kind::protocol, str::cat("'", ask_.request.url.origin.authority(),
                                                 "' redirects more than ", limits::kRedirects, " times")));
  Result<Url> next = url_.resolve(response.headers.get("location"));
  if (!next.ok())
    return finish(next.take_error().within("'", here().authority(), "' redirects to what is no good URL"));
  const Url target = std::move(next).take();
  if (here().secure() && !target.origin.secure())
    return finish(Error(Kind::protocol,
                        str::cat("'", here().authority(), "' redirects from https to plain http at '",
                                 str::printable(target.origin.authority()), "', which is not followed")));
  // Once away, always away: coming back by a redirect does not make a request ours again.
  if (target.origin != here()) left_ = true;
  url_ = target;
  send();
}

void Exchange::challenge(const Response& response) {
  challenged_ = true;
  const std::string used = used_;
  Result<> better = ask_.challenged(response, used);
  if (!better.ok()) return finish(better.take_error());
  send();
}

void Exchange::again(std::string_view reason, Result<Answer> otherwise,
                     std::optional<int64_t> asked_seconds) {
  if (at_ >= progress_ + kProgressBytes) {
    progress_ = at_;
    failures_ = 0;
  }
  if (++failures_ >= policy_.tries) return finish(std::move(otherwise));
  if (asked_seconds && *asked_seconds > limits::kRetryAfterSeconds) return finish(std::move(otherwise));

  const int shift = std::min(failures_ - 1, 10);
  int64_t delay = with_jitter(std::min<int64_t>(int64_t{policy_.retry_delay_ms} << shift, kLongestDelayMs));
  if (asked_seconds) delay = std::max(delay, *asked_seconds * 1000);
  if (policy_.notice && delay >= kWorthANoticeMs)
    policy_.notice(str::cat("'", here().authority(), "': ", reason, ", trying again in ",
                            (delay + 999) / 1000, " s (try ", failures_ + 1, " of ", policy_.tries, ")"));
  transfer_.reset();
  wake_ms_ = clocks::monotonic_ms() + delay;
}

Result<Answer> run(Client& client, const Policy& policy, Ask ask) {
  Exchange exchange(client, policy, std::move(ask));
  for (;;) {
    exchange.step();
    if (exchange.done()) return exchange.take();
    if (policy.tick) TRY(policy.tick());
    client.pump(kPumpMs);
  }
}

}  // namespace http
