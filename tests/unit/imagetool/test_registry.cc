// The whole client against tests/support/hub on loopback: Docker Hub's flow, and every way a registry can misbehave.
#include <criterion/criterion.h>

#include <string>
#include <vector>

#include "imagetool/registry/http.h"
#include "imagetool/registry/registry.h"
#include "spec/base/clock.h"
#include "tests/unit/imagetool/hub_process.h"
#include "tests/unit/support/expect.h"

namespace {

// One client, with waits that suit a test, and a note of what it told the user.
struct Puller {
  std::vector<std::string> notices;
  Registry::Options options{.stall_timeout_s = 60, .tries = 4, .retry_delay_ms = 5};
  Puller() {
    options.notice = [this](std::string_view text) { notices.emplace_back(text); };
  }
  Result<Registry> open(const HubProcess& hub, const std::string& rest = "/library/hello-world") {
    const Reference image = TRY(reference::parse(hub.place("registry") + rest));
    return Registry::open(image, options);
  }
  Result<Fetched> manifest(const HubProcess& hub, const std::string& wanted = "latest") {
    Registry from = TRY(open(hub));
    return from.read_manifest(wanted);
  }
  // All layers, at the same time; what was written, joined.
  Result<std::string> layers(const HubProcess& hub) {
    Registry from = TRY(open(hub));
    return layers(hub, from);
  }
  static Result<std::string> layers(const HubProcess& hub, Registry& from) {
    std::vector<BlobRequest> requests(hub.layers().size());
    std::vector<std::string> texts(hub.layers().size());
    for (size_t i = 0; i < texts.size(); ++i) {
      requests[i].descriptor = describe(hub.layers()[i]);
      texts[i].resize(hub.layers()[i].bytes.size());
      requests[i].write = [&texts, i](uint64_t offset, std::string_view bytes) -> Result<> {
        cr_assert(offset + bytes.size() <= texts[i].size());
        texts[i].replace(offset, bytes.size(), bytes);
        return {};
      };
    }
    TRY(fetch(from, requests));
    std::string all;
    for (const std::string& text : texts) all += text;
    return all;
  }
  static oci::Descriptor describe(const HubProcess::Layer& layer) {
    return {.digest = oci::Digest::parse(layer.digest).take(), .size = layer.bytes.size()};
  }
  // Until all are there or one fails.
  static Result<> fetch(Registry& from, std::vector<BlobRequest>& requests) {
    for (BlobRequest& request : requests) from.start(request);
    Result<> failed;
    for (size_t left = requests.size(); left > 0 && failed.ok(); ::usleep(200)) {
      from.step();
      from.client().pump(100);
      left = 0;
      for (const BlobRequest& request : requests) {
        if (!request.result) ++left;
        if (request.result && !request.result->ok()) failed = request.result->error();
      }
    }
    for (const BlobRequest& request : requests) from.drop(request);
    return failed;
  }
};

std::string joined(const HubProcess& hub) {
  std::string all;
  for (const auto& layer : hub.layers()) all += layer.bytes;
  return all;
}

template <class T>
std::string message(const Result<T>& r) {
  return r.ok() ? std::string("no error") : r.error().message;
}

template <class T>
void expect_error(const Result<T>& r, Kind kind, const std::string& part) {
  cr_expect(!r.ok() && r.error().kind == kind, "kind of: %s", message(r).c_str());
  cr_expect(message(r).find(part) != std::string::npos, "'%s' is not in: %s", part.c_str(),
            message(r).c_str());
}

void expect_all_layers(Puller& puller, const HubProcess& hub) {
  const Result<std::string> got = puller.layers(hub);
  cr_expect(got.ok(), "%s", message(got).c_str());
  if (got.ok()) cr_expect(got.value() == joined(hub), "the sinks got other bytes");
}

}  // namespace

// ---- Docker Hub's flow -----------------------------------------------------------------------------

