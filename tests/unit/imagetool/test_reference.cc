// References: every short form, and every way to get one wrong with its message.
#include <criterion/criterion.h>

#include <string>

#include "imagetool/registry/reference.h"
#include "tests/unit/support/expect.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static std::string show(const Result<Reference>& r) {
  if (!r.ok()) return "error: " + r.error().message;
  return r.value().registry + " " + r.value().repository + " " + r.value().tag +
         (r.value().tag_given ? "!" : "") +
         (r.value().digest.empty() ? "" : " " + r.value().digest.text().substr(0, 11));
}

Test(reference, parses) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"hello-world", "docker.io library/hello-world latest"},
      {"alpine:3.20", "docker.io library/alpine 3.20!"},
      {"library/alpine", "docker.io library/alpine latest"},
      {"org/app", "docker.io org/app latest"},
      {"org/team/app:1", "docker.io org/team/app 1!"},
      {"docker.io/hello-world", "docker.io library/hello-world latest"},
      {"docker.io/library/hello-world", "docker.io library/hello-world latest"},
      {"index.docker.io/hello-world:x", "docker.io library/hello-world x!"},
      {"index.docker.io/org/app", "docker.io org/app latest"},
      {"quay.io/org/app", "quay.io org/app latest"},
      {"quay.io/app", "quay.io app latest"},
      {"localhost/app", "localhost app latest"},
      {"localhost:5000/app", "localhost:5000 app latest"},
      {"localhost:5000/app:v1", "localhost:5000 app v1!"},
      {"localhost:5000", "docker.io library/localhost 5000!"},  // a tag, as docker reads it
      {"myhost/app", "docker.io myhost/app latest"},
      {"myhost:80/app", "myhost:80 app latest"},
      {"127.0.0.1:5000/a/b:c", "127.0.0.1:5000 a/b c!"},
      {"[::1]:5000/app", "[::1]:5000 app latest"},
      {"[::1]/app:t", "[::1] app t!"},
      {"[fe80::1]:443/a/b@sha256:" HEX64, "[fe80::1]:443 a/b  sha256:0123"},
      {"alpine@sha256:" HEX64, "docker.io library/alpine  sha256:0123"},
      {"alpine:3.20@sha256:" HEX64, "docker.io library/alpine 3.20! sha256:0123"},
      {"ghcr.io/a/b@sha512:" HEX64 HEX64, "ghcr.io a/b  sha512:0123"},
      {"a", "docker.io library/a latest"},
      {"a.b/c", "a.b c latest"},
      {"a__b", "docker.io library/a__b latest"},
      {"a_b.c-d---e", "docker.io library/a_b.c-d---e latest"},
      {"Reg.Example.COM/app", "Reg.Example.COM app latest"},
      {"x:_t", "docker.io library/x _t!"},
      {"x:A.b-C_d", "docker.io library/x A.b-C_d!"},
      {"0/0:0", "docker.io 0/0 0!"},
      {HEX64 "0", "docker.io library/" HEX64 "0 latest"},
  };
  for (const auto& c : cases) {
    expect_text(show(reference::parse(c.in)), c.want, c.in);
  }
}

Test(reference, refuses) {
  const std::string long_name(256, 'a');
  const std::string long_tag = "x:" + std::string(129, 't');
  const struct {
    std::string in, want;  // `want`: what the message must hold
  } cases[] = {
      {"", "an image name is empty"},
      {"Hello-World", "'Hello-World': repository names are lower case: did you mean 'library/hello-world'?"},
      {"UPPER/case", "'UPPER/case': repository names are lower case: did you mean 'upper/case'?"},
      {"quay.io/Org/app", "did you mean 'org/app'?"},
      {"https://quay.io/app", "has no scheme: leave out 'https://'"},
      {"docker://alpine", "leave out 'docker://'"},
      {HEX64, "64 hex digits are an image id, not a name"},
      {"a:", "'' is not a tag"},
      {"a:-b", "'-b' is not a tag"},
      {"a:.b", "'.b' is not a tag"},
      {"a:b/c:d", "'a:b' is not a host name with an optional port"},
      {long_tag, "is not a tag"},
      {long_name, "longer than 255"},
      {"a//b", "'' is not a part of a repository name"},
      {"/a", "'' is not a part of a repository name"},
      {"a/", "'' is not a part of a repository name"},
      {"quay.io/", "no repository name in it"},
      {"-a", "'-a' is not a part of"},
      {"a-", "'a-' is not a part of"},
      {"a..b", "is not a part of"},
      {"a___b", "is not a part of"},
      {"a._b", "is not a part of"},
      {"a b", "is not a part of"},
      {"a\nb", "'a\\nb'"},
      {"../../etc/passwd", "not a host name"},
      {"a/../b", "'..' is not a part of"},
      {"a@sha256:abc", "digest"},
      {"a@sha256:"
       "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
       "digest"},
      {"a@md5:0123", "digest"},
      {"a@", "digest"},
      {"host:99999/a", "not a host name with an optional port"},
      {"host:/a", "not a host name with an optional port"},
      {"host:0/a", "not a host name with an optional port"},
      {"-h.example/a", "not a host name with an optional port"},
      {"h..example/a", "not a host name with an optional port"},
      {"[::1/a", "not a host name with an optional port"},
      {"[::1]x:1/a", "not a host name with an optional port"},
      {"[]:5/a", "not a host name with an optional port"},
      {"user@host/a", "digest"},
      {std::string(2000, 'a'), "longer than any image name"},
      {"caf\xc3\xa9", "is not a part of"},
  };
  for (const auto& c : cases) {
    const Result<Reference> got = reference::parse(c.in);
    cr_expect(!got.ok(), "'%s' should be refused", c.in.c_str());
    if (got.ok()) continue;
    cr_expect(got.error().kind == Kind::invalid);
    cr_expect(got.error().message.find(c.want) != std::string::npos, "%s: %s", c.in.c_str(),
              got.error().message.c_str());
  }
}

Test(reference, prints) {
  const struct {
    const char *in, *text, *familiar, *familiar_name, *wanted;
  } cases[] = {
      {"hello-world", "docker.io/library/hello-world:latest", "hello-world:latest", "hello-world", "latest"},
      {"docker.io/library/a:1", "docker.io/library/a:1", "a:1", "a", "1"},
      {"org/app", "docker.io/org/app:latest", "org/app:latest", "org/app", "latest"},
      {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "library/a/b", "latest"},
      {"quay.io/library/a", "quay.io/library/a:latest", "quay.io/library/a:latest", "quay.io/library/a",
       "latest"},
      {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest", "docker.io/a.b/c", "latest"},
      {"a@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64, "a@sha256:" HEX64, "a", "sha256:" HEX64},
      {"a:1@sha256:" HEX64, "docker.io/library/a:1@sha256:" HEX64, "a:1@sha256:" HEX64, "a", "sha256:" HEX64},
  };
  for (const auto& c : cases) {
    const Result<Reference> parsed = reference::parse(c.in);
    cr_assert(parsed.ok(), "%s", c.in);
    const Reference& r = parsed.value();
    expect_text(r.text(), c.text, c.in);
    expect_text(r.familiar(), c.familiar, c.in);
    expect_text(r.familiar_name(), c.familiar_name, c.in);
    expect_text(r.wanted(), c.wanted, c.in);
    // What is printed parses to the same.
    for (const std::string& again : {r.text(), r.familiar()}) {
      Result<Reference> second = reference::parse(again);
      cr_expect(second.ok() && second.value().text() == r.text(), "%s", again.c_str());
    }
  }
}
