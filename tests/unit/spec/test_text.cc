#include <criterion/criterion.h>

#include "spec/base/text.h"
#include "tests/unit/support/expect.h"

Test(text, printable) {
  const struct {
    std::string_view in;
    const char* want;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
      {"\x1b[31m\x7f", "\\x1b[31m\\x7f"},
      {{"a\0b", 3}, "a\\x00b"},
      {"caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\xb3", "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\xb3"},
      {"caf\xe9", "caf\\xe9"},  // Latin-1
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},         // CSI in one character
      {"\xc2\xa0", "\xc2\xa0"},  // a blank that does not break
      {"\xe2\x80\xae"
       "gpj.exe",
       "\\xe2\\x80\\xaegpj.exe"},                                      // right to left
      {"\xe2\x81\xa6\xe2\x80\xa8", "\\xe2\\x81\\xa6\\xe2\\x80\\xa8"},  // an isolate, a line's end
      {"\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80"},           // overlong, a surrogate
  };
  for (const auto& c : cases) expect_text(str::printable(c.in), c.want, c.want);
}

Test(text, shortened) {
  expect_text(str::shortened("abc", 3), "abc");
  expect_text(str::shortened("abcd", 3), "abc…");
  expect_text(str::shortened("ab\xc3\xa9", 3), "ab…");
  expect_text(str::shortened("\x1b\x1b", 1), "\\x1b…");
}

Test(text, did_you_mean) {
  const std::vector<std::string_view> commands = {"start", "state", "delete", "list", "kill", "checkpoint"};
  const struct {
    const char* wrong;
    const char* want;
  } cases[] = {
      {"strat", "start"},   // neighbours exchanged
      {"sart", "start"},    // one left out
      {"staart", "start"},  // one too many
      {"stare", "start"},   // one replaced: "state" is as near, the first wins
      {"lsit", "list"},
      {"kil", "kill"},
      {"delte", "delete"},
      {"deltee", "delete"},
      {"chekpoitn", "checkpoint"},  // two mistakes in a long word
      {"kli", ""},                  // two mistakes in a short one
      {"frobnicate", ""},
      {"", ""},
  };
  for (const auto& c : cases) {
    const std::string got(str::did_you_mean(c.wrong, commands).value_or(""));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.wrong);
  }
}