Test(registry, anonymous_pull, .timeout = 300) {
  const HubProcess hub({}, {100, 200'000, 0, 3});
  Puller puller;
  Result<Registry> opened = puller.open(hub);
  cr_assert(opened.ok(), "%s", message(opened).c_str());
  Registry& from = opened.value();
  const Result<Fetched> manifest = from.read_manifest("latest");
  cr_assert(manifest.ok(), "%s", message(manifest).c_str());
  expect_text(manifest.value().digest.text(), hub.manifest_digest());
  expect_text(manifest.value().media_type, std::string(oci::media::kManifest));
  cr_expect(from.read_manifest(hub.manifest_digest()).ok());
  const auto digest = from.ask_digest("latest");
  cr_expect(digest.ok() && digest.value() && digest.value()->text() == hub.manifest_digest());
  const Result<std::string> layers = Puller::layers(hub, from);
  cr_expect(layers.ok() && layers.value() == joined(hub), "%s", message(layers).c_str());

  // One challenge, one token for all; never a credential at the blob host; HEAD to learn about TLS and about the tag.
  cr_expect_eq(hub.count("registry", " 401"), 1u);
  cr_expect_eq(hub.log("token").size(), 1u);
  cr_expect_eq(
      hub.count(
          "token",
          "GET /token?service=registry.docker.io&scope=repository%3Alibrary%2Fhello-world%3Apull none 200"),
      1u);
  cr_expect_eq(hub.count("blobs", " none 200"), 4u);
  cr_expect_eq(hub.log("blobs").size(), 4u);
}

Test(registry, password_and_identity_token, .timeout = 300) {
  const HubProcess hub({"--user", "bob:secret", "--private", "--identity-token", "refresh"});
  Puller puller;
  expect_error(puller.manifest(hub), Kind::denied, "does not exist or needs a login");
  puller.options.credentials.given = "bob:wrong";
  expect_error(puller.manifest(hub), Kind::denied,
               "does not accept user 'bob' from --creds (401): log in again");
  puller.options.credentials.given = "bob:secret";
  cr_expect(puller.manifest(hub).ok());
  cr_expect_eq(hub.count("token", "account=bob basic 200"), 1u);
  puller.options.credentials.given = "<token>:refresh";
  const auto with_identity = puller.manifest(hub);
  cr_expect(with_identity.ok(), "%s", message(with_identity).c_str());
  cr_expect_eq(hub.count("token", "POST /token none 200"), 1u);
}

Test(registry, basic_authentication, .timeout = 300) {
  const HubProcess hub({"--user", "bob:secret", "--basic"});
  Puller puller;
  expect_error(puller.manifest(hub), Kind::denied, "needs a login");
  puller.options.credentials.given = "bob:secret";
  expect_all_layers(puller, hub);
  cr_expect_eq(hub.count("blobs", "none 200"), 1u);
  puller.options.credentials.given = "bob:wrong";
  expect_error(puller.manifest(hub), Kind::denied, "does not accept user 'bob' from --creds (401)");
}

Test(registry, says_what_is_missing, .timeout = 300) {
  const HubProcess hub;
  Puller puller;
  expect_error(puller.manifest(hub, "nope"), Kind::not_found,
               "library/hello-world:nope' does not exist on '127.0.0.1:");
  Result<Registry> other = puller.open(hub, "/library/nope");
  expect_error(other.value().read_manifest("latest"), Kind::denied, "'library/nope' of '127.0.0.1:");
  expect_error(puller.manifest(hub, "../x"), Kind::invalid, "digest");
  Result<Registry> from = puller.open(hub);
  const oci::Descriptor lost{.digest = oci::Digest::parse("sha256:" + std::string(64, 'a')).take(),
                             .size = 7};
  expect_error(from.value().read_blob(lost), Kind::protocol, "has lost blob aaaaaaaaaaaa");
}

Test(registry, quota, .timeout = 300) {
  const HubProcess hub({"--ratelimit", "1"});
  Puller puller;
  cr_expect(puller.manifest(hub).ok());
  Result<Registry> from = puller.open(hub);
  cr_expect(from.value().ask_digest("latest").ok(), "HEAD is free");
  // No use in trying again: the answer comes after one request.
  const size_t before = hub.log("registry").size();
  expect_error(from.value().read_manifest("latest"), Kind::network, "(429, 1 pulls in 6 h are allowed)");
  cr_expect_eq(hub.log("registry").size(), before + 1);
}

// ---- trouble that passes ---------------------------------------------------------------------------

Test(registry, tries_again, .timeout = 120) {
  const char* const passing[] = {
      R"({"match":"registry GET .*/manifests/","times":2,"do":"status","status":503})",
      R"({"match":"registry GET .*/manifests/","times":2,"do":"status","status":500})",
      R"({"match":"registry GET .*/manifests/","times":1,"do":"cut","bytes":20,"skip":1})",
      R"({"match":"registry GET .*/manifests/","times":1,"do":"status","status":429,"headers":{"Retry-After":"0"}})",
      R"({"match":"token","times":2,"do":"status","status":502})",
      R"({"match":"token","times":1,"do":"cut","bytes":10})",
      R"({"match":"registry GET .*/blobs/","times":2,"do":"status","status":503})",
      R"({"match":"registry GET .*/blobs/","times":1,"do":"revoke"})",
      R"({"match":"registry GET .*/blobs/","times":2,"do":"expired"})",
      R"({"match":"blobs GET","times":2,"do":"status","status":500})",
      R"({"match":"blobs GET","times":1,"do":"cut","bytes":0})",
      R"({"match":"blobs GET","times":3,"do":"cut","bytes":1000})",
      R"({"match":"blobs GET","times":2,"do":"short","bytes":1000})",
  };
  for (const char* option : {"--service=registry.docker.io", "--no-range"}) {  // the first changes nothing
    const HubProcess hub({option}, {5000, 7});
    for (const char* rule : passing) {
      hub.fault(rule);
      Puller puller;
      Result<Registry> from = puller.open(hub);
      const Result<Fetched> manifest = from.value().read_manifest("latest");
      cr_expect(manifest.ok(), "%s: %s", rule, message(manifest).c_str());
      const Result<std::string> layers = Puller::layers(hub, from.value());
      cr_expect(layers.ok() && layers.value() == joined(hub), "%s: %s", rule, message(layers).c_str());
    }
    // They did happen.
    cr_expect_eq(
        hub.count("registry", " 503") + hub.count("registry", " 500") + hub.count("registry", " 429"), 7u);
    cr_expect_eq(hub.count("token", " 502"), 2u);
    cr_expect_eq(hub.count("blobs", " 403"), 2u);
    cr_expect_eq(hub.count("blobs", " 500"), 2u);
  }
}

Test(registry, does_not_wait_for_a_server_that_fell_asleep, .timeout = 300) {
  const HubProcess hub({}, {5000});
  hub.fault(R"({"match":"^blobs GET","times":1,"do":"stall","bytes":1000,"seconds":60})");
  Puller puller;
  puller.options.stall_timeout_s = 2;
  expect_all_layers(puller, hub);
  // More than once only where all of this machine fell asleep.
  cr_expect_geq(hub.count("blobs", " 206 bytes=1000-"), 1u);
}

Test(registry, goes_on_where_it_stopped, .timeout = 300) {
  const HubProcess hub({}, {300'000});
  Puller puller;
  hub.fault(R"({"match":"blobs GET","times":2,"do":"cut","bytes":100000})");
  expect_all_layers(puller, hub);
  cr_expect_eq(hub.count("blobs", " 206 bytes=100000-"), 1u);
  cr_expect_eq(hub.count("blobs", " 206 bytes=200000-"), 1u);
  cr_expect_eq(hub.count("blobs", " none "), 3u);
}

Test(registry, a_token_is_renewed_before_it_ends, .timeout = 300) {
  const HubProcess hub({"--token-seconds", "4"});
  Puller puller;
  Result<Registry> from = puller.open(hub);
  cr_expect(from.value().read_manifest("latest").ok());
  ::usleep(4'200'000);
  cr_expect(from.value().read_manifest("latest").ok());
  cr_expect_eq(hub.log("token").size(), 2u);
  cr_expect_eq(hub.count("registry", " 401"), 1u);
}

Test(registry, waits_as_long_as_it_is_asked_to, .timeout = 300) {
  const HubProcess hub;
  hub.fault(
      R"({"match":"registry GET .*/manifests/","do":"status","status":429,"headers":{"Retry-After":"1"}})");
  Puller puller;
  const int64_t start = clocks::monotonic_ms();
  cr_expect(puller.manifest(hub).ok());
  cr_expect(clocks::monotonic_ms() - start >= 1000);
  cr_assert_eq(puller.notices.size(), 1u);
  expect_text(puller.notices[0], "'" + hub.place("registry") +
                                     "': it asks to slow down (429), trying again in 1 s (try 2 of 4)");
  // Too long is an answer, not a wait.
  hub.fault(
      R"({"match":"registry GET .*/manifests/","do":"status","status":429,"headers":{"Retry-After":"3600"}})");
  expect_error(puller.manifest(hub), Kind::network, "wait 3600 s");
}

Test(registry, gives_up_in_the_end, .timeout = 300) {
  const HubProcess hub({}, {5000});
  Puller puller;
  hub.fault(R"({"match":"registry GET .*/manifests/","times":-1,"do":"status","status":503})");
  expect_error(puller.manifest(hub), Kind::network, "has trouble, status 503");
  cr_expect_eq(hub.count("registry", " 503"), 4u);
  hub.fault(R"({"match":"blobs GET","times":-1,"do":"cut","bytes":0})");
  expect_error(puller.layers(hub), Kind::network, "broke");
  cr_expect_eq(hub.log("blobs").size(), 4u);
}

// ---- trouble that does not -------------------------------------------------------------------------

Test(registry, refuses_what_is_wrong, .timeout = 120) {
  const struct {
    const char* rule;
    Kind kind;
    const char* want;
    bool in_manifest;
  } cases[] = {
      {R"({"match":"GET .*/manifests/","times":-1,"do":"corrupt"})", Kind::protocol,
       "sent a manifest with digest", true},
      {R"({"match":"GET .*/manifests/","times":-1,"do":"header","headers":{"Content-Type":"text/html"}})",
       Kind::protocol, "'text/html' and no image manifest", true},
      {R"({"match":"GET .*/manifests/","times":-1,"do":"endless"})", Kind::protocol,
       "more than the 4194304 bytes", true},
      {R"({"match":"GET .*/manifests/","times":-1,"do":"header","headers":{"Docker-Content-Digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}})",
       Kind::protocol, "was expected", true},
      {R"({"match":"registry","times":-1,"do":"redirect","to":"{registry}{path}"})", Kind::protocol,
       "redirects more than 5 times", true},
      {R"({"match":"registry","times":-1,"do":"redirect","to":"file:///etc/passwd"})", Kind::invalid,
       "redirects to what is no good URL", true},
      {R"({"match":"registry","times":-1,"do":"status","status":401,"headers":{"WWW-Authenticate":"Bearer realm=\"ftp://x/\""}})",
       Kind::invalid, "the token service of", true},
      {R"({"match":"registry","times":-1,"do":"status","status":401,"headers":{"WWW-Authenticate":"Bearer realm=\"x"}})",
       Kind::protocol, "WWW-Authenticate cannot be understood", true},
      {R"({"match":"registry","times":-1,"do":"status","status":401})", Kind::protocol,
       "without saying how to log in", true},
      {R"({"match":"token","times":-1,"do":"replace","body":"<html>"})", Kind::protocol, "answer is no JSON",
       true},
      {R"({"match":"token","times":-1,"do":"endless"})", Kind::protocol, "more than the 262144 bytes", true},
      {R"({"match":"^blobs","times":-1,"do":"endless"})", Kind::protocol,
       "sends more than the 5000 bytes of the manifest", false},
      {R"({"match":"^blobs","times":-1,"do":"header","headers":{"Content-Length":"4999"}})", Kind::protocol,
       "has 4999 bytes where the manifest says 5000", false},
      {R"({"match":"^blobs","times":-1,"do":"replace","body":"short"})", Kind::protocol, "has 5 bytes where",
       false},
      {R"({"match":"^blobs","times":-1,"do":"status","status":401,"headers":{"WWW-Authenticate":"Basic realm=x"}})",
       Kind::denied, "asks for credentials, and none are sent there", false},
      {R"({"match":"^blobs","times":-1,"do":"redirect","to":"{blobs}{path}"})", Kind::protocol,
       "redirects more than 5 times", false},
      {R"({"match":"^blobs","times":-1,"do":"header","headers":{"X-Long":"%"}})", Kind::protocol,
       "sent a header of more than", false},
  };
  for (const auto& c : cases) {
    const HubProcess hub({"--user", "bob:secret"}, {5000});
    std::string rule = c.rule;
    if (const size_t at = rule.find('%'); at != std::string::npos)
      rule.replace(at, 1, std::string(60'000, 'x') + "\",\"X-2\":\"" + std::string(60'000, 'y'));
    hub.fault(rule);
    Puller puller;
    puller.options.credentials.given = "bob:secret";
    if (c.in_manifest)
      expect_error(puller.manifest(hub), c.kind, c.want);
    else
      expect_error(puller.layers(hub), c.kind, c.want);
    // Whatever happened: no credentials but at the registry and its token service.
    cr_expect_eq(hub.count("blobs", " bearer "), 0u);
    cr_expect_eq(hub.count("blobs", " basic "), 0u);
    cr_expect(hub.log("blobs").size() <= 6 && hub.log("registry").size() <= 14, "%s", c.rule);
  }
}

