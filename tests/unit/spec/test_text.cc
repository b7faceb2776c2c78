#include <criterion/criterion.h>

#include "spec/base/text.h"

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
