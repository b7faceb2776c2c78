// Field tables for image.h (image-spec 1.1: descriptor.md, image-index.md, manifest.md, config.md).
#include "spec/image.h"

#include "spec/schema.h"

namespace oci {

// config.md as it nests; ImageConfig is what we need of it, flat.
struct RootFs {
  std::string type = "layers";
  std::vector<Digest> diff_ids;
};
struct ConfigFile {
  std::optional<std::string> created, author;
  std::string os, architecture;
  std::optional<std::string> variant;
  ImageProcess config;
  RootFs rootfs;
};

static std::string layers_only(const std::string& type) {
  return type == "layers" ? ""
                          : str::cat("unknown value '", str::printable(type), "' (there is only 'layers')");
}

// RFC 6838, 4.2: type "/" subtype.
static std::string media_type(const std::string& text) {
  const size_t slash = text.find('/');
  const bool two_parts = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
  if (two_parts && text.find_first_of(" \t\r\n\"'") == std::string::npos) return {};
  return str::cat("'", str::printable(text.substr(0, 64)), "' is not a media type");
}

static std::string version_two(const uint32_t& version) {
  return version == 2 ? "" : str::cat(version, " must be 2");
}

// Go programs keep sizes in an int64, and so does every other implementation.
static std::string descriptor_size(const uint64_t& size) {
  return size > INT64_MAX ? str::cat(size, " is out of range 0..", INT64_MAX) : "";
}

}  // namespace oci

using namespace oci;  // the tables below are about nothing else

template <>
struct json::Codec<Digest> {
  static void decode(Decoder& decoder, Value value, Digest& out) {
    std::string text;
    if (!read(decoder, value, text)) return;
    Result<Digest> digest = Digest::parse(text);
    if (digest.ok())
      out = std::move(digest).take();
    else
      decoder.problem(value, digest.error().message);
  }
  static void encode(Writer& writer, const Digest& digest) { writer.string(digest.text()); }
};

template <>
struct json::Schema<Platform> {
  using P = Platform;
  static constexpr auto fields = std::tuple{
      required("architecture", &P::architecture), required("os", &P::os),
      optional("os.version", &P::os_version),     optional("os.features", &P::os_features),
      optional("variant", &P::variant),
  };
};

template <>
struct json::Schema<Descriptor> {
  using D = Descriptor;
  static constexpr auto fields = std::tuple{
      required("mediaType", &D::media_type, media_type), required("digest", &D::digest),
      required("size", &D::size, descriptor_size),       optional("urls", &D::urls),
      optional("annotations", &D::annotations),          optional("platform", &D::platform),
      optional("artifactType", &D::artifact_type),
  };
};

template <>
struct json::Schema<Index> {
  static constexpr auto fields = std::tuple{
      required("schemaVersion", &Index::schema_version, version_two),
      optional("mediaType", &Index::media_type),
      optional("artifactType", &Index::artifact_type),
      required("manifests", &Index::manifests),
      optional("subject", &Index::subject),
      optional("annotations", &Index::annotations),
  };
};

template <>
struct json::Schema<Manifest> {
  using M = Manifest;
  static constexpr auto fields = std::tuple{
      required("schemaVersion", &M::schema_version, version_two),
      optional("mediaType", &M::media_type),
      optional("artifactType", &M::artifact_type),
      required("config", &M::config),
      required("layers", &M::layers),
      optional("subject", &M::subject),
      optional("annotations", &M::annotations),
  };
};

template <>
struct json::Schema<ImageProcess> {
  using P = ImageProcess;
  static constexpr auto fields = std::tuple{
      optional("User", &P::user),
      optional("ExposedPorts", &P::exposed_ports, AsKeys{}),
      optional("Env", &P::env),
      optional("Entrypoint", &P::entrypoint),
      optional("Cmd", &P::cmd),
      optional("Volumes", &P::volumes, AsKeys{}),
      optional("WorkingDir", &P::working_dir),
      optional("Labels", &P::labels),
      optional("StopSignal", &P::stop_signal),
  };
};

template <>
struct json::Schema<RootFs> {
  static constexpr auto fields = std::tuple{
      required("type", &RootFs::type, layers_only),
      required("diff_ids", &RootFs::diff_ids),
  };
};

template <>
struct json::Schema<ConfigFile> {
  using C = ConfigFile;
  static constexpr auto fields = std::tuple{
      optional("created", &C::created),
      optional("author", &C::author),
      required("architecture", &C::architecture),
      required("os", &C::os),
      optional("variant", &C::variant),
      optional("config", &C::config),
      required("rootfs", &C::rootfs),
  };
};

