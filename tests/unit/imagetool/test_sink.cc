#include <criterion/criterion.h>

#include "imagetool/layers/sink.h"
#include "tests/unit/support/expect.h"

namespace {

constexpr const char* kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string show(const Result<>& r) { return r.ok() ? "ok" : r.error().message; }

oci::Descriptor abc(uint64_t size = 3) { return {.digest = oci::Digest::parse(kAbc).take(), .size = size}; }

}  // namespace

Test(sink, verifier) {
  StringSink out;
  Verifier good(abc(), out);
  cr_assert(good.write("a").ok());
  cr_assert(good.write("bc").ok());
  expect_text(show(good.finish()), "ok");
  expect_text(out.text(), "abc");

  StringSink more;
  Verifier larger(abc(), more);
  expect_text(show(larger.write("abcd")), "is larger than the 3 bytes its descriptor announces");
  expect_text(more.text(), "");

  NullSink none;
  Verifier shorter(abc(), none);
  cr_assert(shorter.write("ab").ok());
  expect_text(show(shorter.finish()), "ends after 2 of the 3 bytes its descriptor announces");

  Verifier other(abc(), none);
  cr_assert(other.write("abd").ok());
  cr_expect(
      show(other.finish())
          .starts_with("has the digest "
                       "sha256:a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9 instead of "),
      "%s", show(other.finish()).c_str());
}

Test(sink, hashers) {
  Hasher sha512("sha512");
  sha512.update("abc");
  cr_expect(sha512.finish().take().text().starts_with("sha512:ddaf35a193617abacc417349ae204131"));
  expect_text(Hasher("md5").finish().error().message, "the digest algorithm 'md5' is not available");
}

Test(sink, tee_and_limit) {
  StringSink first, second;
  Tee tee(first, second);
  Limit limit(4, "the thing", tee);
  cr_assert(limit.write("abcd").ok());
  expect_text(show(limit.write("e")), "the thing is larger than 4 bytes");
  expect_text(first.text() + second.text(), "abcdabcd");
}
