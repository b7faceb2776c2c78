// URLs, waits, and the sentences that answers become.  No network.
#include <criterion/criterion.h>

#include <string>

#include "imagetool/registry/answers.h"
#include "imagetool/registry/exchange.h"
#include "imagetool/registry/url.h"
#include "tests/unit/support/expect.h"

static std::string show(const Result<http::Url>& r) {
  if (!r.ok()) return "error";
  return r.value().origin.text() + " " + r.value().target;
}

Test(url, parses) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"https://a.example", "https://a.example /"},
      {"https://a.example:443/x", "https://a.example /x"},
      {"https://a.example:444/x?y=z", "https://a.example:444 /x?y=z"},
      {"http://a.example:80/", "http://a.example /"},
      {"http://[::1]:5000/v2/", "http://[::1]:5000 /v2/"},
      {"HTTPS://A.Example/X", "https://a.example /X"},
      {"https://a.example/x#fragment", "https://a.example /x"},
      {"ftp://a.example/", "error"},
      {"file:///etc/passwd", "error"},
      {"a.example/x", "error"},
      {"/x", "error"},
      {"https://user:pw@a.example/", "error"},
      {"https://user@a.example/", "error"},
      {"https://a.example:0/", "error"},
      {"https://a.example:65536/", "error"},
      {"https:///x", "https://x /"},  // curl reads it so, and would go there
      {"https://", "error"},
      {"https://a.example/ x", "error"},
      {"https://a.example/\r\nX: y", "error"},
      {"", "error"},
  };
  for (const auto& c : cases) expect_text(show(http::Url::parse(c.in)), c.want, c.in);
  cr_expect(!http::Url::parse("https://a.example/" + std::string(20'000, 'x')).ok());
}

Test(url, resolves) {
  const http::Url base = http::Url::parse("https://a.example/v2/x/blobs/y?q=1").take();
  const struct {
    const char *in, *want;
  } cases[] = {
      {"https://b.example/z", "https://b.example /z"},
      {"/z?a=b", "https://a.example /z?a=b"},
      {"z", "https://a.example /v2/x/blobs/z"},
      {"../z", "https://a.example /v2/x/z"},
      {"//c.example/z", "https://c.example /z"},
      {"http://a.example/z", "http://a.example /z"},
      {"ftp://b.example/", "error"},
      {"https://user@b.example/", "error"},
      {"https://b.example\\@c.example/", "error"},
  };
  for (const auto& c : cases) {
    const std::string got = show(base.resolve(c.in));
    expect_text(got, c.want, c.in);
  }
}

Test(origin, knows_loopback) {
  const struct {
    const char* url;
    bool want;
  } cases[] = {
      {"http://localhost:5000", true},     {"http://x.localhost", true},        {"http://127.0.0.1", true},
      {"http://127.255.3.4:99", true},     {"http://[::1]:5000", true},         {"http://128.0.0.1", false},
      {"http://127.0.0.1.example", false}, {"http://localhost.example", false}, {"http://[::2]", false},
      {"http://127.0.0.256", false},
  };
  for (const auto& c : cases) {
    const Result<http::Url> url = http::Url::parse(c.url);
    cr_expect(url.ok() ? url.value().origin.loopback() == c.want : !c.want, "%s", c.url);
  }
}

Test(http, escapes) {
  expect_text(http::escape("repository:a/b:pull,push x&y"), "repository%3Aa%2Fb%3Apull%2Cpush%20x%26y");
  expect_text(http::escape("AZaz09-._~"), "AZaz09-._~");
  expect_text(http::escape("\xc3\xa9\n"), "%C3%A9%0A");
}

Test(http, retry_after) {
  const clocks::Stamp now{784111717, 0};  // 60 s before the date below
  const struct {
    const char* in;
    int64_t want;  // -1: none
  } cases[] = {
      {"0", 0},
      {"7", 7},
      {" 120 ", 120},
      {"4294967295", 4294967295},
      {"4294967296", 4294967295},
      {"99999999999999999999999999", 4294967295},
      {"-1", -1},
      {"1.5", -1},
      {"soon", -1},
      {"", -1},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 60},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 60},
      {"Sun, 06 Nov 1994 08:48:00 GMT", 0},
      {"Sun, 99 Nov 1994 08:49:37 GMT", -1},
  };
  for (const auto& c : cases) {
    const auto got = http::retry_after(c.in, now);
    cr_expect_eq(got.value_or(-1), c.want, "%s: %ld", c.in, static_cast<long>(got.value_or(-1)));
  }
}

static http::Answer made(int status, const std::string& body, const std::string& name = "",
                         const std::string& value = "") {
  http::Answer answer{.response = {.status = status}, .body = body};
  if (!name.empty()) answer.response.headers.add(name, value);
  return answer;
}

