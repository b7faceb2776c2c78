// Any bytes as an image manifest.  What is one is no index, under whatever media type it is announced
// (CVE-2021-41190), and its digests can be used as file names.
#include "spec/image.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

static void check(const oci::Descriptor& descriptor) {
  const auto again = oci::Digest::parse(descriptor.digest.text());
  fuzz::must(again.ok(), "a digest is well-formed", descriptor.digest.text());
  fuzz::must(descriptor.digest.hex().find_first_not_of("0123456789abcdef") == std::string_view::npos,
             "a digest is hexadecimal", descriptor.digest.text());
  fuzz::must(descriptor.size <= INT64_MAX, "a size is not negative");
}

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto manifest = oci::parse_manifest(text, "");
  fuzz::round_trip(manifest, [](const std::string& t) { return oci::parse_manifest(t, ""); });
  if (!manifest.ok()) return 0;
  check(manifest.value().config);
  for (const oci::Descriptor& layer : manifest.value().layers) check(layer);
  fuzz::must(!oci::parse_index(text, "").ok(), "a manifest is no index");
  fuzz::must(!oci::parse_manifest(text, oci::media::kIndex).ok(),
             "a manifest announced as an index is refused");
  const auto& own = manifest.value().media_type;
  if (own) fuzz::must(oci::parse_manifest(text, *own).ok(), "it may be announced as what it says");
  for (const std::string_view type : {oci::media::kManifest, oci::media::kDockerManifest})
    if (own && !own->empty() && *own != type)  // an empty one says nothing
      fuzz::must(!oci::parse_manifest(text, type).ok(), "announced as another type it is refused");
  return 0;
}
