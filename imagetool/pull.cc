#include "imagetool/pull.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <list>
#include <memory>
#include <optional>

#include "imagetool/fetch.h"
#include "imagetool/limits.h"
#include "imagetool/platform.h"
#include "imagetool/source.h"
#include "imagetool/store/catalog.h"
#include "spec/json.h"

namespace pulls {

namespace {

enum class Shape { index, manifest };

// What a document is.  A server that says nothing useful about it leaves that to the document itself.
Result<Shape> shape_of(const ImageSource::Document& document) {
  const std::string& announced = document.descriptor.media_type;
  if (oci::is_index(announced)) return Shape::index;
  if (oci::is_manifest(announced)) return Shape::manifest;
  const auto unknown = [](std::string_view type) {
    return Error(Kind::unsupported,
                 str::cat("'", str::shortened(type, 100), "' is not a type of container images"));
  };
  if (!announced.empty()) return unknown(announced);
  const json::Document parsed =
      TRY(json::parse(document.text, {.name = "manifest", .bytes = limits::kManifest}));
  const std::string_view own = parsed.root().find_string("mediaType").value_or("");
  if (oci::is_index(own)) return Shape::index;
  if (oci::is_manifest(own)) return Shape::manifest;
  if (!own.empty()) return unknown(own);
  return parsed.root().find("manifests") ? Shape::index : Shape::manifest;
}

struct Resolved {
  ImageSource::Document manifest;
  std::optional<ImageSource::Document> index;  // the outermost, if there was one
};

// From what the reference names down to one manifest; indexes may hold indexes.
Result<Resolved> resolve(ImageSource& source, const std::vector<oci::Platform>& wanted) {
  Resolved resolved;
  ImageSource::Document document = TRY(source.root());
  for (int depth = 0; depth <= limits::kIndexDepth; ++depth) {
    if (TRY(shape_of(document)) == Shape::manifest) {
      resolved.manifest = std::move(document);
      return resolved;
    }
    const oci::Index index = TRY(oci::parse_index(document.text, document.descriptor.media_type));
    const oci::Descriptor chosen = TRY(platforms::choose(index, wanted));
    if (!resolved.index) resolved.index = std::move(document);
    document = TRY(source.manifest(chosen).within("fetching ", chosen.digest.text()));
  }
  return Error(Kind::invalid, str::cat("indexes are nested more than ", limits::kIndexDepth, " deep"));
}

Result<> check_is_image(const oci::Manifest& manifest) {
  const std::string& type = manifest.config.media_type;
  if (manifest.artifact_type || (type != oci::media::kConfig && type != oci::media::kDockerConfig))
    return Error(Kind::unsupported,
                 str::cat("it is an artifact of type '",
                          str::printable(manifest.artifact_type.value_or(type)), "', not a container image"));
  if (manifest.layers.size() > limits::kLayers)
    return Error(Kind::unsupported, str::cat("it has ", manifest.layers.size(), " layers, and ",
                                             limits::kLayers, " are the most"));
  for (const oci::Descriptor& layer : manifest.layers) {
    if (!oci::layer_compression(layer.media_type))
      return Error(Kind::unsupported,
                   str::cat("layer ", layer.digest.text(), " is of type '", str::printable(layer.media_type),
                            "', which cannot be unpacked"));
    if (layer.size > limits::kLayer)
      return Error(Kind::invalid, str::cat("layer ", layer.digest.text(), " has ", layer.size, " bytes, and ",
                                           limits::kLayer, " are the most"));
  }
  if (manifest.config.size > limits::kImageConfig)
    return Error(Kind::invalid, str::cat("its config has ", manifest.config.size, " bytes, and ",
                                         limits::kImageConfig, " are the most"));
  return {};
}

Result<> put_blob(const Store& store, std::string_view text, const oci::Descriptor& descriptor) {
  if (store.has(descriptor)) return {};
  Store::Writer writer = TRY(store.begin());
  TRY(writer.write(text));
  return writer.commit(descriptor.digest);
}

// What is in the store already is not asked for again.
Result<std::string> fetch_config(const Store& store, ImageSource& source, const oci::Descriptor& want) {
  if (store.has(want)) return store.read_blob(want, limits::kImageConfig);
  return source.config(want).within("fetching the image config");
}

Result<> check_config(const oci::ImageConfig& config, const oci::Manifest& manifest) {
  if (config.diff_ids.size() == manifest.layers.size()) return {};
  return Error(Kind::invalid, str::cat("its manifest has ", manifest.layers.size(), " layers and its config ",
                                       config.diff_ids.size(), " diff_ids"));
}

// An image without an index can only be taken or left.
Result<> check_platform(const oci::ImageConfig& config, const Options& options,
                        const std::vector<oci::Platform>& wanted) {
  const oci::Platform own{.os = config.os, .architecture = config.architecture, .variant = config.variant};
  if (platforms::serves(own, wanted)) return {};
  const auto same_cpu = [&](const oci::Platform& one) {
    return one.os == own.os && one.architecture == own.architecture;
  };
  const std::string text = str::printable(own.text());
  if (!options.platform.empty())
    return Error(Kind::not_found, str::cat("it is there for ", text, " only, not for ", options.platform));
  if (own.os != "linux")
    return Error(Kind::unsupported, str::cat("it is an image for ", text, ", not for Linux"));
  if (std::ranges::none_of(wanted, same_cpu))
    options.progress->notice(str::cat("the image is for ", text, ", and this machine is another"));
  return {};
}

// --name as the user wrote it, or the source's own name, in full.
Result<std::string> full_name(std::string_view reference, const ImageSource& source, const Options& options) {
  if (options.name.empty()) {
    if (!source.name().empty()) return source.name();
    return Error(Kind::invalid, str::cat("'", str::printable(reference),
                                         "' does not say what the image is called; name it with --name"));
  }
  const Reference name = TRY(reference::parse(options.name).within("--name"));
  if (!name.digest.empty())
    return Error(Kind::invalid, str::cat("--name '", options.name, "': a digest cannot be given as a name"));
  return name.text();
}

// One image: what comes before its layers, and what comes after them.
class Pull {
 public:
  Pull(const Store& store, const Options& options) : store_(store), options_(options) {}

