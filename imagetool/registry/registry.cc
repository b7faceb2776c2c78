#include "imagetool/registry/registry.h"

#include <algorithm>
#include <set>

#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "imagetool/registry/answers.h"
#include "imagetool/registry/auth.h"
#include "imagetool/registry/certificates.h"
#include "imagetool/registry/exchange.h"
#include "spec/base/text.h"

namespace {

constexpr std::string_view kHubApi = "registry-1.docker.io";
constexpr int kProbeSeconds = 5;

// All that we can read, and the one that we cannot, so that its error can say so.
constexpr std::string_view kAccept =
    "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

std::string api_host(const Reference& image) {
  return std::string(image.registry == kDockerHub ? kHubApi : image.registry);
}

Result<http::Url> api_url(const Reference& image, bool plain) {
  return http::Url::parse(str::cat(plain ? "http://" : "https://", api_host(image), "/v2/"))
      .within("'", image.registry, "'");
}

http::Policy make_policy(const Registry::Options& options, http::Tls tls) {
  return {.settings = {.tls = std::move(tls),
                       .connect_timeout_s = options.connect_timeout_s,
                       .stall_timeout_s = options.stall_timeout_s},
          .tries = std::max(1, options.tries),
          .retry_delay_ms = std::max(1, options.retry_delay_ms),
          .notice = options.notice,
          .tick = options.tick};
}

// Whether the host speaks TLS: asked of loopback, and where the user allows plain http.  Only a host that answers in
// another way, or not at all on the port of https, may be one that does not: a certificate that is not trusted is TLS, a
// proxy that is dead says nothing about the host, and what follows will tell.  So nothing is verified, and nothing shown.
Result<bool> speaks_tls(http::Client& client, const http::Policy& policy, const http::Url& url) {
  http::Settings settings = policy.settings;
  settings.tls = {.verify = false};
  settings.connect_timeout_s = std::min(settings.connect_timeout_s, kProbeSeconds);
  settings.stall_timeout_s = std::min(settings.stall_timeout_s, kProbeSeconds);
  const auto ignore = [](const http::Response&, std::string_view) { return Result<>(); };
  const http::Transfer probe(client, {.method = http::Method::head, .url = url}, ignore, settings);
  while (!probe.finished()) {
    if (policy.tick) TRY(policy.tick());
    client.pump(100);
  }
  if (!probe.failed()) return true;
  const http::Failure failure = probe.failed()->failure;
  return failure != http::Failure::tls && failure != http::Failure::connect;
}

Result<oci::Digest> digest_of(std::string_view bytes, std::string_view algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace

struct Registry::State {
  Reference image;
  Options options;
  std::shared_ptr<http::Client> client;
  http::Policy policy;
  http::Url base;
  std::unique_ptr<auth::Session> session;
  std::unique_ptr<http::Downloads> downloads;
  std::set<std::string> warned;  // what it wanted people to know: each once, however many requests bring it

  [[nodiscard]] http::Ask ask(http::Method method, const std::string& path) const;
  [[nodiscard]] answers::Context context(std::string what) const;
  void pass_on_warnings(const http::Response& response);
  [[nodiscard]] http::Ask blob_ask(const oci::Descriptor& blob) const;
  Result<http::Answer> manifest(http::Method method, const std::string& wanted);
};

Registry::Registry(std::unique_ptr<State> state) : state_(std::move(state)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Result<Registry> Registry::open(const Reference& image, const Options& options) {
  auto state = std::make_unique<State>();
  state->image = image;
  state->options = options;
  state->client = options.client ? options.client : std::make_shared<http::Client>();
  state->base = TRY(api_url(image, options.plain_http));
  const http::Origin& origin = state->base.origin;
  http::Tls tls;
  if (!options.plain_http)
    tls = TRY(
        certificates::find(options.environment, options.cert_dir, {image.registry, api_host(image)}, origin));
  tls.verify = options.tls_verify;
  state->policy = make_policy(options, std::move(tls));
  std::optional<credentials::Credential> credential =
      TRY(credentials::find(options.environment, options.credentials, image));
  const bool may_be_plain = !options.plain_http && (!options.tls_verify || origin.loopback());
  if (may_be_plain && !TRY(speaks_tls(*state->client, state->policy, state->base)))
    state->base = TRY(api_url(image, true));
  state->session = std::make_unique<auth::Session>(
      *state->client, state->policy,
      auth::Session::Options{.registry = state->base.origin,
                             .insecure = options.plain_http || !options.tls_verify,
                             .name = image.registry,
                             .repository = image.repository,
                             .credential = std::move(credential)});
  state->downloads = std::make_unique<http::Downloads>(
      *state->client, state->policy,
      [raw = state.get()](const BlobRequest& blob) { return raw->blob_ask(blob.descriptor); },
      options.parallel);
  return Registry(std::move(state));
}

std::string Registry::base() const { return state_->base.origin.text(); }

http::Ask Registry::State::ask(http::Method method, const std::string& path) const {
  http::Ask ask{.request = {.method = method, .url = base}};
  ask.request.url.target += str::cat(image.repository, path);
  ask.authorize = [this] { return session->authorization(); };
  ask.challenged = [this](const http::Response& response, const std::string& used) {
    return session->challenged(response, used);
  };
  return ask;
}

answers::Context Registry::State::context(std::string what) const {
  return {.registry = image.registry,
          .repository = image.repository,
          .what = std::move(what),
          .user = session->user()};
}

void Registry::State::pass_on_warnings(const http::Response& response) {
  if (!options.notice) return;
  for (const std::string_view value : response.headers.all("warning"))
    if (const std::string text = answers::warning(value); !text.empty() && warned.insert(text).second)
      options.notice(str::cat("'", image.registry, "' says: ", text));
}

Result<http::Answer> Registry::State::manifest(http::Method method, const std::string& wanted) {
  if (!reference::is_tag(wanted)) (void)TRY(oci::Digest::parse(wanted));  // the check is what counts
  http::Ask ask = this->ask(method, "/manifests/" + wanted);
  ask.request.headers.emplace_back(kAccept);
  ask.limit = limits::kManifest;
  const std::string_view colon = wanted.find(':') == std::string::npos ? ":" : "@";
  const std::string shown = str::cat(image.familiar_name(), colon, wanted);
  ask.accept = [this, method, shown](const http::Answer& answer) -> Result<> {
    if (method == http::Method::head || answer.response.status == 200) return {};
    return answers::explain(answer, context(shown));
  };
  http::Answer answer = TRY(http::run(*client, policy, std::move(ask)));
  pass_on_warnings(answer.response);
  return answer;
}

Result<Fetched> Registry::read_manifest(const std::string& wanted) {
  http::Answer answer = TRY(state_->manifest(http::Method::get, wanted));
  const http::Headers& headers = answer.response.headers;
  Fetched fetched{.bytes = std::move(answer.body)};
  TRY(answers::check_encoding(answer.response).within("'", state_->image.registry, "'"));
  fetched.media_type =
      TRY(answers::manifest_type(headers.get("content-type")).within("'", state_->image.registry, "'"));

  // Asked by tag, the header is a promise that the body can be held to; asked by digest, only that counts.
  const bool by_digest = !reference::is_tag(wanted);
  Result<oci::Digest> promised =
      oci::Digest::parse(by_digest ? wanted : headers.get("docker-content-digest"));
  const oci::Digest want = promised.ok() ? promised.value() : oci::Digest();
  fetched.digest = TRY(digest_of(fetched.bytes, want.empty() ? "sha256" : want.algorithm()));
  if (!want.empty() && fetched.digest != want)
    return Error(Kind::protocol, str::cat("'", state_->image.registry, "' sent a manifest with digest '",
                                          fetched.digest.text(), "' where '", want.text(), "' was expected"));
  return fetched;
}

Result<std::optional<oci::Digest>> Registry::ask_digest(const std::string& wanted) {
  const http::Answer answer = TRY(state_->manifest(http::Method::head, wanted));
  if (answer.response.status != 200) return std::optional<oci::Digest>();  // why, a GET will tell
  Result<oci::Digest> digest = oci::Digest::parse(answer.response.headers.get("docker-content-digest"));
  if (!digest.ok()) return std::optional<oci::Digest>();
  return std::optional(std::move(digest).take());
}

http::Ask Registry::State::blob_ask(const oci::Descriptor& blob) const {
  http::Ask ask = this->ask(http::Method::get, "/blobs/" + blob.digest.text());
  ask.what = str::cat("fetching '", blob.digest.text(), "'");
  ask.accept = [this, name = blob.digest.short_id()](const http::Answer& answer) -> Result<> {
    const int status = answer.response.status;
    if (status == 200 || status == 206) return {};
    return answers::explain(answer, context(str::cat("blob ", name)));
  };
  return ask;
}

Result<std::string> Registry::read_blob(const oci::Descriptor& descriptor) {
  http::Ask ask = state_->blob_ask(descriptor);
  StringSink text;
  Verifier verified(descriptor, text);
  ask.part = http::Part{.end = descriptor.size,
                        .size = descriptor.size,
                        .ranges = false,
                        .write = [&](uint64_t, std::string_view bytes) { return verified.write(bytes); }};
  (void)TRY(http::run(*state_->client, state_->policy, std::move(ask)));
  TRY(verified.finish().within("fetching '", descriptor.digest.text(), "'"));
  return text.take();
}

void Registry::start(BlobRequest& blob) { state_->downloads->add(blob); }
void Registry::drop(const BlobRequest& blob) { state_->downloads->drop(blob); }
void Registry::step() { state_->downloads->step(); }
http::Client& Registry::client() { return *state_->client; }