// Two redirects in a row, the second one back to where the credentials belong: they stay at home.
Test(registry, credentials_do_not_come_back, .timeout = 300) {
  const HubProcess hub({"--open"}, {5000});
  Puller puller;
  hub.fault(
      R"({"match":"blobs GET /data","do":"redirect","to":"{registry}/v2/library/hello-world/manifests/latest"})");
  hub.fault(R"({"match":"registry GET /v2/library/hello-world/blobs/","times":0,"do":"revoke"})");
  (void)puller.layers(hub);  // what comes back is no blob: an error, of no interest here
  cr_expect_eq(hub.count("registry", "manifests/latest none "), 1u);
  const HubProcess strict({}, {5000});
  strict.fault(
      R"({"match":"blobs GET /data","do":"redirect","to":"{registry}/v2/library/hello-world/manifests/latest"})");
  (void)puller.layers(strict);
  cr_expect_eq(strict.count("registry", "manifests/latest bearer"), 0u);
  cr_expect_eq(strict.count("registry", "manifests/latest none 401"), 1u);
}

Test(registry, a_small_blob_is_verified, .timeout = 300) {
  const HubProcess hub({}, {5000});
  Puller puller;
  Result<Registry> from = puller.open(hub);
  const oci::Descriptor blob = Puller::describe(hub.layers()[0]);
  cr_expect(from.value().read_blob(blob).take() == hub.layers()[0].bytes);
  hub.fault(R"({"match":"^blobs GET","times":1,"do":"corrupt"})");
  expect_error(from.value().read_blob(blob), Kind::invalid, "fetching 'sha256:");
}

