// One repository of one registry, read through the distribution API (OCI distribution-spec 1.1).
//
//   Registry from = TRY(Registry::open(image, options));
//   Fetched manifest = TRY(from.read_manifest(image.wanted()));
//   std::string config = TRY(from.read_blob(parsed.config));   small ones; layers by start()
//
// Documents that leave this class are verified: a manifest against the digest asked for (and against
// Docker-Content-Digest), a small blob against its descriptor.  Layers go to whoever writes them into a file, which
// verifies them (store/partial.h), since they may go on where another process stopped.  Requests are retried after 429,
// 5xx, dropped connections and stalls; a blob goes on where it stopped.  Credentials go to the registry's own scheme, host and port and to its
// token service, never along a redirect, never to `urls` of a layer (R10).
//
// Not thread-safe; no threads are started.  All registries of a program share one Client, and so one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imagetool/registry/credentials.h"
#include "imagetool/registry/downloads.h"
#include "imagetool/registry/reference.h"
#include "spec/base/error.h"
#include "spec/image.h"

struct Fetched {
  std::string bytes;
  std::string media_type;  // of Content-Type, lower case, without parameters; empty: the server did not say
  oci::Digest digest;      // of `bytes`, computed here
};

class Registry {
 public:
  struct Options {
    Environment environment;
    credentials::Options credentials;
    std::string cert_dir;        // --cert-dir: instead of the certs.d directories; must exist
    bool tls_verify = true;      // false: no certificate check, and plain HTTP where there is no TLS
    bool plain_http = false;     // never TLS
    int connect_timeout_s = 30;  // --connect-timeout: name, TCP and TLS together
    int stall_timeout_s = 30;    // a transfer without progress for so long counts as dropped
    int tries = 5;               // of one request without progress between them; 1 = no retry
    int retry_delay_ms = 500;    // before the second try; doubles each time, with jitter
    int parallel = 6;            // requests for blobs at a time
    // Something the user should know while it goes on: "registry 'x' asks to wait 5 s (429), 4 tries left".
    std::function<void(std::string_view)> notice;
    // Called some ten times a second while a request is under way; an error stops it (the user's Ctrl-C).
    std::function<Result<>()> tick;
    std::shared_ptr<http::Client> client;  // null: one of its own
  };

  // Looks up certificates and credentials.  A host on loopback, or with tls_verify=false, is asked once whether it
  // speaks TLS; every other is not contacted yet.  Loopback is reached without the proxy that the environment names.
  // Errors: invalid (files), network.
  static Result<Registry> open(const Reference& image, const Options& options);
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;
  ~Registry();

  // `wanted` is a tag or a digest (Reference::wanted()), or the digest of an entry of an index.  At most
  // limits::kManifest bytes.  Errors: not_found, denied, network, protocol (what was sent is not what was asked for).
  // Kind::network has errnum EAGAIN where the registry was reached and may answer better later (429, 5xx, a transfer
  // that broke); else there is no way to it.
  Result<Fetched> read_manifest(const std::string& wanted);

  // The digest of the tag by a HEAD request, which Docker Hub does not count against the quota.  nullopt: the
  // registry does not say (the header is optional, and some refuse HEAD); then only read_manifest can tell.
  Result<std::optional<oci::Digest>> ask_digest(const std::string& wanted);

  // A small blob.  Errors as above.  Precondition: the caller has found descriptor.size acceptable.
  Result<std::string> read_blob(const oci::Descriptor& descriptor);

  // Blobs at the same time, Options::parallel requests at once.  Each stays where it is until it has its result, or is
  // dropped.  Never more than descriptor.size bytes are written; an error names the blob.
  void start(BlobRequest& blob);
  void drop(const BlobRequest& blob);
  // Moves them on without waiting; for that there is Client::pump().
  void step();
  [[nodiscard]] http::Client& client();

  // "https://registry-1.docker.io", for messages.
  [[nodiscard]] std::string base() const;

 private:
  struct State;
  explicit Registry(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
