#include "imagetool/registry/http.h"

#include <cassert>

#include "imagetool/limits.h"
#include "imagetool/registry/curl.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"
#include "version.h"

namespace http {

namespace {

// An easy handle.  Precondition: there is a Url.
class Easy {
 public:
  Easy() : curl_(curl::library()), handle_(curl_.easy_init()) {
    assert(handle_);
  }  // fails without memory only
  ~Easy() { curl_.easy_cleanup(handle_); }
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;

  [[nodiscard]] CURL* raw() const { return handle_; }
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_.easy_setopt(handle_, option, value);
  }
  // What it does not know is 0.
  template <class Value>
  [[nodiscard]] Value get(CURLINFO info) const {
    Value value{};
    return curl_.easy_getinfo(handle_, info, &value) == CURLE_OK ? value : Value{};
  }
  [[nodiscard]] int status() const { return static_cast<int>(get<long>(CURLINFO_RESPONSE_CODE)); }

 private:
  const curl::Library& curl_;
  CURL* const handle_;
};

}  // namespace

std::string system_authorities() {
  const Easy easy;
  const char* const path = easy.get<const char*>(CURLINFO_CAINFO);
  return path ? path : "";
}

std::string_view Headers::get(std::string_view name) const {
  const std::string wanted = str::lower(name);
  for (const auto& [key, value] : rows_)
    if (key == wanted) return value;
  return {};
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  const std::string wanted = str::lower(name);
  std::vector<std::string_view> values;
  for (const auto& [key, value] : rows_)
    if (key == wanted) values.push_back(value);
  return values;
}

std::optional<uint64_t> Response::length() const {
  return str::number<uint64_t>(headers.get("content-length"));
}

// ---- client --------------------------------------------------------------------------------------

struct Client::State {
  CURLM* multi = nullptr;  // from the first transfer on
  bool reached = false;

  void add(const Easy& easy) {
    const curl::Library& curl = curl::library();
    if (!multi) {
      multi = curl.multi_init();
      assert(multi);
      curl.multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    }
    curl.multi_add_handle(multi, easy.raw());
  }
};

Client::Client() : state_(std::make_unique<State>()) {}

Client::~Client() {
  if (state_ && state_->multi) curl::library().multi_cleanup(state_->multi);
}

Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

// ---- transfer ------------------------------------------------------------------------------------

struct Transfer::State {
  Client::State* client = nullptr;
  Easy easy;
  curl_slist* headers = nullptr;
  char message[CURL_ERROR_SIZE] = {};
  Origin origin;
  Body body;
  Response response;
  size_t header_bytes = 0;
  std::string bad_header;  // what is wrong with it
  bool header_ended = false;
  bool started_body = false;
  std::optional<Error> refused;  // by `body`
  bool finished = false;
  std::optional<Failed> failed;

  void finish(CURLcode code);
  // curl calls these through C frames: nothing here throws, and an error is kept for finish().
  static size_t on_header(const char* data, size_t, size_t size, void* context);
  static size_t on_body(const char* data, size_t, size_t size, void* context);
};

namespace {

bool is_beyond_counting(std::string_view length) {
  const bool digits = !length.empty() && length.find_first_not_of("0123456789") == std::string_view::npos;
  return digits && !str::number<int64_t>(length);
}

// An alert by which a server ends a handshake that TLS 1.3 lets the client finish first (RFC 8446 §6.2).
bool is_certificate_alert(std::string_view message) {
  return message.find("alert") != std::string_view::npos &&
         message.find("certificate") != std::string_view::npos;
}

// libcurl names whom it could not connect to: somebody else than the server only where there is a proxy in between.
bool is_about_proxy(std::string_view message, const Origin& server) {
  constexpr std::string_view kBegin = "Failed to connect to ";
  if (!message.starts_with(kBegin)) return false;
  std::string_view host = server.host;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return !message.substr(kBegin.size()).starts_with(str::cat(host, " port ", server.port, " "));
}

Failure classify(CURLcode code, std::string_view message) {
  if (is_certificate_alert(message)) return Failure::uninvited;
  switch (code) {
    case CURLE_SSL_CLIENTCERT:
      return Failure::uninvited;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failure::resolve;
    case CURLE_COULDNT_CONNECT:
      return Failure::connect;
    case CURLE_SSL_CONNECT_ERROR:
      return Failure::tls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failure::untrusted;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:
      return Failure::broken;
    default:
      return Failure::dropped;
  }
}

}  // namespace

