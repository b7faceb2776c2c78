// Wall-clock stamps as the documents write them: RFC 3339 in UTC with nanoseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clocks {

struct Stamp {
  int64_t seconds = 0;  // since the epoch
  int64_t nanoseconds = 0;
  bool operator==(const Stamp&) const = default;
};

Stamp now();                                        // CLOCK_REALTIME
int64_t monotonic_ms();                             // CLOCK_MONOTONIC, for deadlines
std::string rfc3339(Stamp stamp);                   // "2026-01-31T08:15:30.123456789Z"
std::optional<Stamp> parse(std::string_view text);  // RFC 3339 with any offset; nullopt if it is none
// "5s", "100ms", "1m30s", "1.5h" as Go writes durations, and as its flags take them (ns, us, ms, s, m, h) → milliseconds,
// rounded down; nullopt if it is none.
std::optional<int64_t> duration_ms(std::string_view text);
// "2 minutes ago", "3 weeks ago", for people.
std::string ago(Stamp then, Stamp now);

}  // namespace clocks
