// Any bytes as an image index.  What is one is no manifest, under whatever media type it is announced (CVE-2021-41190),
// and picking a platform from it never invents a descriptor.
#include <algorithm>

#include "imagetool/platform.h"
#include "spec/image.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto index = oci::parse_index(text, "");
  fuzz::round_trip(index, [](const std::string& t) { return oci::parse_index(t, ""); });
  if (!index.ok()) return 0;
  fuzz::must(!oci::parse_manifest(text, "").ok(), "an index is no manifest");
  fuzz::must(!oci::parse_index(text, oci::media::kManifest).ok(),
             "an index announced as a manifest is refused");
  for (const oci::Descriptor& entry : index.value().manifests) {
    fuzz::must(oci::Digest::parse(entry.digest.text()).ok(), "a digest is well-formed");
    fuzz::must(entry.size <= INT64_MAX, "a size is not negative");
  }
  const auto& all = index.value().manifests;
  for (const char* wanted : {"linux/amd64", "linux/arm/v7"}) {
    const auto chosen = platforms::choose(index.value(), platforms::parse(wanted).take());
    if (!chosen.ok()) {
      fuzz::must_be_sentence(chosen.error());
      continue;
    }
    fuzz::must(std::find(all.begin(), all.end(), chosen.value()) != all.end(),
               "what is chosen is in the index");
    fuzz::must(!platforms::is_artifact(chosen.value()), "what is chosen is an image");
  }
  return 0;
}