void Transfer::State::finish(CURLcode code) {
  finished = true;
  response.status = easy.status();
  if (response.status) client->reached = true;
  // libcurl takes a connection that is closed within the header for the end of an answer without a body.
  const bool cut = code == CURLE_OK && !header_ended;
  if (code == CURLE_OK && !cut) return;
  if (refused) {
    failed = Failed{Failure::receiver, std::move(*refused)};
    return;
  }
  if (!bad_header.empty()) {
    failed = Failed{Failure::broken, Error(Kind::protocol, bad_header)};
    return;
  }
  // A connect timeout and a stall have one code; what tells them apart is whether there was a connection.
  Failure failure = classify(code, message);
  const bool connected = easy.get<curl_off_t>(CURLINFO_PRETRANSFER_TIME_T) != 0;
  if (code == CURLE_OPERATION_TIMEDOUT && !connected) failure = Failure::connect;
  const long proxy_status = easy.get<long>(CURLINFO_HTTP_CONNECTCODE);
  if (response.status == 0 && proxy_status != 0 && proxy_status != 200) failure = Failure::proxy;
  if (code == CURLE_COULDNT_RESOLVE_PROXY || is_about_proxy(message, origin)) failure = Failure::proxy;
  if (cut) failure = Failure::dropped;
  const char* text = cut          ? "it was closed within the header"
                     : message[0] ? message
                                  : curl::library().easy_strerror(code);
  failed = Failed{failure,
                  Error(failure == Failure::broken ? Kind::protocol : Kind::network, str::printable(text))};
}

size_t Transfer::State::on_header(const char* data, size_t, size_t size, void* context) {
  auto& state = *static_cast<Transfer::State*>(context);
  const std::string_view line = str::trim(std::string_view(data, size));
  state.header_bytes += size;
  if (state.header_bytes > limits::kHeader) {
    state.bad_header = str::cat("it sent a header of more than ", limits::kHeader, " bytes");
    return 0;
  }
  if (line.starts_with(
          "HTTP/")) {  // the last of several (a proxy's answer, 100 Continue) is the one that counts
    state.response.headers.clear();
    state.header_ended = false;
    return size;
  }
  state.header_ended = state.header_ended || line.empty();
  // libcurl would take what it cannot count for a body that ends with the connection, and wait for that.
  if (line.empty() && is_beyond_counting(state.response.headers.get("content-length"))) {
    state.bad_header = "it sends a Content-Length that is no length";
    return 0;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && !state.started_body)  // trailers are of no interest
    state.response.headers.add(str::lower(str::trim(line.substr(0, colon))),
                               std::string(str::trim(line.substr(colon + 1))));
  return size;
}

size_t Transfer::State::on_body(const char* data, size_t, size_t size, void* context) {
  auto& state = *static_cast<Transfer::State*>(context);
  if (!state.started_body) {
    state.response.status = state.easy.status();
    state.started_body = true;
  }
  Result<> taken = state.body(state.response, std::string_view(data, size));
  if (taken.ok()) return size;
  state.refused = taken.take_error();
  return CURL_WRITEFUNC_ERROR;
}

