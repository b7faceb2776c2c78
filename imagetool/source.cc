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
constexpr size_t kPiece = 256 << 10;

Result<> check(const oci::Descriptor& want, std::string_view text, const oci::Digest& digest) {
  if (digest == want.digest && text.size() == want.size) return {};
  return Error(Kind::invalid, str::cat("wanted ", want.digest.text(), " of ", want.size, " bytes, got ",
                                       digest.text(), " of ", text.size()));
}

// image-layout.md: {"imageLayoutVersion": "1.0.0"}
Result<> check_layout(std::string_view text) {
  const json::Document mark = TRY(json::parse(text, {.name = "oci-layout", .bytes = 4096, .depth = 16}));
  const auto version = mark.root().find_string("imageLayoutVersion");
  if (!version) return Error(Kind::invalid, "oci-layout: it says no imageLayoutVersion");
  if (version->starts_with("1.")) return {};
  return Error(Kind::unsupported, str::cat("oci-layout: it is of version '", str::shortened(*version, 32),
                                           "', and this program knows version 1"));
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

  Result<std::string> config(const oci::Descriptor& want) override { return registry_.read_blob(want); }
  void start(BlobRequest& blob) override { registry_.start(blob); }
  void drop(const BlobRequest& blob) override { registry_.drop(blob); }
  void step() override { registry_.step(); }
  [[nodiscard]] bool busy() const override { return false; }  // http::Client knows

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
  LayoutSource(std::string path, UniqueFd dir) : path_(std::move(path)), dir_(std::move(dir)) {}

  // Finds the entry of index.json that `wanted` names; empty: the only one.
  Result<> select(std::string_view wanted) {
    TRY(check_layout(TRY(files::read(dir_, "oci-layout", 4096).within("it is no OCI image layout"))));
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
    if (want.size > limits::kManifest)
      return Error(Kind::invalid, str::cat(want.digest.text(), " has ", want.size, " bytes, and ",
                                           limits::kManifest, " are the most"));
    std::string text = TRY(config(want));
    return Document{want, std::move(text)};
  }

  Result<std::string> config(const oci::Descriptor& want) override {
    const auto read = [&]() -> Result<std::string> {
      const UniqueFd file = TRY(open_blob(want));
      StringSink text;
      Verifier verified(want, text);
      std::string buffer(kPiece, '\0');
      while (const size_t n = TRY(sys::read(file, buffer.data(), buffer.size())))
        TRY(verified.write(std::string_view(buffer).substr(0, n)));
      TRY(verified.finish());
      return text.take();
    };
    return read().within(place(), ": ", blob_name(want));
  }

  void start(BlobRequest& blob) override { copies_.push_back({.blob = &blob, .at = blob.from}); }
  void drop(const BlobRequest& blob) override {
    std::erase_if(copies_, [&](const Copy& copy) { return copy.blob == &blob; });
  }
  [[nodiscard]] bool busy() const override { return std::ranges::any_of(copies_, &Copy::pending); }

  // One piece of the first that is not done.
  void step() override {
    const auto next = std::ranges::find_if(copies_, &Copy::pending);
    if (next == copies_.end()) return;
    Result<> moved = move_on(*next);
    if (moved.ok() && next->at < next->blob->descriptor.size) return;
    next->blob->result = std::move(moved).within(place(), ": ", blob_name(next->blob->descriptor));
    next->file.reset();
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

  struct Copy {
    BlobRequest* blob = nullptr;
    uint64_t at = 0;
    UniqueFd file;
    [[nodiscard]] bool pending() const { return !blob->result; }
  };

  static std::string blob_name(const oci::Descriptor& want) {
    return str::cat("blobs/", want.digest.algorithm(), "/", want.digest.hex());
  }

  Result<UniqueFd> open_blob(const oci::Descriptor& want) {
    // O_NONBLOCK: a FIFO in the place of a blob must not hold us up.
    Result<UniqueFd> opened = sys::openat(dir_, blob_name(want).c_str(), O_RDONLY | O_NONBLOCK);
    if (!opened.ok() && opened.error().errnum == ENOENT)
      return Error(Kind::invalid, "the blob is missing from the layout");
    UniqueFd file = TRY(std::move(opened));
    const struct stat st = TRY(sys::fstat(file));
    if (!S_ISREG(st.st_mode)) return Error(Kind::invalid, "it is not a regular file");
    if (static_cast<uint64_t>(st.st_size) != want.size)
      return Error(Kind::invalid, str::cat("has ", st.st_size, " bytes instead of the ", want.size,
                                           " its descriptor announces"));
    return file;
  }

  Result<> move_on(Copy& copy) {
    if (!copy.file.valid()) copy.file = TRY(open_blob(copy.blob->descriptor));
    buffer_.resize(kPiece);
    const uint64_t left = copy.blob->descriptor.size - copy.at;
    const size_t n = TRY(
        sys::pread(copy.file, buffer_.data(), std::min<uint64_t>(left, kPiece), static_cast<off_t>(copy.at)));
    if (n == 0 && left > 0) return Error(Kind::invalid, "became shorter while it was read");
    TRY(copy.blob->write(copy.at, std::string_view(buffer_).substr(0, n)));
    copy.at += n;
    return {};
  }

  const std::string path_;
  const UniqueFd dir_;
  std::vector<Copy> copies_;
  std::string buffer_;
  std::string index_, name_;
  std::optional<oci::Descriptor> entry_;
};

Result<std::unique_ptr<ImageSource>> open_layout(std::string_view text) {
  const std::string_view rest = text.substr(kLayoutPrefix.size());
  const size_t colon = rest.find(':');
  const std::string path(rest.substr(0, colon));
  const std::string_view wanted =
      colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  if (path.empty()) return Error(Kind::invalid, str::cat("'", text, "': write oci:DIR or oci:DIR:NAME"));
  Result<UniqueFd> dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir.ok() && dir.error().errnum == ENOENT)
    return Error(Kind::not_found, str::cat("image layout '", path, "' does not exist"));
  auto layout = std::make_unique<LayoutSource>(path, TRY(std::move(dir)));
  TRY(layout->select(wanted).within("image layout '", path, "'"));
  return layout;
}

}  // namespace

namespace sources {

bool is_layout(std::string_view text) { return text.starts_with(kLayoutPrefix); }

Result<std::unique_ptr<ImageSource>> open(std::string_view text, const Registry::Options& options) {
  if (is_layout(text)) return open_layout(text);
  Reference image = TRY(reference::parse(text));
  Registry registry = TRY(Registry::open(image, options));
  return std::make_unique<RegistrySource>(std::move(image), std::move(registry));
}

}  // namespace sources