// ---- ranges ----------------------------------------------------------------------------------------

// The first piece takes its time, so the others are fetched beside it; every byte is asked for once.
Test(registry, a_large_blob_comes_in_pieces, .timeout = 300) {
  const HubProcess hub({}, {40 << 20});
  hub.fault(R"({"match":"^blobs GET .*bytes=0-","times":1,"do":"stall","bytes":1000,"seconds":1})");
  Puller puller;
  expect_all_layers(puller, hub);
  for (const char* range :
       {"bytes=0-16777215", "bytes=16777216-33554431", "bytes=33554432-", "bytes=1000-16777215"})
    cr_expect_eq(hub.count("blobs", std::string(" 206 ") + range), 1u, "%s", range);
  cr_expect_eq(hub.log("blobs").size(), 4u);
}

Test(registry, a_server_without_ranges_sends_it_whole, .timeout = 300) {
  const HubProcess hub({"--no-range"}, {40 << 20});
  Puller puller;
  expect_all_layers(puller, hub);
  cr_expect_eq(hub.log("blobs").size(), 1u);
}

Test(registry, goes_on_behind_what_is_there, .timeout = 300) {
  for (const char* option : {"--service=registry.docker.io", "--no-range"}) {  // the first changes nothing
    const HubProcess hub({option}, {5000});
    Puller puller;
    Result<Registry> from = puller.open(hub);
    std::string got;
    std::vector<BlobRequest> one(1);
    one[0].descriptor = Puller::describe(hub.layers()[0]);
    one[0].from = 3000;
    one[0].write = [&](uint64_t offset, std::string_view bytes) -> Result<> {
      cr_assert_eq(offset, 3000 + got.size());
      got += bytes;
      return {};
    };
    const Result<> done = Puller::fetch(from.value(), one);
    cr_expect(done.ok() && got == hub.layers()[0].bytes.substr(3000), "%s: %s", option,
              message(done).c_str());
    cr_expect_eq(hub.count("blobs", " bytes=3000-"), 1u);
  }
}

