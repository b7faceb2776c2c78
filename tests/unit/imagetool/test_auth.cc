// Challenges, tokens, and where credentials come from.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "imagetool/limits.h"
#include "imagetool/registry/auth.h"
#include "imagetool/registry/certificates.h"
#include "imagetool/registry/credentials.h"
#include "tests/unit/support/expect.h"

// ---- WWW-Authenticate ------------------------------------------------------------------------------

static std::string show(const Result<std::vector<auth::Challenge>>& r) {
  if (!r.ok()) return r.error().kind == Kind::protocol ? "error" : "wrong kind of error";
  std::string out;
  for (const auth::Challenge& c : r.value()) {
    out += (out.empty() ? "" : " | ") + c.scheme;
    for (const auto& [name, value] : c.parameters) out += " " + name + "=" + value;
  }
  return out;
}

Test(challenge, parses) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"Bearer "
       "realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/"
       "a:pull\"",
       "bearer realm=https://auth.docker.io/token scope=repository:library/a:pull "
       "service=registry.docker.io"},
      {"Bearer realm = \"x\" , service = \"y\"", "bearer realm=x service=y"},
      {"bearer\trealm=\"x\"", "bearer realm=x"},
      {"BEARER REALM=\"x\"", "bearer realm=x"},
      {"Basic realm=\"Registry Realm\"", "basic realm=Registry Realm"},
      {"Basic", "basic"},
      {"  Basic  ", "basic"},
      {"Basic realm=x", "basic realm=x"},
      {"Bearer realm=https://a.b/token?x=1,service=s", "error"},  // '?' needs quotes
      {"Bearer realm=https://a.b/token,service=s", "bearer realm=https://a.b/token service=s"},
      {"Basic realm=\"a\", Bearer realm=\"b\"", "basic realm=a | bearer realm=b"},
      {"Bearer realm=\"b\",service=\"s\", Basic realm=\"a\"", "bearer realm=b service=s | basic realm=a"},
      {"Basic, Bearer realm=\"b\"", "basic | bearer realm=b"},
      {"Negotiate, Basic realm=\"a\"", "negotiate | basic realm=a"},
      {"Negotiate YIIab/+=, Basic realm=\"a\"", "negotiate =YIIab/+= | basic realm=a"},
      {",, Basic realm=\"a\",,", "basic realm=a"},
      {"Bearer realm=\"a\\\"b\\\\c\"", "bearer realm=a\"b\\c"},
      {"Bearer realm=\"a,b=c\"", "bearer realm=a,b=c"},
      {"Bearer scope=\"\",realm=\"x\"", "bearer realm=x scope="},
      {"Bearer scope=\"repository:a:pull repository:b:pull\"",
       "bearer scope=repository:a:pull repository:b:pull"},
      {"Bearer realm=\"x\",error=\"insufficient_scope\"", "bearer error=insufficient_scope realm=x"},
      {"", ""},
      {" , ", ""},
      {"Bearer realm=\"x", "error"},
      {"Bearer realm=\"x\\", "error"},
      {"Bearer realm=\"x\",realm=\"y\"", "error"},
      {"Bearer realm=\"x\" service=\"y\"", "error"},
      {"Bearer realm=\"x\"service=\"y\"", "error"},
      {"Bearer=x", "error"},
      {"\"Bearer\"", "error"},
      {"=x", "error"},
      {"Bearer realm=\"x\",,service=\"y\"", "bearer realm=x service=y"},
      {"Bearer (x)", "error"},
  };
  for (const auto& c : cases) {
    expect_text(show(auth::parse_challenges(c.in)), c.want, c.in);
  }
}

// ---- tokens ----------------------------------------------------------------------------------------