namespace oci {

bool is_index(std::string_view media_type) {
  return media_type == media::kIndex || media_type == media::kDockerIndex;
}

bool is_manifest(std::string_view media_type) {
  return media_type == media::kManifest || media_type == media::kDockerManifest;
}

std::optional<Compression> layer_compression(std::string_view media_type) {
  // The "non-distributable" ones differ only in where their makers hoped they would be kept.
  static constexpr std::string_view kTars[] = {
      media::kLayer, "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar"};
  for (const std::string_view tar : kTars) {
    if (!media_type.starts_with(tar)) continue;
    const std::string_view suffix = media_type.substr(tar.size());
    if (suffix.empty()) return Compression::none;
    if (suffix == "+gzip" || suffix == ".gzip") return Compression::gzip;
    if (suffix == "+zstd" || suffix == ".zstd") return Compression::zstd;
  }
  return std::nullopt;
}

std::string Platform::text() const {
  std::string out = str::cat(os, "/", architecture);
  if (variant && !variant->empty()) out += str::cat("/", *variant);
  return out;
}

// "Application/JSON; charset=utf-8" → "application/json"
static std::string bare_type(std::string_view content_type) {
  return str::lower(str::trim(content_type.substr(0, content_type.find(';'))));
}

// What a document claims to be, by its media types and by its shape, must be one thing: otherwise two programs may
// take the same digest for two different images (CVE-2021-41190).
static Result<> check_claims(const json::Document& document, std::string_view announced_type,
                             bool (*is_wanted)(std::string_view)) {
  const json::Value root = document.root();
  const std::string where = document.where(root.offset());
  if (root.find("manifests") && (root.find("layers") || root.find("config")))
    return Error(Kind::invalid,
                 str::cat(where,
                          ": holds both 'manifests' and 'layers' or 'config', so it is neither an "
                          "index nor a manifest"));
  if (const auto version = root.find("schemaVersion"); version && version->text() == "1")
    return Error(Kind::unsupported,
                 str::cat(where,
                          ": is of schema 1, which registries gave up; the image has to be "
                          "pushed again by a newer program"));
  const std::string announced = bare_type(announced_type);
  const std::string own(root.find_string("mediaType").value_or(""));
  if (!announced.empty() && !own.empty() && own != announced)
    return Error(Kind::invalid, str::cat(where, ": mediaType: '", str::printable(own), "' differs from '",
                                         str::printable(announced), "', as which it was announced"));
  const std::string& type = own.empty() ? announced : own;
  if (!type.empty() && !is_wanted(type))
    return Error(Kind::unsupported, str::cat(where, ": mediaType: '", str::printable(type),
                                             "' is not that of an ", document.name()));
  return {};
}

template <class T>
static Result<T> decode_document(const json::Document& document) {
  json::Decoder decoder;
  T value = json::decode<T>(decoder, document.root());
  decoder.warnings.clear();  // what others have added is no mistake here
  if (!decoder.problems.empty()) return json::error(decoder, document);
  return value;
}

Result<Index> parse_index(std::string_view text, std::string_view announced) {
  const json::Document document = TRY(json::parse(text, {.name = "image index"}));
  TRY(check_claims(document, announced, is_index));
  return decode_document<Index>(document);
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view announced) {
  const json::Document document = TRY(json::parse(text, {.name = "image manifest"}));
  TRY(check_claims(document, announced, is_manifest));
  return decode_document<Manifest>(document);
}

Result<ImageConfig> parse_image_config(std::string_view text) {
  const json::Document document = TRY(json::parse(text, {.name = "image config"}));
  ConfigFile file = TRY(decode_document<ConfigFile>(document));
  return ImageConfig{.created = std::move(file.created),
                     .author = std::move(file.author),
                     .os = std::move(file.os),
                     .architecture = std::move(file.architecture),
                     .variant = std::move(file.variant),
                     .config = std::move(file.config),
                     .diff_ids = std::move(file.rootfs.diff_ids)};
}

std::string encode(const Index& index) { return json::encode(index, json::Style::compact); }

std::string encode(const Manifest& manifest) { return json::encode(manifest, json::Style::compact); }

std::string encode(const Descriptor& descriptor) { return json::encode(descriptor, json::Style::compact); }

std::string encode(const ImageConfig& config) {
  const ConfigFile file{.created = config.created,
                        .author = config.author,
                        .os = config.os,
                        .architecture = config.architecture,
                        .variant = config.variant,
                        .config = config.config,
                        .rootfs = {.diff_ids = config.diff_ids}};
  return json::encode(file, json::Style::compact);
}

}  // namespace oci