Test(registry, ranges_that_are_others, .timeout = 300) {
  const HubProcess hub({}, {5000});
  const std::pair<const char*, const char*> cases[] = {
      {R"({"Content-Range":"bytes 2999-4999/5000"})", "answers with another range than was asked for"},
      {R"({"Content-Range":"bytes 3000-4999/5001"})", "has 5001 bytes where the manifest says 5000"},
      {R"({"Content-Range":null})", "answers with another range than was asked for"},
      {R"({"Content-Length":"1999"})", "sends 1999 bytes of a range of 2000"}};
  for (const auto& [headers, want] : cases) {
    hub.fault(
        str::cat(R"({"match":"^blobs GET .*bytes=3000-","times":2,"do":"header","headers":)", headers, "}"));
    {  // it is asked for all of it then, and what was there already is passed over
      Puller puller;
      Result<Registry> from = puller.open(hub);
      std::string got;
      std::vector<BlobRequest> one(1);
      one[0].descriptor = Puller::describe(hub.layers()[0]);
      one[0].from = 3000;
      one[0].write = [&](uint64_t, std::string_view bytes) {
        got += bytes;
        return Result<>();
      };
      const Result<> done = Puller::fetch(from.value(), one);
      cr_expect(done.ok() && got == hub.layers()[0].bytes.substr(3000), "%s: %s", headers,
                message(done).c_str());
    }
    Puller puller;
    puller.options.tries = 1;
    Result<Registry> from = puller.open(hub);
    std::vector<BlobRequest> one(1);
    one[0].descriptor = Puller::describe(hub.layers()[0]);
    one[0].from = 3000;
    one[0].write = [](uint64_t, std::string_view) { return Result<>(); };
    expect_error(Puller::fetch(from.value(), one), Kind::protocol, want);
  }
}

