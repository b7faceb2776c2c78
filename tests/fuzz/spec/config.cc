// Any bytes as config.json, and as the documents in which the runtime keeps a container.
#include "spec/config.h"

#include "spec/state.h"
#include "tests/fuzz/support/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  fuzz::round_trip(oci::parse_config(text), oci::parse_config);
  fuzz::round_trip(oci::parse_state(text), oci::parse_state);
  fuzz::round_trip(oci::parse_exec_defaults(text), oci::parse_exec_defaults);
  return 0;
}
