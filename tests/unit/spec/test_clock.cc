#include <criterion/criterion.h>

#include "spec/base/clock.h"

Test(clock, durations) {
  const struct {
    const char* text;
    int64_t ms;  // -1: refused
  } cases[] = {
      {"5s", 5000},  {"100ms", 100}, {"1m30s", 90000}, {"1.5h", 5400000}, {"2h0.5s", 7200500},
      {"0s", 0},     {"1500us", 1},  {"999us", 0},     {"0.25s", 250},    {"1000h", 3600000000},
      {"", -1},      {"5", -1},      {"s", -1},        {"-1s", -1},       {"1 s", -1},
      {"1d", -1},    {"1.s", -1},    {".5s", -1},      {"1..5s", -1},     {"99999999999h", -1},
      {"1001h", -1},
  };
  for (const auto& c : cases) {
    const auto got = clocks::duration_ms(c.text);
    cr_expect_eq(got.value_or(-1), c.ms, "%s: %ld", c.text, got.value_or(-1));
  }
}
