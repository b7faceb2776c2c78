#include "runtime/plan/intel_rdt.h"

#include <algorithm>

#include "spec/base/text.h"

namespace plan {

namespace {

// "L3:0=7f0;1=01f" → "L3", {"0=7f0", "1=1f"}: the kernel pads with blanks and zeros.
struct Schema {
  std::string_view resource;
  std::vector<std::string> domains;
};

std::string_view without_zeros(std::string_view number) {
  while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
  return number;
}

Schema parse(std::string_view line) {
  Schema schema;
  const size_t colon = line.find(':');
  schema.resource = str::trim(line.substr(0, colon));
  if (colon == std::string_view::npos) return schema;
  for (const std::string_view part : str::split(line.substr(colon + 1), ';')) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    schema.domains.push_back(str::lower(str::cat(without_zeros(str::trim(part.substr(0, equals))), "=",
                                                 without_zeros(str::trim(part.substr(equals + 1))))));
  }
  return schema;
}

}  // namespace

IntelRdt make_intel_rdt(const oci::Config& config, const std::string& id) {
  IntelRdt plan;
  const std::optional<oci::IntelRdt>& from = config.linux_->intel_rdt;
  if (!from) return plan;
  plan.wanted = true;
  const std::string clos = from->clos_id.value_or("");
  plan.own = clos.empty();
  plan.group = plan.own ? id : clos == "/" ? std::string() : clos;
  const auto add = [&](const char* path, const std::string& text, bool compared) {
    if (!text.empty()) plan.schemata.push_back({path, text, compared});
  };
  add("linux.intelRdt.l3CacheSchema", from->l3_cache_schema.value_or(""), true);
  add("linux.intelRdt.memBwSchema", from->mem_bw_schema.value_or(""), true);
  for (const std::string& line : from->schemata) add("linux.intelRdt.schemata", line, false);
  if (from->enable_monitoring.value_or(false)) plan.monitor = id;
  return plan;
}

bool holds(const std::string& schemata, const std::string& line) {
  const Schema wanted = parse(line);
  for (const std::string_view candidate : str::split(schemata, '\n')) {
    const Schema there = parse(candidate);
    if (there.resource != wanted.resource) continue;
    return std::all_of(wanted.domains.begin(), wanted.domains.end(), [&](const std::string& domain) {
      return std::find(there.domains.begin(), there.domains.end(), domain) != there.domains.end();
    });
  }
  return false;
}

}  // namespace plan
