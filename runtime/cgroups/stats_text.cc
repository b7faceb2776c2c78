#include "runtime/cgroups/stats_text.h"

#include <limits>

#include "spec/base/text.h"

namespace cgroups {

namespace {

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found = str::split(str::trim(line), ' ');
  std::erase_if(found, [](std::string_view word) { return word.empty(); });
  return found;
}

// The value of "KEY=VALUE" if `word` has this key.
std::optional<std::string_view> value_for(std::string_view word, std::string_view key) {
  if (word.size() <= key.size() || !word.starts_with(key) || word[key.size()] != '=') return std::nullopt;
  return word.substr(key.size() + 1);
}

// "12.34", as the kernel writes averages.
oci::Percentage percentage(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return {};
  const auto whole = str::number<uint32_t>(text.substr(0, dot));
  const auto rest = str::number<uint8_t>(text.substr(dot + 1));
  return {whole && rest ? uint64_t{100} * *whole + *rest : 0};
}

oci::Stall stall(const std::vector<std::string_view>& line) {
  oci::Stall found;
  for (const std::string_view word : line) {
    if (const auto text = value_for(word, "avg10")) found.avg10 = percentage(*text);
    if (const auto text = value_for(word, "avg60")) found.avg60 = percentage(*text);
    if (const auto text = value_for(word, "avg300")) found.avg300 = percentage(*text);
    if (const auto text = value_for(word, "total")) found.total = str::number<uint64_t>(*text).value_or(0);
  }
  return found;
}

// "8:0"
std::optional<oci::BlkioEntry> device(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto major = str::number<uint64_t>(text.substr(0, colon));
  const auto minor = str::number<uint64_t>(text.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return oci::BlkioEntry{*major, *minor, {}, 0};
}

}  // namespace

std::optional<uint64_t> parse_amount(std::string_view text) {
  const std::string_view trimmed = str::trim(text);
  return trimmed == "max" ? std::numeric_limits<uint64_t>::max() : str::number<uint64_t>(trimmed);
}

std::map<std::string, uint64_t> parse_flat(std::string_view text) {
  std::map<std::string, uint64_t> found;
  for (const std::string_view line : str::split(text, '\n')) {
    const auto fields = words(line);
    if (fields.size() != 2) continue;
    if (const auto value = str::number<uint64_t>(fields[1])) found.emplace(fields[0], *value);
  }
  return found;
}

std::vector<uint64_t> parse_numbers(std::string_view text) {
  std::vector<uint64_t> found;
  for (const std::string_view word : words(text))
    if (const auto number = str::number<uint64_t>(word)) found.push_back(*number);
  return found;
}

std::vector<uint32_t> parse_list(std::string_view text) {
  constexpr size_t kMost = 1 << 16;
  std::vector<uint32_t> found;
  for (const std::string_view part : str::split(str::trim(text), ',')) {
    const size_t dash = part.find('-');
    const auto first = str::number<uint32_t>(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : str::number<uint32_t>(part.substr(dash + 1));
    if (!first || !last) continue;
    for (uint32_t n = *first; n <= *last && found.size() < kMost; ++n) found.push_back(n);
  }
  return found;
}

std::optional<oci::Pressure> parse_pressure(std::string_view text) {
  std::optional<oci::Pressure> found;
  for (const std::string_view line : str::split(text, '\n')) {
    const auto fields = words(line);
    if (fields.empty() || (fields[0] != "some" && fields[0] != "full")) continue;
    if (!found) found.emplace();
    (fields[0] == "some" ? found->some : found->full) = stall(fields);
  }
  return found;
}

std::vector<oci::BlkioEntry> parse_blkio(std::string_view text) {
  std::vector<oci::BlkioEntry> found;
  for (const std::string_view line : str::split(text, '\n')) {
    const auto fields = words(line);
    if (fields.size() != 2 && fields.size() != 3) continue;
    std::optional<oci::BlkioEntry> entry = device(fields[0]);
    const auto value = str::number<uint64_t>(fields.back());
    if (!entry || !value) continue;
    if (fields.size() == 3) entry->op = fields[1];
    entry->value = *value;
    found.push_back(std::move(*entry));
  }
  return found;
}

void add_io_stat(std::string_view text, oci::BlkioStats& stats) {
  const struct {
    std::string_view key, op;
    std::vector<oci::BlkioEntry>& into;
  } kinds[] = {
      {"rbytes", "Read", stats.service_bytes},    {"wbytes", "Write", stats.service_bytes},
      {"dbytes", "Discard", stats.service_bytes}, {"rios", "Read", stats.serviced},
      {"wios", "Write", stats.serviced},          {"dios", "Discard", stats.serviced},
  };
  for (const std::string_view line : str::split(text, '\n')) {
    const auto fields = words(line);
    if (fields.empty()) continue;
    std::optional<oci::BlkioEntry> entry = device(fields[0]);
    if (!entry) continue;
    for (const auto& kind : kinds)
      for (const std::string_view word : fields) {
        const auto value = str::number<uint64_t>(value_for(word, kind.key).value_or(""));
        if (value) kind.into.push_back({entry->major, entry->minor, std::string(kind.op), *value});
      }
  }
}

std::vector<oci::RdmaEntry> parse_rdma(std::string_view text) {
  constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
  const auto amount = [](std::string_view value) {
    return value == "max" ? kNoLimit : str::number<uint32_t>(value).value_or(0);
  };
  std::vector<oci::RdmaEntry> found;
  for (const std::string_view line : str::split(text, '\n')) {
    const auto fields = words(line);
    if (fields.size() < 2) continue;
    oci::RdmaEntry& entry = found.emplace_back(oci::RdmaEntry{std::string(fields[0]), 0, 0});
    for (const std::string_view word : fields) {
      if (const auto value = value_for(word, "hca_handle")) entry.hca_handles = amount(*value);
      if (const auto value = value_for(word, "hca_object")) entry.hca_objects = amount(*value);
    }
  }
  return found;
}

}  // namespace cgroups
