// Requests by libcurl's multi interface, one at a time or several, without threads and without policy: no redirect is
// followed, nothing is retried, no credential is added.  That is exchange.h's work, one level up.
//
//   Transfer ── started on a Client ──▶ pump() until finished() ──▶ result()
//
// Bodies stream: a Transfer hands them to its `body` function as they come, after the header is complete.
// Bounds: size of header and URL (limits.h), connect and stall timeouts.  The size of a body is the receiver's to bound.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imagetool/registry/url.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace http {

class Headers {
 public:
  void add(std::string name, std::string value) { rows_.emplace_back(std::move(name), std::move(value)); }
  void clear() { rows_.clear(); }
  // The first of that name (compared without case), or empty.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

enum class Method { get, head, post };

struct Request {
  Method method = Method::get;
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of a POST, as application/x-www-form-urlencoded
};

struct Response {
  int status = 0;
  Headers headers;
  [[nodiscard]] std::optional<uint64_t> length() const;  // Content-Length
};

// How far a failed transfer had come; decides whether trying again makes sense.
enum class Failure {
  resolve,    // the host name is unknown, or there is no name service
  connect,    // nothing answers there
  proxy,      // there is no way to the proxy, or it does not let us through
  tls,        // there is no TLS, or it failed
  untrusted,  // TLS works and the certificate is not one we trust
  uninvited,  // TLS works and the server does not accept our certificate, or that there is none
  dropped,    // the connection broke, or stalled, half way
  receiver,   // the `body` function refused; its error is the result
  broken,     // not HTTP, header too long, and the like
};

struct Failed {
  Failure failure{};
  Error error{Kind::network, std::string()};
};

// How to speak TLS.
struct Tls {
  bool verify = true;
  std::string authorities;  // PEM text of those we trust; empty: the system's
  std::string ca_dir;       // instead of the system's directory, hashed by c_rehash; empty: the system's
  std::string client_cert, client_key;  // paths; shown to `client_cert_for` and nobody else
  Origin client_cert_for;
};

// The file with the system's authorities that libcurl was built for; may be empty.
std::string system_authorities();

struct Settings {
  Tls tls;
  int connect_timeout_s = 30;
  int stall_timeout_s = 30;
};

class Client;

// One request under way.  Stays where it is while started: curl keeps its address.
class Transfer {
 public:
  using Body = std::function<Result<>(const Response&, std::string_view)>;
  Transfer(Client& client, const Request& request, Body body, const Settings& settings);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] bool finished() const;
  // Precondition of the next two: finished().
  [[nodiscard]] const Response& response() const;
  [[nodiscard]] const std::optional<Failed>& failed() const;  // nullopt: the whole response has arrived

 private:
  friend class Client;
  struct State;
  std::unique_ptr<State> state_;
};

// Connections, kept open and shared between transfers (HTTP/2 where the server offers it).  One that never has a transfer
// needs no libcurl.
class Client {
 public:
  Client();
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  // Waits up to `wait_ms` until a started transfer can move on, or one of `also` can be read from; moves all of them.
  void pump(int wait_ms, std::span<const Fd> also = {});
  // Whether any server has answered yet: before that, a failure to connect most likely means that there is no network.
  [[nodiscard]] bool reached() const;

 private:
  friend class Transfer;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace http
