#include "spec/base/clock.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include "spec/base/text.h"

namespace clocks {

Stamp now() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return {t.tv_sec, t.tv_nsec};
}

int64_t monotonic_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1000000;
}

// Civil-date arithmetic of our own: gmtime() would pull the time-zone database into a static program.
// Howard Hinnant's days-from-civil and its inverse, valid for every year we can meet.
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

struct Civil {
  int64_t year, month, day;
};

static Civil civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted + (shifted < 10 ? 3 : -9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

static std::string padded(int64_t n, size_t width) {
  std::string digits = str::cat(n);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::string rfc3339(Stamp stamp) {
  const int64_t days = stamp.seconds >= 0 ? stamp.seconds / 86400 : -((86399 - stamp.seconds) / 86400);
  const int64_t rest = stamp.seconds - days * 86400;
  const Civil c = civil_from_days(days);
  std::string text =
      str::cat(padded(c.year, 4), "-", padded(c.month, 2), "-", padded(c.day, 2), "T", padded(rest / 3600, 2),
               ":", padded(rest / 60 % 60, 2), ":", padded(rest % 60, 2));
  if (stamp.nanoseconds) text += str::cat(".", padded(stamp.nanoseconds, 9));
  return text + "Z";
}

static std::optional<int64_t> digits(std::string_view text, size_t at, size_t count) {
  if (text.size() < at + count) return std::nullopt;
  const auto n = str::number<uint64_t>(text.substr(at, count));
  return n ? std::optional<int64_t>(static_cast<int64_t>(*n)) : std::nullopt;
}

static std::optional<int64_t> offset_seconds(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = digits(zone, 1, 2);
  const auto minutes = digits(zone, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

std::optional<Stamp> parse(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' '))
    return std::nullopt;
  if (text[13] != ':' || text[16] != ':') return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;

  Stamp stamp;
  size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    int64_t unit = 100000000;
    const size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      stamp.nanoseconds += (text[at] - '0') * unit;
    if (at == first) return std::nullopt;
  }
  const auto offset = offset_seconds(text.substr(at));
  if (!offset) return std::nullopt;
  stamp.seconds =
      days_from_civil(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second - *offset;
  return stamp;
}

std::optional<int64_t> duration_ms(std::string_view text) {
  const struct {
    std::string_view name;
    int64_t nanoseconds;
  } units[] = {{"ns", 1},
               {"us", 1000},
               {"ms", 1000000},
               {"s", 1000000000},
               {"m", 60 * 1000000000LL},
               {"h", 3600 * 1000000000LL}};
  constexpr int64_t kMost = 1000LL * 3600 * 1000000000;  // a thousand hours in one part: far from overflow
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    const size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
    const size_t unit_end = std::min(text.find_first_of("0123456789.", number_end), text.size());
    const std::string_view unit = text.substr(number_end, unit_end - number_end);
    const std::string_view amount = text.substr(0, number_end);
    const size_t dot = std::min(amount.find('.'), amount.size());
    const auto whole = str::number<int64_t>(amount.substr(0, dot));
    const std::string_view part = amount.substr(std::min(dot + 1, amount.size()));
    const auto fraction = dot == amount.size() ? std::optional<int64_t>(0) : str::number<int64_t>(part);
    const auto* known =
        std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.name == unit; });
    if (!whole || !fraction || part.size() > 6 || known == std::end(units)) return std::nullopt;
    if (*whole > kMost / known->nanoseconds || total > kMost) return std::nullopt;
    int64_t scale = 1;
    for (size_t i = 0; i < part.size(); ++i) scale *= 10;
    // Millionths of an hour are the finest that is read: no product overflows.
    total += *whole * known->nanoseconds + *fraction * (known->nanoseconds / scale);
    text.remove_prefix(unit_end);
  }
  return total / 1000000;
}

std::string ago(Stamp then, Stamp now) {
  const int64_t s = now.seconds - then.seconds;
  const struct {
    int64_t unit;
    const char* name;
  } steps[] = {
      {365 * 86400, "year"}, {30 * 86400, "month"}, {7 * 86400, "week"}, {86400, "day"},
      {3600, "hour"},        {60, "minute"},        {1, "second"},
  };
  for (const auto& step : steps)
    if (s >= step.unit) return str::cat(s / step.unit, " ", step.name, s / step.unit == 1 ? "" : "s", " ago");
  return "just now";
}

}  // namespace clocks