Test(answers, become_sentences) {
  const answers::Context image{.registry = "docker.io", .repository = "library/nope", .what = "nope:1"};
  const struct {
    http::Answer answer;
    Kind kind;
    const char* want;
  } cases[] = {
      {made(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"), Kind::not_found,
       "image 'nope:1' does not exist on 'docker.io': check the name and the tag"},
      {made(404, R"({"errors":[{"code":"NAME_UNKNOWN"}]})"), Kind::not_found,
       "repository 'library/nope' does not exist on 'docker.io': check the name"},
      {made(404, "<html>"), Kind::not_found,
       "image 'nope:1' does not exist on 'docker.io': check the name and the tag"},
      {made(401, R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"), Kind::denied,
       "repository 'library/nope' of 'docker.io' does not exist or needs a login ('authentication "
       "required'): check the name, "
       "log in with podman or docker, or use --creds"},
      {made(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})", "ratelimit-limit",
            "100;w=21600"),
       Kind::network,
       "'docker.io' takes no more requests for the time being (429, 100 pulls in 6 h are allowed) ('slow "
       "down'): wait, or log "
       "in for a larger quota"},
      {made(429, "", "retry-after", "600"), Kind::network,
       "'docker.io' takes no more requests for the time being (429): wait 600 s, or log in for a larger "
       "quota"},
      {made(503, "busy"), Kind::network, "'docker.io' has trouble, status 503: try again later"},
      {made(418, R"({"errors":[{"code":"TEAPOT","message":"\u001b[31mred"}]})"), Kind::protocol,
       "'docker.io' answers with status 418 ('\\x1b[31mred') when asked for 'nope:1'"},
      {made(400, R"({"errors":{}})"), Kind::protocol,
       "'docker.io' answers with status 400 when asked for 'nope:1'"},
      {made(400, R"({"errors":[]})"), Kind::protocol,
       "'docker.io' answers with status 400 when asked for 'nope:1'"},
  };
  for (const auto& c : cases) {
    const Error got = answers::explain(c.answer, image);
    expect_text(got.message, c.want);
    cr_expect(got.kind == c.kind, "%s", c.want);
  }
}

Test(answers, know_who_is_asking) {
  const answers::Context context{
      .registry = "r.example", .repository = "a/b", .what = "blob 0123456789ab", .user = "user 'bob'"};
  expect_text(answers::explain(made(403, R"({"errors":[{"message":"\u009b31mno"}]})"), context).message,
              "repository 'a/b' of 'r.example' does not exist, or user 'bob' has no access to it "
              "('\\xc2\\x9b31mno')");
  http::Answer elsewhere = made(403, "<Error>Request has expired</Error>");
  elsewhere.redirected = true;
  const Error refused = answers::explain(elsewhere, context);
  cr_expect(refused.kind == Kind::network);
  expect_text(refused.message,
              "blob 0123456789ab is refused where 'r.example' keeps its data (403): try again later");
}

Test(answers, encodings) {
  cr_expect(answers::check_encoding(made(200, "").response).ok());
  cr_expect(answers::check_encoding(made(200, "", "content-encoding", "Identity").response).ok());
  const Result<> packed = answers::check_encoding(made(200, "", "content-encoding", "gzip").response);
  cr_assert(!packed.ok());
  expect_text(packed.error().message,
              "its answer is packed with 'gzip', which was not asked for: is there a proxy in the way?");
}

Test(answers, manifest_types) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.index.v1+json"},
      {"Application/VND.oci.image.manifest.v1+JSON; charset=utf-8",
       "application/vnd.oci.image.manifest.v1+json"},
      {"application/vnd.docker.distribution.manifest.list.v2+json",
       "application/vnd.docker.distribution.manifest.list.v2+json"},
      {"", ""},
      {"application/json", ""},
      {"application/octet-stream", ""},
      {"text/plain; charset=utf-8", ""},
      {"text/html", "error: its answer is 'text/html' and no image manifest: is it a registry?"},
      {"application/vnd.docker.distribution.manifest.v1+prettyjws",
       "error: the image is in Docker's schema 1 form from before 2016: push it again with a newer docker"},
  };
  for (const auto& c : cases) {
    const Result<std::string> r = answers::manifest_type(c.in);
    expect_text(r.ok() ? r.value() : "error: " + r.error().message, c.want, c.in);
  }
}

Test(answers, warnings) {
  expect_text(answers::warning("299 - \"this tag goes away\""), "this tag goes away");
  expect_text(answers::warning("299 - \"a \\\"b\\\"\""), "a \"b\"");
  expect_text(answers::warning("299 - \"x\x1by\""), "x\\x1by");
  expect_text(answers::warning("110 - \"stale\""), "");
  expect_text(answers::warning("299 - open"), "");
}