Test(token, parses) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {R"({"token":"abc"})", "abc 60"},
      {R"({"access_token":"abc","expires_in":300})", "abc 300"},
      {R"({"token":"a","access_token":"b","expires_in":1})", "a 1"},
      {R"({"token":"","access_token":"b"})", "b 60"},
      {R"({"token":"a","expires_in":0})", "a 60"},
      {R"({"token":"a","expires_in":-5})", "a 60"},
      {R"({"token":"a","expires_in":"300"})", "a 60"},
      {R"({"token":"a","expires_in":99999999999})", "a 86400"},
      {R"({"token":"a\r\nX-Evil: 1"})",
       "the token service's answer holds a token with blanks or control characters"},
      {R"({"token":"a b"})", "the token service's answer holds a token with blanks or control characters"},
      {R"({"token":7})", "the token service's answer holds no token"},
      {R"({})", "the token service's answer holds no token"},
      {R"([])", "the token service's answer holds no token"},
      {"<html>", "the token service's answer is no JSON"},
      {"", "the token service's answer is no JSON"},
  };
  for (const auto& c : cases) {
    const Result<auth::Token> r = auth::parse_token(c.in);
    expect_text(r.ok() ? r.value().text + " " + std::to_string(r.value().lifetime_s) : r.error().message,
                c.want, c.in);
  }
}

// ---- credentials -----------------------------------------------------------------------------------

namespace {

// Knows "suffix host" → user:secret; counts what it was asked.
struct FakeHelper final : credentials::Helper {
  std::map<std::string, std::string> known;
  std::vector<std::string> asked;
  Result<std::optional<credentials::Credential>> get(const std::string& suffix,
                                                     const std::string& host) override {
    asked.push_back(suffix + " " + host);
    const auto found = known.find(asked.back());
    if (found == known.end()) return std::optional<credentials::Credential>();
    credentials::Credential pair = TRY(credentials::parse_pair(found->second));
    return std::optional(pair);
  }
};

std::string show(const Result<std::optional<credentials::Credential>>& r) {
  if (!r.ok()) return "error: " + r.error().message;
  if (!r.value()) return "none";
  if (!r.value()->identity_token.empty()) return "identity " + r.value()->identity_token;
  return r.value()->user + ":" + r.value()->password;
}

std::string look(const char* file, const char* image, FakeHelper& helper) {
  const Result<Reference> reference = reference::parse(image);
  return show(credentials::find_in(file, reference.value(), helper));
}

}  // namespace