Test(registry, the_user_may_stop_it, .timeout = 300) {
  const HubProcess hub;
  Puller puller;
  hub.fault(R"({"match":"registry GET","times":-1,"do":"stall","seconds":60})");
  int ticks = 0;
  puller.options.tick = [&]() -> Result<> {
    if (++ticks > 5) return Error(Kind::conflict, "stopped");
    return {};
  };
  expect_error(puller.manifest(hub), Kind::conflict, "stopped");
}

// Who cannot take the bytes ends the transfer with an error of its own, at once.
Test(registry, a_full_disk_is_not_retried, .timeout = 300) {
  const HubProcess hub({}, {5000});
  Puller puller;
  Result<Registry> from = puller.open(hub);
  std::vector<BlobRequest> one(1);
  one[0].descriptor = Puller::describe(hub.layers()[0]);
  one[0].write = [](uint64_t, std::string_view) -> Result<> { return Error(Kind::os, 28, "disk full"); };
  expect_error(Puller::fetch(from.value(), one), Kind::os, "disk full");
  cr_expect_eq(hub.log("blobs").size(), 1u);
}

// ---- TLS -------------------------------------------------------------------------------------------

static std::string make_ca() {
  char name[] = "/tmp/test-ca.XXXXXX";
  const std::string directory = ::mkdtemp(name);
  cr_assert_eq(::system(("tests/support/hub --make-ca " + directory).c_str()), 0);
  ::mkdir((directory + "/certs").c_str(), 0700);
  cr_assert_eq(::system(("cp " + directory + "/ca.crt " + directory + "/certs/").c_str()), 0);
  return directory;
}

