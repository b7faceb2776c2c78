#include "imagetool/source.h"

#include <algorithm>
#include <array>

#include "imagetool/limits.h"
#include "imagetool/store/catalog.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/json.h"

namespace {

constexpr std::string_view kLayoutPrefix = "oci:";
constexpr size_t kPiece = 1 << 20;

Result<> check(const oci::Descriptor& want, std::string_view text, const oci::Digest& digest) {
  if (digest == want.digest && text.size() == want.size) return {};
  return Error(Kind::invalid, str::cat("wanted ", want.digest.text(), " of ", want.size, " bytes, got ",
                                       digest.text(), " of ", text.size()));
}

class RegistrySource final : public ImageSource {
 public:
  RegistrySource(Reference image, Registry registry)
      : image_(std::move(image)), registry_(std::move(registry)) {}

  Result<std::optional<oci::Digest>> ask_digest() override {
    if (!image_.digest.empty()) return std::optional(image_.digest);
    return registry_.ask_digest(image_.tag);
  }

  Result<Document> root() override {
    Fetched fetched = TRY(registry_.read_manifest(image_.wanted()));
    oci::Descriptor descriptor;
    descriptor.media_type = std::move(fetched.media_type);
    descriptor.digest = std::move(fetched.digest);
    descriptor.size = fetched.bytes.size();
    return Document{std::move(descriptor), std::move(fetched.bytes)};
  }

  Result<Document> manifest(const oci::Descriptor& want) override {
    Fetched fetched = TRY(registry_.read_manifest(want.digest.text()));
    TRY(check(want, fetched.bytes, fetched.digest));
    return Document{want, std::move(fetched.bytes)};
  }

  Result<> blobs(const std::vector<Fetch>& fetches) override {
    std::vector<BlobRequest> requests;
    for (const Fetch& fetch : fetches) requests.push_back({.descriptor = fetch.want, .sink = fetch.into});
    return registry_.read_blobs(requests);
  }

  [[nodiscard]] std::string name() const override {
    return image_.digest.empty() ? image_.text() : str::cat(image_.name(), "@", image_.digest.text());
  }
  [[nodiscard]] std::string place() const override { return image_.registry; }

 private:
  const Reference image_;
  Registry registry_;
};

class LayoutSource final : public ImageSource {
 public:
  LayoutSource(std::string path, UniqueFd dir, std::function<Result<>()> tick)
      : path_(std::move(path)), dir_(std::move(dir)), tick_(std::move(tick)) {}

  // Finds the entry of index.json that `wanted` names; empty: the only one.
  Result<> select(std::string_view wanted) {
    const std::string layout = TRY(files::read(dir_, "oci-layout", 4096).within("it is no OCI image layout"));
    index_ = TRY(files::read(dir_, "index.json", limits::kIndex));
    const oci::Index index = TRY(oci::parse_index(index_, {}));
    if (index.manifests.empty()) return Error(Kind::not_found, "there is no image in it");
    if (!wanted.empty()) return select_named(index, wanted);
    if (index.manifests.size() == 1) {
      take(index.manifests.front());
      return {};
    }
    // Several platforms of one image, as some tools write them, or several images?
    if (names(index).empty()) return {};
    return Error(Kind::invalid, str::cat("there are several images in it; name one behind a colon: ",
                                         str::join(names(index), ", ")));
  }

  Result<std::optional<oci::Digest>> ask_digest() override { return std::optional<oci::Digest>(); }

  Result<Document> root() override {
    if (entry_) return manifest(*entry_);
    Hasher hasher("sha256");
    hasher.update(index_);
    oci::Descriptor descriptor;
    descriptor.media_type = oci::media::kIndex;
    descriptor.digest = TRY(hasher.finish());
    descriptor.size = index_.size();
    return Document{std::move(descriptor), index_};
  }

  Result<Document> manifest(const oci::Descriptor& want) override {
    StringSink text;
    if (want.size > limits::kManifest)
      return Error(Kind::invalid, str::cat(want.digest.text(), " has ", want.size, " bytes, and ",
                                           limits::kManifest, " are the most"));
    TRY(read_blob(want, text));
    return Document{want, text.take()};
  }