namespace {

void set_tls(Easy& easy, const Tls& tls, const Origin& origin) {
  easy.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  easy.set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  easy.set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.verify) {  // libcurl would read the system's authorities all the same, which takes longer than a handshake
    easy.set(CURLOPT_CAINFO, nullptr);
    easy.set(CURLOPT_CAPATH, nullptr);
  }
  if (!tls.authorities.empty()) {
    curl_blob blob{const_cast<char*>(tls.authorities.data()), tls.authorities.size(), CURL_BLOB_NOCOPY};
    easy.set(CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.ca_dir.empty()) easy.set(CURLOPT_CAPATH, tls.ca_dir.c_str());
  if (!tls.client_cert.empty() && tls.client_cert_for == origin) {
    easy.set(CURLOPT_SSLCERT, tls.client_cert.c_str());
    easy.set(CURLOPT_SSLKEY, tls.client_key.c_str());
  }
}

void set_method(Easy& easy, const Request& request) {
  switch (request.method) {
    case Method::get:
      easy.set(CURLOPT_HTTPGET, 1L);
      break;
    case Method::head:
      easy.set(CURLOPT_NOBODY, 1L);
      break;
    case Method::post:
      easy.set(CURLOPT_POST, 1L);
      easy.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      easy.set(CURLOPT_COPYPOSTFIELDS, request.body.c_str());
      break;
  }
}

// A transfer that brings less than this in a whole stall timeout is as good as dead.
constexpr long kDeadBytesPerSecond = 16;

void set_limits(Easy& easy, const Settings& settings) {
  easy.set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(settings.connect_timeout_s));
  easy.set(CURLOPT_LOW_SPEED_LIMIT, kDeadBytesPerSecond);
  easy.set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_timeout_s));
  easy.set(CURLOPT_PROTOCOLS_STR, "http,https");
  easy.set(CURLOPT_FOLLOWLOCATION,
           0L);  // redirects are exchange.h's: credentials hang on them
  easy.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  easy.set(CURLOPT_NOSIGNAL, 1L);
  easy.set(CURLOPT_BUFFERSIZE, 256L << 10);
  easy.set(CURLOPT_PIPEWAIT, 1L);  // share one HTTP/2 connection rather than open six
}

}  // namespace

Transfer::Transfer(Client& client, const Request& request, Body body, const Settings& settings)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.client = client.state_.get();
  s.origin = request.url.origin;
  s.body = std::move(body);
  s.easy.set(CURLOPT_URL, request.url.text().c_str());
  s.easy.set(CURLOPT_PRIVATE, static_cast<void*>(&s));
  s.easy.set(CURLOPT_ERRORBUFFER, static_cast<char*>(s.message));
  s.easy.set(CURLOPT_USERAGENT, "imagetool/" PROJECT_VERSION);
  for (const std::string& header : request.headers)
    s.headers = curl::library().slist_append(s.headers, header.c_str());
  s.easy.set(CURLOPT_HTTPHEADER, s.headers);
  s.easy.set(CURLOPT_HEADERFUNCTION, &State::on_header);
  s.easy.set(CURLOPT_HEADERDATA, static_cast<void*>(&s));
  s.easy.set(CURLOPT_WRITEFUNCTION, &State::on_body);
  s.easy.set(CURLOPT_WRITEDATA, static_cast<void*>(&s));
  // The proxy's loopback is another one than ours: Go's clients (docker, podman, skopeo) go by it as well.
  if (s.origin.loopback()) s.easy.set(CURLOPT_NOPROXY, "*");
  set_method(s.easy, request);
  set_limits(s.easy, settings);
  set_tls(s.easy, settings.tls, s.origin);
  s.client->add(s.easy);
}

Transfer::~Transfer() {
  const curl::Library& curl = curl::library();
  curl.multi_remove_handle(state_->client->multi, state_->easy.raw());
  curl.slist_free_all(state_->headers);
}

bool Transfer::finished() const { return state_->finished; }

const Response& Transfer::response() const {
  assert(state_->finished);
  return state_->response;
}

const std::optional<Failed>& Transfer::failed() const {
  assert(state_->finished);
  return state_->failed;
}

bool Client::reached() const { return state_->reached; }

void Client::pump(int wait_ms, std::span<const Fd> also) {
  CURLM* const multi = state_->multi;
  if (!multi) {
    std::vector<pollfd> watched;
    for (const Fd fd : also) watched.push_back({.fd = fd.raw(), .events = POLLIN, .revents = 0});
    (void)sys::poll(watched, wait_ms);  // the caller looks for itself
    return;
  }
  const curl::Library& curl = curl::library();
  std::vector<curl_waitfd> watched;
  for (const Fd fd : also) watched.push_back({.fd = fd.raw(), .events = CURL_WAIT_POLLIN, .revents = 0});
  curl.multi_poll(multi, watched.data(), static_cast<unsigned>(watched.size()), wait_ms, nullptr);
  int running = 0;
  curl.multi_perform(multi, &running);
  int queued = 0;
  while (const CURLMsg* message = curl.multi_info_read(multi, &queued)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* context = nullptr;
    curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
    static_cast<Transfer::State*>(context)->finish(message->data.result);
  }
}

}  // namespace http
