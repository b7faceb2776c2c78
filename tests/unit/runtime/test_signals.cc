#include <criterion/criterion.h>

#include <csignal>

#include "runtime/life/signals.h"

Test(signals, parse) {
  const struct {
    const char* text;
    int want;
  } cases[] = {
      {"0", 0},
      {"9", 9},
      {"64", 64},
      {"KILL", 9},
      {"SIGKILL", 9},
      {"kill", 9},
      {"sigkill", 9},
      {"SigTerm", 15},
      {"HUP", 1},
      {"WINCH", SIGWINCH},
      {"POLL", SIGIO},
      {"CLD", SIGCHLD},
      {"SIGRTMIN", SIGRTMIN},
      {"rtmin+3", SIGRTMIN + 3},
      {"SIGRTMIN+30", 64},
      {"RTMAX-1", 63},
      {"SIGRTMAX", 64},
  };
  for (const auto& c : cases) {
    const auto got = signals::parse(c.text);
    cr_expect(got.ok() && got.value() == c.want, "%s", c.text);
  }
}

Test(signals, refused) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"KIL", "'KIL' is not a signal: did you mean 'KILL'?"},
      {"", "'' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
      {"65", "'65' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
      {"-9", "'-9' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
      {"9 ", "'9 ' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
      {"SIGRTMIN+31",
       "'SIGRTMIN+31' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to "
       "64"},
      {"SIGRTMIN-1",
       "'SIGRTMIN-1' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
      {"SIGSIGKILL",
       "'SIGSIGKILL' is not a signal: give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to 64"},
  };
  for (const auto& c : cases) {
    const auto got = signals::parse(c.text);
    cr_assert(!got.ok(), "%s", c.text);
    cr_expect_str_eq(got.error().message.c_str(), c.want);
  }
}

Test(signals, every_number_comes_back) {
  for (int n = 0; n <= SIGRTMAX; ++n) {
    const std::string name = signals::name(n);
    const auto back = signals::parse(name);
    cr_expect(back.ok() && back.value() == n, "%d is %s", n, name.c_str());
  }
  const std::string kill = signals::name(SIGKILL), late = signals::name(SIGRTMIN + 3);
  cr_expect_str_eq(kill.c_str(), "SIGKILL");
  cr_expect_str_eq(late.c_str(), "SIGRTMIN+3");
  for (const std::string& name : signals::all()) cr_expect(signals::parse(name).ok(), "%s", name.c_str());
}
