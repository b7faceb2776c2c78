#include <criterion/criterion.h>

#include "spec/digest.h"
#include "tests/unit/support/expect.h"

namespace {

const std::string kHex64 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string show(const Result<oci::Digest>& digest) {
  return digest.ok() ? digest.value().text() : "error: " + digest.error().message;
}

}  // namespace

Test(digest, parses) {
  const std::string sha512 = "sha512:" + kHex64 + kHex64;
  for (const std::string& good : {"sha256:" + kHex64, sha512})
    expect_text(show(oci::Digest::parse(good)), good);

  const std::string upper = "sha256:E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const struct {
    std::string in, want;
  } cases[] = {
      {"", "error: '' is not a digest such as 'sha256:…'"},
      {kHex64, "error: '" + kHex64 + "' is not a digest such as 'sha256:…'"},
      {"sha256:", "error: digest 'sha256:': needs 64 lower-case hexadecimal digits"},
      {"sha256:../../etc", "error: digest 'sha256:../../etc': needs 64 lower-case hexadecimal digits"},
      {upper, "error: digest '" + upper + "': needs 64 lower-case hexadecimal digits"},
      {"sha256:" + kHex64 + "0",
       "error: digest 'sha256:" + kHex64 + "0': needs 64 lower-case hexadecimal digits"},
      {"sha256:" + kHex64.substr(1),
       "error: digest 'sha256:" + kHex64.substr(1) + "': needs 64 lower-case hexadecimal digits"},
      {"sha512:" + kHex64, "error: digest 'sha512:" + kHex64 + "': needs 128 lower-case hexadecimal digits"},
      {"md5:abc", "error: digest 'md5:abc': unknown algorithm (there are 'sha256' and 'sha512')"},
      {"SHA256:" + kHex64,
       "error: digest 'SHA256:" + kHex64 + "': unknown algorithm (there are 'sha256' and 'sha512')"},
      {"a\nb", "error: 'a\\nb' is not a digest such as 'sha256:…'"},
  };
  for (const auto& c : cases) expect_text(show(oci::Digest::parse(c.in)), c.want, c.in);
}

Test(digest, has_parts) {
  const oci::Digest digest = oci::Digest::parse("sha256:" + kHex64).take();
  cr_expect(digest.algorithm() == "sha256");
  cr_expect(digest.hex() == kHex64);
  expect_text(digest.short_id(), "e3b0c44298fc");
  cr_expect_not(digest.empty());
  cr_expect(oci::Digest().empty());
}

Test(digest, formats_raw_bytes) {
  std::string raw;
  for (int i = 0; i < 32; ++i) raw += static_cast<char>(i * 8 + 7);
  const oci::Digest digest = oci::Digest::sha256(raw);
  expect_text(digest.text(), "sha256:070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
  cr_expect(oci::Digest::parse(digest.text()).value() == digest);
}
