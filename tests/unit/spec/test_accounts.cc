#include <criterion/criterion.h>

#include "spec/base/accounts.h"
#include "spec/base/text.h"
#include "tests/unit/support/expect.h"

static std::string home(std::string_view passwd, uid_t uid) {
  const auto account = accounts::find(passwd, uid);
  return account ? account->home : std::string();
}

Test(accounts, find) {
  const std::string passwd =
      "root:x:0:0:root:/root:/bin/sh\n"
      "# comment\n"
      "short:x:5\n"
      "letters:x:12a:1::/no:/bin/sh\n"
      "user:x:1000:1000:A User,,,:/home/user:/bin/sh\n"
      "again:x:1000:1000::/second:/bin/sh\n"
      "none:x:7:7:::\n"
      "last:x:9:9::/last:";
  const struct {
    uid_t uid;
    const char* want;
  } cases[] = {{0, "/root"}, {1000, "/home/user"}, {7, ""}, {9, "/last"}, {12, ""},
               {5, ""},      {4294967294u, ""}};
  for (const auto& c : cases) expect_text(home(passwd, c.uid), c.want, str::cat(c.uid));
  expect_text(home("", 0), "");
  expect_text(accounts::find(passwd, 1000)->name, "user");
}