Test(registry, tls_with_an_own_authority, .timeout = 300) {
  const std::string ca = make_ca();
  const HubProcess hub({"--tls", ca}, {5000});
  Puller puller;
  expect_error(puller.manifest(hub), Kind::denied,
               "the certificate of '" + hub.place("registry") + "' is not trusted");
  puller.options.cert_dir = ca + "/certs";
  expect_all_layers(puller, hub);
  // A redirect from https to plain http is not followed, whoever asks for it.
  hub.fault(R"({"match":"blobs GET","times":-1,"do":"redirect","to":"http://127.0.0.1:1/x"})");
  expect_error(puller.layers(hub), Kind::protocol, "redirects from https to plain http");
  // Nor is a token service without TLS asked.
  hub.fault(
      R"({"match":"registry","times":-1,"do":"status","status":401,"headers":{"WWW-Authenticate":"Bearer realm=\"http://127.0.0.1:1/token\""}})");
  expect_error(puller.manifest(hub), Kind::protocol, "names a token service without https");

  Puller careless;
  careless.options.tls_verify = false;
  const HubProcess again({"--tls", ca}, {5000});
  expect_all_layers(careless, again);
  Puller environment;
  environment.options.environment.ssl_cert_file = ca + "/ca.crt";
  expect_all_layers(environment, again);
  Puller misled;
  misled.options.cert_dir = ca + "/none";
  expect_error(misled.manifest(again), Kind::invalid, "does not exist");
  (void)!::system(("rm -rf --one-file-system " + ca).c_str());
}

Test(registry, certs_d_of_the_user, .timeout = 300) {
  const std::string ca = make_ca();
  const HubProcess hub({"--tls", ca}, {5000});
  Puller puller;
  const std::string own = ca + "/config/containers/certs.d/" + hub.place("registry");
  cr_assert_eq(::system(("mkdir -p " + own + " && cp " + ca + "/ca.crt " + own).c_str()), 0);
  puller.options.environment.xdg_config_home = ca + "/config";
  expect_all_layers(puller, hub);
  cr_assert_eq(::system(("cp " + ca + "/server.crt " + own + "/client.cert").c_str()), 0);
  expect_error(puller.manifest(hub), Kind::invalid, "client.cert' has no 'client.key' beside it");
  (void)!::system(("rm -rf --one-file-system " + ca).c_str());
}

Test(registry, nobody_there, .timeout = 300) {
  Puller puller;
  const auto manifest_of = [&](const char* image) -> Result<Fetched> {
    Registry from = TRY(Registry::open(reference::parse(image).take(), puller.options));
    return from.read_manifest("latest");
  };
  expect_error(manifest_of("127.0.0.1:1/x"), Kind::network, "cannot reach '127.0.0.1:1': ");
  expect_error(manifest_of("no-such-host.invalid/x"), Kind::network, "its name cannot be resolved");
}