Test(credentials, are_found_in_a_file) {
  // dTpw = u:p   bjpx = n:q   eDp5Onp6 = x:y:zz
  const struct {
    const char *file, *image, *want;
  } cases[] = {
      {R"({"auths":{"quay.io":{"auth":"dTpw"}}})", "quay.io/a/b", "u:p"},
      {R"({"auths":{"quay.io":{"auth":"eDp5Onp6"}}})", "quay.io/a/b", "x:y:zz"},
      {R"({"auths":{"quay.io":{"auth":"dTpw"}}})", "ghcr.io/a/b", "none"},
      {R"({"auths":{"quay.io":{"auth":"dTpw"},"quay.io/a":{"auth":"bjpx"}}})", "quay.io/a/b", "n:q"},
      {R"({"auths":{"quay.io/a/b":{"auth":"dTpw"},"quay.io/a":{"auth":"bjpx"}}})", "quay.io/a/b", "u:p"},
      {R"({"auths":{"quay.io/a/b":{"auth":"dTpw"}}})", "quay.io/a/bc", "none"},
      {R"({"auths":{"quay.io/a":{"auth":"dTpw"}}})", "quay.io/ab/c", "none"},
      {R"({"auths":{"https://quay.io/v1/":{"auth":"dTpw"}}})", "quay.io/a", "u:p"},
      {R"({"auths":{"http://localhost:5000":{"auth":"dTpw"}}})", "localhost:5000/a", "u:p"},
      {R"({"auths":{"localhost:5000":{"auth":"dTpw"}}})", "localhost:5001/a", "none"},
      {R"({"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}})", "hello-world", "u:p"},
      {R"({"auths":{"index.docker.io":{"auth":"dTpw"}}})", "hello-world", "u:p"},
      {R"({"auths":{"docker.io":{"auth":"dTpw"}}})", "hello-world", "u:p"},
      {R"({"auths":{"registry-1.docker.io":{"auth":"dTpw"}}})", "hello-world", "u:p"},
      {R"({"auths":{"docker.io/org":{"auth":"bjpx"},"docker.io":{"auth":"dTpw"}}})", "org/app", "n:q"},
      {R"({"auths":{"docker.io.evil.example":{"auth":"dTpw"}}})", "hello-world", "none"},
      {R"({"auths":{"quay.io":{"auth":"dTpw","identitytoken":"tok"}}})", "quay.io/a", "identity tok"},
      {R"({"auths":{"quay.io":{"username":"u2","password":"p2"}}})", "quay.io/a", "u2:p2"},
      {R"({"auths":{"quay.io":{"username":"<token>","password":"p2"}}})", "quay.io/a", "identity p2"},
      {R"({"auths":{"quay.io":{"username":"<token>"}}})", "quay.io/a",
       "error: auths['quay.io']: user '<token>' without a token"},
      {R"({"auths":{"quay.io":{"auth":"PHRva2VuPjo="}}})", "quay.io/a",
       "error: auths['quay.io'].auth: user '<token>' without a token"},
      {R"({"auths":{"quay.io":{}}})", "quay.io/a", "none"},
      {R"({"auths":{"quay.io":{"auth":""}}})", "quay.io/a", "none"},
      {R"({"auths":{"quay.io":{"auth":"","username":"u2","password":"p2"}}})", "quay.io/a", "u2:p2"},
      {R"({"auths":{"quay.io":{"auth":"","username":"","password":"p2"}}})", "quay.io/a", "none"},
      {R"({"auths":{"quay.io":{"auth":"","identitytoken":""}}})", "quay.io/a", "none"},
      {R"({"auths":{"quay.io/a":{"auth":""},"quay.io":{"auth":"dTpw"}}})", "quay.io/a", "u:p"},
      {R"({"auths":{"quay.io":{"auth":"dTo="}}})", "quay.io/a", "u:"},
      // ":", ":p": docker refuses them as well.
      {R"({"auths":{"quay.io":{"auth":"Og=="}}})", "quay.io/a",
       "error: auths['quay.io'].auth: expected user:password"},
      {R"({"auths":{"quay.io":{"auth":"OnA="}}})", "quay.io/a",
       "error: auths['quay.io'].auth: expected user:password"},
      {R"({"auths":{}})", "quay.io/a", "none"},
      {"{}", "quay.io/a", "none"},
      {"", "quay.io/a", "none"},
      {R"({"auths":{"quay.io":{"auth":"!!!!"}}})", "quay.io/a",
       "error: auths['quay.io']: its 'auth' is not base64"},
      {R"({"auths":{"quay.io":{"auth":"dQ=="}}})", "quay.io/a",
       "error: auths['quay.io'].auth: expected user:password"},
      {R"({"auths":{"quay.io":7}})", "quay.io/a", "error: auths['quay.io']: expected an object"},
      {R"({"auths":7})", "quay.io/a", "error: auths: expected an object"},
      {"[]", "quay.io/a", "error: expected an object"},
  };
  for (const auto& c : cases) {
    FakeHelper helper;
    expect_text(look(c.file, c.image, helper), c.want, c.file);
  }
}

Test(credentials, come_from_helpers) {
  FakeHelper helper;
  helper.known = {
      {"pass quay.io", "h:1"}, {"ecr x.example", "e:2"}, {"pass https://index.docker.io/v1/", "d:3"}};
  const char* both = R"({"credsStore":"pass","credHelpers":{"x.example":"ecr"},"auths":{"quay.io":{}}})";
  cr_expect(look(both, "quay.io/a", helper) == "h:1");
  cr_expect(look(both, "x.example/a", helper) == "e:2");
  cr_expect(look(both, "hello-world", helper) == "d:3");
  helper.asked.clear();
  cr_expect(look(both, "other.example/a", helper) == "none");
  cr_expect_eq(helper.asked.size(), 1u);
  // A secret in the file is used before the general store is asked.
  helper.asked.clear();
  cr_expect(look(R"({"credsStore":"pass","auths":{"quay.io":{"auth":"dTpw"}}})", "quay.io/a", helper) ==
            "u:p");
  cr_expect(helper.asked.empty());
  const std::string evil = look(R"({"credsStore":"../../tmp/x"})", "quay.io/a", helper);
  cr_expect(evil == "error: '../../tmp/x' is not the name of a credential helper", "%s", evil.c_str());
}