  // All but its layers are in the store; an order for those, unless nothing is missing.
  Result<std::optional<fetches::Order>> begin(std::string_view reference, const Registry::Options& registry) {
    options_.progress->step(str::cat("resolving ", str::printable(reference)));
    source_ = TRY(sources::open(reference, registry));
    name_ = TRY(full_name(reference, *source_, options_));
    wanted_ = options_.platform.empty() ? platforms::host() : TRY(platforms::parse(options_.platform));
    const std::optional<Image> before = known();
    if (before) before_ = before->digest();
    if (before && TRY(is_current(*before))) {
      manifest_ = before->descriptor;
      return std::optional<fetches::Order>();
    }

    Resolved resolved = TRY(resolve(*source_, wanted_));
    manifest_ = std::move(resolved.manifest.descriptor);
    const std::string& text = resolved.manifest.text;
    parsed_ = TRY(oci::parse_manifest(text, manifest_.media_type));
    TRY(check_is_image(parsed_));
    const std::string config_text = TRY(fetch_config(store_, *source_, parsed_.config));
    config_ = TRY(oci::parse_image_config(config_text).within("image config"));
    TRY(check_config(config_, parsed_));
    if (!resolved.index) TRY(check_platform(config_, options_, wanted_));

    complete(manifest_, parsed_, config_);
    TRY(put_blob(store_, text, manifest_));
    TRY(put_blob(store_, config_text, parsed_.config));
    if (resolved.index) {
      index_ = resolved.index->descriptor.digest;
      TRY(put_blob(store_, resolved.index->text, resolved.index->descriptor));
    }
    return std::optional(
        fetches::Order{.source = source_.get(), .manifest = &parsed_, .config = &config_, .result = {}});
  }

  // Its layers are in the store: it gets its name.
  Result<> settle() {
    std::vector<oci::Digest> blobs = {manifest_.digest, parsed_.config.digest};
    if (!index_.empty()) blobs.push_back(index_);
    for (const oci::Descriptor& layer : parsed_.layers) blobs.push_back(layer.digest);
    options_.progress->step("writing to the disk");
    TRY(store_.settle(blobs, images::chain_ids(config_.diff_ids)));
    return catalog::put(store_, name_, manifest_, index_);
  }

  Result<Pulled> finish() {
    // Not by its name, which somebody may take away at any time.
    Image image = TRY(images::load_named(store_, manifest_));
    return Pulled{.image = std::move(image), .name = name_, .news = manifest_.digest != before_};
  }

 private:
  // What the name means now, if that is whole and for the platform wanted.
  [[nodiscard]] std::optional<Image> known() const {
    Result<Image> image = images::find(store_, name_);
    if (!image.ok() || !platforms::serves(image.value().platform(), wanted_)) return std::nullopt;
    return std::move(image).take();
  }

  // Whether the source still has this under the name, and all of it is here.
  Result<bool> is_current(const Image& image) {
    const bool whole = image.unpacked() && std::ranges::all_of(image.manifest.layers, [&](const auto& layer) {
                         return store_.has(layer);
                       });
    if (!whole) return false;
    const std::optional<oci::Digest> now = TRY(source_->ask_digest());
    return now && (*now == image.digest() || *now == image.index);
  }

  // The store's entry says what the manifest is and for which platform, whoever told us.
  static void complete(oci::Descriptor& manifest, const oci::Manifest& parsed,
                       const oci::ImageConfig& config) {
    if (!oci::is_manifest(manifest.media_type)) manifest.media_type = parsed.media_type.value_or("");
    // An entry without a type would make index.json unreadable.
    if (manifest.media_type.empty()) manifest.media_type = oci::media::kManifest;
    if (!manifest.platform)
      manifest.platform =
          oci::Platform{.os = config.os, .architecture = config.architecture, .variant = config.variant};
  }

