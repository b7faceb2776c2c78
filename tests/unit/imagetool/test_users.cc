#include <criterion/criterion.h>

#include "imagetool/bundle/users.h"
#include "spec/base/text.h"

namespace {

const users::Files kFiles = {
    .passwd =
        "# a comment\n"
        "root:x:0:0:root:/root:/bin/sh\n"
        "web:x:1000:1001:,,,:/srv/web:/bin/sh\n"
        "web:x:7:7:the second of a name does not count:/nowhere:\n"
        "big:x:4294967295:1:out of range:/:\n"
        "huge:x:4294967296:0:wraps to 0:/:\n"
        "minus:x:-1:0::/:\n"
        "hex:x:0x0:0::/:\n"
        "short:x:5:5\n"
        "nogid:x:5:::/:\n"
        "12345:x:99:99:digits for a name:/:\n"
        "homeless:x:50:50:::\n"
        "relative:x:51:51::tmp:\n"
        "crlf:x:52:52::/c:/bin/sh\r\n"
        ":x:53:53::/:\n",
    .group =
        "root:x:0:\n"
        "wheel:x:10:root,web\n"
        "users:x:100:web,other\n"
        "again:x:100:web\n"
        "webster:x:101:webster\n"
        "bad:x:4294967296:web\n"
        "0x7:x:102:\n"
        "77777777777:x:103:\n"
        "short:x:104\n"
        "staff:x:50:other\n",
};

std::string show(const Result<users::Identity>& r) {
  if (!r.ok()) return "error: " + r.error().message;
  std::string text = str::cat(r.value().uid, ":", r.value().gid);
  for (const uint32_t gid : r.value().groups) text += str::cat("+", gid);
  return str::cat(text, " ", r.value().home);
}

}  // namespace

Test(users, resolve) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"", "0:0+10 /root"},
      {"root", "0:0+10 /root"},
      {"0", "0:0 /root"},
      {"0:0", "0:0 /root"},
      {"1", "1:0 /"},
      {"1:1", "1:1 /"},
      {":1", "0:1 /root"},
      {"01", "1:0 /"},
      {"1000", "1000:1001 /srv/web"},
      {"1000:5", "1000:5 /srv/web"},
      {"web", "1000:1001+10+100 /srv/web"},
      {"web:staff", "1000:50 /srv/web"},
      {"web:104", "1000:104 /srv/web"},
      {"web:short", "1000:104 /srv/web"},
      {"web:", "1000:1001+10+100 /srv/web"},
      {"homeless", "50:50 /"},
      {"relative", "51:51 /"},
      {"crlf", "52:52 /c"},
      {"4294967294", "4294967294:0 /"},
      {"4294967295", "error: user '4294967295' is not a number from 0 to 4294967294"},
      {"4294967296", "error: user '4294967296' is not a number from 0 to 4294967294"},
      {"2147483648", "2147483648:0 /"},
      {"99999999999999999999", "error: user '99999999999999999999' is not a number from 0 to 4294967294"},
      {"12345", "12345:0 /"},  // the line called so is another user
      {"0:4294967295", "error: group '4294967295' is not a number from 0 to 4294967294"},
      {"0:77777777777", "error: group '77777777777' is not a number from 0 to 4294967294"},
      {"-1", "error: user '-1' is not in the image's /etc/passwd"},
      {"+1", "error: user '+1' is not in the image's /etc/passwd"},
      {" 1", "error: user ' 1' is not in the image's /etc/passwd"},
      {"0x0", "error: user '0x0' is not in the image's /etc/passwd"},
      {"1e3", "error: user '1e3' is not in the image's /etc/passwd"},
      {"big", "error: user 'big' is not in the image's /etc/passwd"},
      {"huge", "error: user 'huge' is not in the image's /etc/passwd"},
      {"minus", "error: user 'minus' is not in the image's /etc/passwd"},
      {"hex", "error: user 'hex' is not in the image's /etc/passwd"},
      {"short", "error: user 'short' is not in the image's /etc/passwd"},
      {"nogid", "error: user 'nogid' is not in the image's /etc/passwd"},
      {"nobody", "error: user 'nobody' is not in the image's /etc/passwd"},
      {"web:nogroup", "error: group 'nogroup' is not in the image's /etc/group"},
      {"web:bad", "error: group 'bad' is not in the image's /etc/group"},
      {"web:0x7", "1000:102 /srv/web"},
      {"a:b:c", "error: user 'a' is not in the image's /etc/passwd"},
      {"web:b:c", "error: group 'b:c' is not in the image's /etc/group"},
      {"we\nb", "error: user 'we\\nb' is not in the image's /etc/passwd"},
  };
  for (const auto& c : cases) {
    const std::string got = show(users::resolve(c.in, kFiles));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
}

Test(users, image_without_files) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"", "0:0 /"},
      {"1000:1000", "1000:1000 /"},
      {"web", "error: user 'web' is not in the image's /etc/passwd"},
      {"0:wheel", "error: group 'wheel' is not in the image's /etc/group"},
  };
  for (const auto& c : cases) {
    const std::string got = show(users::resolve(c.in, {}));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
}

Test(users, is_numeric) {
  for (const char* yes : {"", "0", "1:2", ":5", "7:", "4294967296"})
    cr_expect(users::is_numeric(yes), "%s", yes);
  for (const char* no : {"root", "0:root", "root:0", "-1", "0x1", "1:2:3"})
    cr_expect_not(users::is_numeric(no), "%s", no);
}