Test(credentials, files_in_order) {
  Environment environment{.home = "/h", .uid = 7};
  const std::vector<std::string> plain = {"/run/containers/7/auth.json", "/h/.config/containers/auth.json",
                                          "/h/.docker/config.json"};
  cr_expect(credentials::files(environment) == plain);
  environment.xdg_runtime_dir = "/r";
  environment.xdg_config_home = "/c";
  environment.docker_config = "/d";
  const std::vector<std::string> set = {"/r/containers/auth.json", "/c/containers/auth.json",
                                        "/d/config.json"};
  cr_expect(credentials::files(environment) == set);
  cr_expect(credentials::files({.uid = 0}).size() == 1);
}

namespace {

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/test-auth.XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Directory() { (void)!::system(("rm -rf --one-file-system " + path).c_str()); }
  std::string put(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string file = path + "/" + name;
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    (void)!::write(fd, text.data(), text.size());
    ::close(fd);
    return file;
  }
};

}  // namespace

Test(credentials, end_to_end) {
  const Directory dir;
  const Reference image = reference::parse("quay.io/a/b").take();
  const Environment environment{
      .home = dir.path, .path = dir.path, .xdg_runtime_dir = dir.path, .all = {"MARK=yes"}};
  (void)!::system(("mkdir -p " + dir.path + "/containers " + dir.path + "/.docker").c_str());

  cr_expect(show(credentials::find(environment, {}, image)) == "none");
  cr_expect(show(credentials::find(environment, {.given = "me:pw:x"}, image)) == "me:pw:x");
  cr_expect(show(credentials::find(environment, {.given = "me"}, image)) ==
            "error: --creds: expected user:password");
  const std::string missing = show(credentials::find(environment, {.auth_file = dir.path + "/no"}, image));
  cr_expect(missing == "error: the credentials file '" + dir.path + "/no' does not exist", "%s",
            missing.c_str());

  // Through a real program: its input is the host, it sees our environment.
  dir.put("docker-credential-test",
          "#!/bin/sh\nread host\n[ \"$1\" = get ] && [ \"$MARK\" = yes ] || exit 3\n"
          "case $host in quay.io) echo '{\"ServerURL\":\"q\",\"Username\":\"prog\",\"Secret\":\"s\"}' ;;\n"
          "*) echo 'credentials not found in native keychain'; exit 1 ;; esac\n",
          0755);
  dir.put(".docker/config.json", R"({"credsStore":"test"})");
  Result<std::optional<credentials::Credential>> from_program = credentials::find(environment, {}, image);
  cr_expect(show(from_program) == "prog:s", "%s", show(from_program).c_str());
  cr_expect(from_program.value()->source == "'docker-credential-test'");
  cr_expect(show(credentials::find(environment, {}, reference::parse("ghcr.io/a").take())) == "none");

  // An earlier file goes first; what is broken is named.
  const std::string first = dir.put("containers/auth.json", R"({"auths":{"quay.io":{"auth":"dTpw"}}})");
  cr_expect(show(credentials::find(environment, {}, image)) == "u:p");
  dir.put("containers/auth.json", "{\"auths\":");
  const std::string broken = show(credentials::find(environment, {}, image));
  cr_expect(broken.starts_with("error: credentials in '" + first + "'"), "%s", broken.c_str());

  dir.put("containers/auth.json", R"({"credHelpers":{"quay.io":"absent"}})");
  const std::string absent = show(credentials::find(environment, {}, image));
  cr_expect(absent.find("'docker-credential-absent' is not in PATH") != std::string::npos, "%s",
            absent.c_str());
}

