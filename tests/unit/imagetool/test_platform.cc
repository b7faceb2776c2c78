// Platforms: what a machine runs, what people write, and which entry of an index that means.
#include <algorithm>

#include "imagetool/platform.h"
#include "tests/unit/support/expect.h"

namespace {

std::string show(const std::vector<oci::Platform>& platforms) {
  std::vector<std::string> texts;
  std::ranges::transform(platforms, std::back_inserter(texts), &oci::Platform::text);
  return str::join(texts, " ");
}

std::string show(const Result<std::vector<oci::Platform>>& platforms) {
  return platforms.ok() ? show(platforms.value()) : "error: " + platforms.error().message;
}

// "linux/arm/v7" → an entry whose digest ends in `number`, so that two of one platform can be told apart.
oci::Descriptor entry(std::string_view platform, int number) {
  const std::vector<std::string_view> parts = str::split(platform, '/');
  std::string hex = str::cat(number);
  hex.insert(0, 64 - hex.size(), '0');
  oci::Descriptor descriptor;
  descriptor.media_type = oci::media::kManifest;
  descriptor.digest = oci::Digest::parse("sha256:" + hex).take();
  if (parts.size() < 2) return descriptor;
  descriptor.platform = oci::Platform{.os = std::string(parts[0]), .architecture = std::string(parts[1])};
  if (parts.size() > 2) descriptor.platform->variant = parts[2];
  return descriptor;
}

oci::Index index_of(const std::vector<std::string_view>& platforms) {
  oci::Index index;
  for (const std::string_view platform : platforms)
    index.manifests.push_back(entry(platform, static_cast<int>(index.manifests.size()) + 1));
  return index;
}

// The number of the entry that is chosen.
std::string choose(const oci::Index& index, const std::vector<oci::Platform>& wanted) {
  const Result<oci::Descriptor> chosen = platforms::choose(index, wanted);
  if (!chosen.ok()) return "error: " + chosen.error().message;
  return std::string(chosen.value().digest.hex().substr(63));
}

}  // namespace

Test(platform, machines) {
  const struct {
    const char* machine;
    int level;
    const char* want;
  } cases[] = {
      {"x86_64", 1, "linux/amd64 linux/amd64/v1"},
      {"x86_64", 3, "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/amd64/v1"},
      {"x86_64", 4, "linux/amd64/v4 linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/amd64/v1"},
      {"aarch64", 1, "linux/arm64/v8 linux/arm64"},
      {"armv7l", 1, "linux/arm/v7 linux/arm linux/arm/v6 linux/arm/v5"},
      {"armv6l", 1, "linux/arm/v6 linux/arm/v5"},
      {"armv5tel", 1, "linux/arm/v5"},
      {"armv8l", 1, "linux/arm/v8 linux/arm/v7 linux/arm linux/arm/v6 linux/arm/v5"},
      {"i686", 1, "linux/386"},
      {"riscv64", 1, "linux/riscv64"},
      {"ppc64le", 1, "linux/ppc64le"},
      {"loongarch64", 1, "linux/loong64"},
      {"unheard", 1, "linux/unheard"},
  };
  for (const auto& c : cases) expect_text(show(platforms::of_machine(c.machine, c.level)), c.want, c.machine);
  cr_expect(!platforms::host().empty());
}

Test(platform, parses) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"linux/amd64", "linux/amd64 linux/amd64/v1"},
      {"linux/amd64/v3", "linux/amd64/v3"},
      {"linux/amd64/v1", "linux/amd64/v1 linux/amd64"},
      {"arm64", "linux/arm64/v8 linux/arm64"},
      {"linux/arm64/v8", "linux/arm64/v8 linux/arm64"},
      {"linux/arm/v7", "linux/arm/v7 linux/arm"},
      {"linux/arm/v6", "linux/arm/v6"},
      {"windows/amd64", "windows/amd64 windows/amd64/v1"},
      {"linux",
       "error: --platform 'linux': write os/architecture or os/architecture/variant, as in linux/arm64 or "
       "linux/arm/v7"},
      {"",
       "error: --platform '': write os/architecture or os/architecture/variant, as in linux/arm64 or "
       "linux/arm/v7"},
      {"a/b/c/d",
       "error: --platform 'a/b/c/d': write os/architecture or os/architecture/variant, as in linux/arm64 or "
       "linux/arm/v7"},
      {"linux//v7",
       "error: --platform 'linux//v7': write os/architecture or os/architecture/variant, as in linux/arm64 "
       "or linux/arm/v7"},
      {"linux/a\nb",
       "error: --platform 'linux/a\\nb': write os/architecture or os/architecture/variant, as in "
       "linux/arm64 or linux/arm/v7"},
  };
  for (const auto& c : cases) expect_text(show(platforms::parse(c.in)), c.want, c.in);
}

Test(platform, chooses_the_best) {
  const std::vector<oci::Platform> v3 = platforms::of_machine("x86_64", 3);
  const std::vector<oci::Platform> v1 = platforms::of_machine("x86_64", 1);
  expect_text(choose(index_of({"linux/amd64", "linux/amd64/v3", "linux/amd64/v4"}), v3), "2",
              "level 3, not 4");
  expect_text(choose(index_of({"linux/amd64/v3", "linux/amd64"}), v1), "2", "not beyond the CPU");
  expect_text(choose(index_of({"linux/amd64/v2"}), v3), "1", "the only one, below the CPU");
  expect_text(choose(index_of({"linux/arm64", "linux/amd64", "linux/amd64"}), v3), "2",
              "the first of equals");
  expect_text(
      choose(index_of({"linux/arm/v6", "linux/arm/v5", "linux/arm/v7"}), platforms::of_machine("armv7l", 1)),
      "3");
  expect_text(choose(index_of({"linux/arm/v5", "linux/arm/v7"}), platforms::of_machine("armv6l", 1)), "1");
  expect_text(choose(index_of({""}), v1), "1", "one image that says nothing");
}

Test(platform, says_what_there_is) {
  const std::vector<oci::Platform> host = platforms::of_machine("x86_64", 3);
  expect_text(choose(index_of({"linux/arm64/v8", "linux/s390x", "linux/s390x"}), host),
              "error: there is no image for linux/amd64; there is linux/arm64/v8, linux/s390x: choose one "
              "with --platform");
  expect_text(choose(index_of({"linux/arm/v5"}), platforms::parse("linux/arm/v6").take()),
              "error: there is no image for linux/arm/v6; there is linux/arm/v5: choose one with --platform");
  expect_text(choose(index_of({}), host), "error: the index lists no image for any platform");
  expect_text(choose(index_of({"", ""}), host), "error: the index lists no image for any platform");
}

Test(platform, artifacts_are_never_chosen) {
  const std::vector<oci::Platform> host = platforms::of_machine("x86_64", 1);
  oci::Index index = index_of({"linux/amd64", "linux/amd64", "unknown/unknown", "linux/amd64"});
  index.manifests[0].annotations["vnd.docker.reference.type"] = "attestation-manifest";
  index.manifests[1].artifact_type = "application/spdx+json";
  expect_text(choose(index, host), "4");
  index.manifests[3].media_type = "application/vnd.example+json";  // image-index.md: ignore what is not known
  expect_text(choose(index, host), "error: the index lists no image for any platform");
}
