// Any bytes as config.json.
#include "spec/config.h"

#include <algorithm>
#include <cstdlib>

#include "spec/inspection.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

// `validate` and `create` agree on which documents are sound.
static void check_inspection(std::string_view text, bool sound) {
  const std::vector<oci::Finding> findings = oci::Inspection(text, "config.json").findings();
  const bool wrong = std::any_of(findings.begin(), findings.end(),
                                 [](const oci::Finding& f) { return f.severity == oci::Severity::error; });
  if (wrong == sound) std::abort();
}

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  fuzz::round_trip(oci::parse_config(text), oci::parse_config);
  check_inspection(text, oci::parse_config(text).ok());
  return 0;
}
