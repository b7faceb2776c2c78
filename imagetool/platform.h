// Which of an index's manifests is for this machine.
//
// An index lists one image for several platforms, best first where the image's maker had a preference.  Each machine has
// a list of platforms that it can run, best first (an x86-64-v3 CPU: amd64/v3, amd64/v2, amd64; an armv7: arm/v7, v6, v5);
// the first entry that matches the best of these wins (image-index.md: "the first matching entry").  What docker adds
// for attestations (platform unknown/unknown, annotation vnd.docker.reference.type) and other artifacts is never chosen.
// os.version and os.features are for Windows and not looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/image.h"

namespace platforms {

// What this machine can run, best first.
std::vector<oci::Platform> host();
// For an uname(2) machine and the level of the CPU where that is x86-64 (1–4); a pure function, for tests.
std::vector<oci::Platform> of_machine(std::string_view machine, int x86_level);

// "linux/arm64", "arm64", "linux/arm/v7" → what to look for, best first: without a variant, every variant of that
// architecture counts, the newest that is not beyond its baseline first.  Kind::invalid with the form.
Result<std::vector<oci::Platform>> parse(std::string_view text);

// The entry to pull.  Precondition: `wanted` is not empty.  Kind::not_found, listing what there is.
Result<oci::Descriptor> choose(const oci::Index& index, const std::vector<oci::Platform>& wanted);
// Whether an image that was built for `image` serves as one of `wanted`.
bool serves(const oci::Platform& image, const std::vector<oci::Platform>& wanted);
// Not an image: an attestation, a signature, an artifact.
bool is_artifact(const oci::Descriptor& entry);
// "linux/amd64, linux/arm64/v8": of all entries that are images.
std::string list(const oci::Index& index);

}  // namespace platforms