// What docker and skopeo take for nothing is nothing: the next file is looked at.
Test(credentials, a_helper_without_an_answer) {
  const Directory dir;
  const Reference image = reference::parse("quay.io/a/b").take();
  const Environment environment{.home = dir.path, .path = dir.path, .xdg_runtime_dir = dir.path};
  (void)!::system(("mkdir -p " + dir.path + "/containers " + dir.path + "/.docker").c_str());
  dir.put("containers/auth.json", R"({"credHelpers":{"quay.io":"test"}})");
  const struct {
    const char *answer, *want;
  } cases[] = {
      {R"({"ServerURL":"q","Username":"","Secret":""})", "none"},
      {R"({"ServerURL":"q","Username":"u","Secret":""})", "none"},
      {R"({"ServerURL":"q","Username":"","Secret":"s"})", "none"},
      {R"({"ServerURL":"","Username":"u","Secret":"s"})", "u:s"},
      {R"({"Username":"<token>","Secret":"s"})", "identity s"},
      {R"({"Username":"<token>","Secret":""})",
       "error: 'docker-credential-test' answered with: user '<token>' without a token"},
      {R"({"Username":"u"})", "error: 'docker-credential-test' answered without Username and Secret"},
      {R"({"Username":"u","Secret":7})",
       "error: 'docker-credential-test' answered without Username and Secret"},
      {"{}", "error: 'docker-credential-test' answered without Username and Secret"},
      {"", "error: 'docker-credential-test' answered with what is no JSON"},
  };
  for (const auto& c : cases) {
    dir.put("docker-credential-test", str::cat("#!/bin/sh\nread host\necho '", c.answer, "'\n"), 0755);
    std::string got = show(credentials::find(environment, {}, image));
    const size_t at = got.find("'docker-cred");  // behind the file's name
    if (at != std::string::npos) got = "error: " + got.substr(at);
    expect_text(got, c.want, c.answer);
  }
  dir.put("docker-credential-test", "#!/bin/sh\necho '{\"Username\":\"\",\"Secret\":\"\"}'\n", 0755);
  dir.put(".docker/config.json", R"({"auths":{"quay.io":{"auth":"dTpw"}}})");
  expect_text(show(credentials::find(environment, {}, image)), "u:p");
}

Test(credentials, are_limited) {
  const Directory dir;
  const Reference image = reference::parse("quay.io/a/b").take();
  const std::string large = dir.put("large.json", "{\"x\":\"" + std::string(limits::kAuthFile, 'x') + "\"}");
  const std::string said = show(credentials::find({}, {.auth_file = large}, image));
  cr_expect(said.find(str::cat("larger than ", limits::kAuthFile, " bytes")) != std::string::npos, "%s",
            said.c_str());
}

Test(certificates, are_limited) {
  const Directory dir;
  const http::Origin origin{.scheme = "https", .host = "quay.io", .port = 443};
  const auto found = [&] {
    const Result<http::Tls> tls = certificates::find({}, dir.path, {}, origin);
    return tls.ok() ? "ok" : tls.error().message;
  };
  const std::string three = "-----BEGIN CERTIFICATE-----" + std::string(3 << 20, 'x');
  dir.put("a.crt", three);
  expect_text(found(), "ok");
  dir.put("b.crt", three);
  expect_text(found(), str::cat("the certificates in '", dir.path, "' are larger than 4194304 bytes"));
  dir.put("a.crt", three + three);
  const std::string one = found();
  cr_expect(one.find("larger than 4194304 bytes") != std::string::npos, "%s", one.c_str());
}

Test(credentials, basic_header) {
  const struct {
    const char *user, *password, *want;
  } cases[] = {{"u", "p", "Basic dTpw"},
               {"x", "y:zz", "Basic eDp5Onp6"},
               {"a", "", "Basic YTo="},
               {"ab", "", "Basic YWI6"}};
  for (const auto& c : cases) {
    expect_text(auth::basic({.user = c.user, .password = c.password}), c.want);
  }
}