  const Store& store_;
  const Options& options_;
  std::unique_ptr<ImageSource> source_;
  std::string name_;
  std::vector<oci::Platform> wanted_;
  oci::Digest before_;  // what the name meant; empty: nothing
  oci::Descriptor manifest_;
  oci::Manifest parsed_;
  oci::ImageConfig config_;
  oci::Digest index_;  // empty: there was none
};

fetches::Context fetch_context(const Store& store, http::Client& client, const Options& options) {
  return {.store = store,
          .progress = *options.progress,
          .client = client,
          .unpacking = options.unpacking,
          .tick = options.registry.tick};
}

// Unpacks again what has been removed of an image whose blobs are here.
Result<Image> restore(const Store& store, const Image& image, const Options& options) {
  TRY(check_is_image(image.manifest));
  TRY(check_config(image.config, image.manifest));
  http::Client client;
  std::vector<fetches::Order> orders(1);
  orders[0].manifest = &image.manifest;
  orders[0].config = &image.config;
  fetches::run(fetch_context(store, client, options), orders);
  TRY(std::move(*orders[0].result));
  TRY(store.settle({}, images::chain_ids(image.config.diff_ids)));
  Image again = TRY(images::load(store, image.descriptor));
  again.names = image.names;
  again.index = image.index;
  return again;
}

// The two that are about the store as a whole, wherever they hit us.
Error explain(Error error, const Store& store) {
  const std::string_view why =
      error.errnum == ENOSPC
          ? "is full: make room there (`imagetool gc` removes what interrupted pulls left), or"
      : error.errnum == EDQUOT ? "is at its quota: make room there, or"
      : error.errnum == EROFS  ? "cannot be written to:"
                               : "";
  if (why.empty()) return error;
  return Error(error.kind, error.errnum,
               str::cat(error.message, ": the file system of store '", store.dir(), "' ", why,
                        " name another directory with --store"));
}

// One client for all, and a progress that goes on while they wait.
Registry::Options registry_options(const Options& options) {
  Registry::Options registry = options.registry;
  registry.client = std::make_shared<http::Client>();
  registry.tick = [progress = options.progress, outer = options.registry.tick]() -> Result<> {
    progress->tick();
    return outer ? outer() : Result<>();
  };
  if (!registry.notice)
    registry.notice = [progress = options.progress](std::string_view text) { progress->notice(text); };
  return registry;
}

}  // namespace

std::vector<Result<Pulled>> pull(const Store& store, std::span<const std::string> references,
                                 const Options& options) {
  assert(options.progress && (options.name.empty() || references.size() == 1));
  std::vector<Result<Pulled>> pulled;
  const Result<UniqueFd> hold = store.share();
  if (!hold.ok()) {
    for (size_t i = 0; i < references.size(); ++i) pulled.emplace_back(hold.error());
    return pulled;
  }
  const Registry::Options registry = registry_options(options);
  std::list<Pull> pulls;
  std::vector<Result<>> outcomes;
  std::vector<fetches::Order> orders;
  std::vector<size_t> ordered;  // of which image
  for (const std::string& reference : references) {
    Result<std::optional<fetches::Order>> order =
        pulls.emplace_back(store, options).begin(reference, registry);
    outcomes.push_back(order.ok() ? Result<>() : order.take_error());
    if (!order.ok() || !order.value()) continue;
    orders.push_back(std::move(*order.value()));
    ordered.push_back(outcomes.size() - 1);
  }
  fetches::run(fetch_context(store, *registry.client, options), orders);
  for (size_t i = 0; i < orders.size(); ++i) outcomes[ordered[i]] = std::move(*orders[i].result);

  auto pull = pulls.begin();
  for (size_t i = 0; i < references.size(); ++i, ++pull) {
    const bool fresh = std::ranges::find(ordered, i) != ordered.end();
    if (outcomes[i].ok() && fresh) outcomes[i] = pull->settle();
    pulled.push_back(outcomes[i].ok() ? pull->finish() : Result<Pulled>(outcomes[i].take_error()));
    if (pulled.back().ok()) continue;
    pulled.back() =
        explain(pulled.back().take_error(), store).within("image '", str::printable(references[i]), "'");
  }
  return pulled;
}

Result<Image> ensure(const Store& store, std::string_view reference, const Options& options) {
  Result<Image> found = sources::is_layout(reference) ? Result<Image>(Error(Kind::not_found, std::string()))
                                                      : images::find(store, reference);
  if (!found.ok() && found.error().kind != Kind::not_found) return found;
  const bool platform_matters = !options.platform.empty();
  if (found.ok()) {
    const Image& image = found.value();
    const std::vector<oci::Platform> wanted = platform_matters ? TRY(platforms::parse(options.platform))
                                                               : std::vector<oci::Platform>{image.platform()};
    const bool whole =
        std::ranges::all_of(image.manifest.layers, [&](const auto& layer) { return store.has(layer); });
    if (platforms::serves(image.platform(), wanted)) {
      if (image.unpacked()) return found;
      if (whole) return restore(store, image, options);
    }
  }
  const std::string one(reference);
  std::vector<Result<Pulled>> pulled = pull(store, std::span(&one, 1), options);
  return TRY(std::move(pulled.front())).image;
}

}  // namespace pulls
