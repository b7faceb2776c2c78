// Any bytes as an image config.
#include "spec/image.h"
#include "tests/fuzz/support/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = oci::parse_image_config(fuzz::text(data, size));
  fuzz::round_trip(config, oci::parse_image_config);
  if (!config.ok()) return 0;
  for (const oci::Digest& diff_id : config.value().diff_ids)
    fuzz::must(oci::Digest::parse(diff_id.text()).ok(), "a diff_id is well-formed");
  return 0;
}
