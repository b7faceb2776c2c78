// The documents of the OCI image specification 1.1 and Docker's image manifest v2 schema 2, which are the same
// structs under other media types.  Blobs are kept as bytes: what has a digest is never encoded again.
//
// Strict where confusion is dangerous: a document with both `layers` and `manifests`, or whose mediaType differs from
// the one it was announced with, is refused (CVE-2021-41190).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/digest.h"

namespace oci {

namespace media {
inline constexpr std::string_view kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar";  // and +gzip, +zstd
inline constexpr std::string_view kDockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerForeign =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}  // namespace media

enum class Compression { none, gzip, zstd };
bool is_index(std::string_view media_type);
bool is_manifest(std::string_view media_type);
// nullopt: not a layer we can unpack.
std::optional<Compression> layer_compression(std::string_view media_type);

struct Platform {
  std::string os, architecture;
  std::optional<std::string> variant, os_version;
  std::vector<std::string> os_features;
  [[nodiscard]] std::string text() const;  // "linux/arm64/v8"
  bool operator==(const Platform&) const = default;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;  // bytes
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> urls;
  std::optional<std::string> artifact_type;
  bool operator==(const Descriptor&) const = default;
};

struct Index {
  std::optional<std::string> media_type;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
  std::optional<std::string> artifact_type;
  std::optional<Descriptor> subject;
  uint32_t schema_version = 2;
  bool operator==(const Index&) const = default;
};

struct Manifest {
  std::optional<std::string> media_type, artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
  uint32_t schema_version = 2;
  bool operator==(const Manifest&) const = default;
};

struct ImageProcess {  // the "config" object of the image config
  std::optional<std::string> user, working_dir, stop_signal;
  std::optional<std::vector<std::string>> entrypoint, cmd;
  std::vector<std::string> env;
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports, volumes;  // the keys; their values are empty objects
  bool operator==(const ImageProcess&) const = default;
};

struct ImageConfig {
  std::optional<std::string> created, author;
  std::string os, architecture;
  std::optional<std::string> variant;
  ImageProcess config;
  std::vector<Digest> diff_ids;
  bool operator==(const ImageConfig&) const = default;
};

// `announced` is the media type of the descriptor, or the Content-Type (its parameters are not looked at); empty: not
// known.  Kind::invalid with every mistake, one to a line: "image manifest:1:17: layers[0].size: …"; Kind::unsupported
// for the manifests of schema 1, and for a media type that is none of these documents'.
Result<Index> parse_index(std::string_view text, std::string_view announced);
Result<Manifest> parse_manifest(std::string_view text, std::string_view announced);
Result<ImageConfig> parse_image_config(std::string_view text);
// Compact, the keys in the order of the specification.
std::string encode(const Index& index);
std::string encode(const Manifest& manifest);
std::string encode(const Descriptor& descriptor);
std::string encode(const ImageConfig& config);

}  // namespace oci