  Result<> blobs(const std::vector<Fetch>& fetches) override {
    for (const Fetch& fetch : fetches) TRY(read_blob(fetch.want, *fetch.into));
    return {};
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string place() const override { return str::cat("'", path_, "'"); }

 private:
  void take(const oci::Descriptor& entry) {
    entry_ = entry;
    name_ = catalog::interpret(entry).name;
  }

  Result<> select_named(const oci::Index& index, std::string_view wanted) {
    const std::string_view digest = wanted.starts_with('@') ? wanted.substr(1) : wanted;
    for (const oci::Descriptor& entry : index.manifests) {
      const auto ref = entry.annotations.find("org.opencontainers.image.ref.name");
      const bool named = ref != entry.annotations.end() && ref->second == wanted;
      if (!named && catalog::interpret(entry).name != wanted && entry.digest.text() != digest) continue;
      take(entry);
      return {};
    }
    const std::vector<std::string> there = names(index);
    return Error(Kind::not_found,
                 str::cat("there is no image '", str::printable(wanted), "' in it",
                          there.empty() ? std::string() : str::cat("; there is ", str::join(there, ", "))));
  }

  static std::vector<std::string> names(const oci::Index& index) {
    std::vector<std::string> all;
    for (const oci::Descriptor& entry : index.manifests) {
      const auto ref = entry.annotations.find("org.opencontainers.image.ref.name");
      if (ref != entry.annotations.end()) all.push_back(str::printable(ref->second));
    }
    return all;
  }

  Result<> read_blob(const oci::Descriptor& want, Sink& into) {
    const std::string name = str::cat("blobs/", want.digest.algorithm(), "/", want.digest.hex());
    return copy(want, name, into).within(place(), ": ", name);
  }

  Result<> copy(const oci::Descriptor& want, const std::string& name, Sink& into) {
    // O_NONBLOCK: a FIFO in the place of a blob must not hold us up.
    Result<UniqueFd> opened = sys::openat(dir_, name.c_str(), O_RDONLY | O_NONBLOCK);
    if (!opened.ok() && opened.error().errnum == ENOENT)
      return Error(Kind::invalid, "the blob is missing from the layout");
    const UniqueFd file = TRY(std::move(opened));
    const struct stat st = TRY(sys::fstat(file));
    if (!S_ISREG(st.st_mode)) return Error(Kind::invalid, "it is not a regular file");
    Verifier verified(want, into);
    std::string buffer(kPiece, '\0');
    while (const size_t n = TRY(sys::read(file, buffer.data(), buffer.size()))) {
      TRY(verified.write(std::string_view(buffer).substr(0, n)));
      if (tick_) TRY(tick_());
    }
    return verified.finish();
  }

  const std::string path_;
  const UniqueFd dir_;
  const std::function<Result<>()> tick_;
  std::string index_, name_;
  std::optional<oci::Descriptor> entry_;
};

Result<std::unique_ptr<ImageSource>> open_layout(std::string_view text, const Registry::Options& options) {
  const std::string_view rest = text.substr(kLayoutPrefix.size());
  const size_t colon = rest.find(':');
  const std::string path(rest.substr(0, colon));
  const std::string_view wanted =
      colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  if (path.empty()) return Error(Kind::invalid, str::cat("'", text, "': write oci:DIR or oci:DIR:NAME"));
  Result<UniqueFd> dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir.ok() && dir.error().errnum == ENOENT)
    return Error(Kind::not_found, str::cat("image layout '", path, "' does not exist"));
  auto layout = std::make_unique<LayoutSource>(path, TRY(std::move(dir)), options.tick);
  TRY(layout->select(wanted).within("image layout '", path, "'"));
  return layout;
}

}  // namespace

namespace sources {

bool is_layout(std::string_view text) { return text.starts_with(kLayoutPrefix); }

Result<std::unique_ptr<ImageSource>> open(std::string_view text, const Registry::Options& options) {
  if (is_layout(text)) return open_layout(text, options);
  Reference image = TRY(reference::parse(text));
  Registry registry = TRY(Registry::open(image, options));
  return std::make_unique<RegistrySource>(std::move(image), std::move(registry));
}

}  // namespace sources
