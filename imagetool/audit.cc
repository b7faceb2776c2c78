#include "imagetool/audit.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "imagetool/jail.h"
#include "imagetool/layers/compare.h"
#include "imagetool/limits.h"
#include "imagetool/store/blob_file.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"
#include "imagetool/store/leases.h"
#include "imagetool/unpack.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace audit {

namespace {

// What leads into the store: an entry of index.json, or a lease.
struct Root {
  oci::Descriptor descriptor;
  std::string name;  // for people
};

// An image whose documents are whole.
struct Candidate {
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  std::vector<oci::Digest> diff_ids, chain_ids;
};

// A layer that was unpacked again, as long as those above it need it.
class Scratch {
 public:
  Scratch(const Store& store, Store::Unpacking unpacking) : store_(store), unpacking_(std::move(unpacking)) {}
  Scratch(const Scratch&) = delete;
  ~Scratch() { store_.drop_layer(unpacking_.name); }
  [[nodiscard]] Fd dir() const { return unpacking_.dir; }

 private:
  const Store& store_;
  Store::Unpacking unpacking_;
};

bool is_image(const oci::Manifest& manifest) {
  const std::string& type = manifest.config.media_type;
  return (type == oci::media::kConfig || type == oci::media::kDockerConfig) &&
         std::ranges::all_of(manifest.layers, [](const oci::Descriptor& layer) {
           return oci::layer_compression(layer.media_type).has_value();
         });
}

class Audit {
 public:
  Audit(const Store& store, const Options& options) : store_(store), options_(options) {}

  Result<Report> run() {
    options_.step("reading the blobs");
    TRY(read_blobs());
    const std::vector<Root> roots = TRY(find_roots());
    for (const Root& root : roots) TRY(follow(root));
    report_.images = images_.size();
    if (options_.layers)
      for (const Candidate& image : candidates_) TRY(check_layers(image));
    finish();
    return std::move(report_);
  }

 private:
  Problem& problem(Part part, const oci::Digest& digest, std::string text) {
    const auto [at, fresh] = known_.emplace(std::pair(part, digest), report_.problems.size());
    if (fresh) report_.problems.push_back({.part = part, .digest = digest, .text = std::move(text)});
    return report_.problems[at->second];
  }

  // ---- blobs ----

  Result<> read_blobs() {
    const UniqueFd blobs = TRY(open_dir(store_.root(), "blobs"));
    for (const sys::Entry& algorithm : TRY(sys::list(blobs))) {
      const UniqueFd dir = TRY(open_dir(blobs, algorithm.name));
      TRY(read_all(dir, algorithm.name));
    }
    const UniqueFd staged = TRY(open_dir(store_.root(), str::cat("staging/", store_.boot_id(), "/blobs")));
    return read_all(staged, "sha256");
  }

  static Result<UniqueFd> open_dir(Fd parent, const std::string& name) {
    return sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  Result<> read_all(Fd dir, std::string_view algorithm) {
    for (const sys::Entry& file : TRY(sys::list(dir))) {
      const Result<oci::Digest> digest = oci::Digest::parse(str::cat(algorithm, ":", file.name));
      if (!digest.ok()) continue;  // no blob: another tool's own business
      const Result<blob_file::Found> found = blob_file::read(dir, file.name, algorithm);
      if (!found.ok() && found.error().errnum == ENOENT) continue;  // settled since it was listed
      ++report_.blobs;
      if (!found.ok()) {
        problem(Part::blob, digest.value(), str::cat("cannot be read: ", found.error().message));
        continue;
      }
      report_.bytes += found.value().bytes;
      const oci::Digest& own = found.value().digest;
      if (own != digest.value())
        problem(Part::blob, digest.value(), str::cat("is damaged: its digest is ", own.text()));
    }
    return {};
  }

  // ---- images ----

  Result<std::vector<Root>> find_roots() {
    std::vector<Root> roots;
    for (const catalog::Entry& entry : TRY(catalog::read(store_)))
      roots.push_back({entry.descriptor, entry.name.empty() ? entry.descriptor.digest.text() : entry.name});
    Result<std::vector<Lease>> leases = leases::all(store_);
    if (!leases.ok()) {
      problem(Part::lease, {}, leases.error().message);
      return roots;
    }
    for (const Lease& lease : leases.value()) {
      roots.push_back({lease.manifest, str::cat("bundle '", lease.bundle, "'")});
      for (const oci::Digest& chain : lease.chain_ids)
        if (!store_.has_layer(chain))
          problem(Part::layer, chain, "is missing").needed_by.push_back(roots.back().name);
    }
    return roots;
  }

  // Whether the blob is there and whole; else who needs it is noted.
  bool is_good(const oci::Descriptor& blob, const Root& root) {
    const auto bad = known_.find({Part::blob, blob.digest});
    if (bad == known_.end() && store_.has(blob)) return true;
    const Result<UniqueFd> file = store_.open_blob(blob.digest);
    std::string text = "is missing";
    if (file.ok()) text = str::cat("does not have the ", blob.size, " bytes that its descriptor announces");
    add_user(problem(Part::blob, blob.digest, std::move(text)), root);
    return false;
  }

  void add_user(Problem& problem, const Root& root) {
    if (std::ranges::find(problem.needed_by, root.name) == problem.needed_by.end())
      problem.needed_by.push_back(root.name);
    broken_.insert_or_assign(root.descriptor.digest, root.descriptor);
  }

  // An index may name manifests that are not here; a manifest needs all that it names.
  Result<> follow(const Root& root) {
    std::vector<oci::Descriptor> left = {root.descriptor};
    std::set<oci::Digest> seen;
    for (bool first = true; !left.empty(); first = false) {
      const oci::Descriptor at = std::move(left.back());
      left.pop_back();
      if (!seen.insert(at.digest).second || (!first && !store_.has(at))) continue;
      images_.insert(at.digest);
      if (!is_good(at, root)) continue;
      if (!oci::is_index(at.media_type)) {
        TRY(follow_manifest(at, root));
        continue;
      }
      images_.erase(at.digest);
      const std::string text = TRY(store_.read_blob(at, limits::kIndex));
      const Result<oci::Index> index = oci::parse_index(text, at.media_type);
      if (!index.ok())
        add_user(problem(Part::image, at.digest, str::cat("index: ", index.error().message)), root);
      else
        left.insert(left.end(), index.value().manifests.begin(), index.value().manifests.end());
    }
    return {};
  }

  Result<> follow_manifest(const oci::Descriptor& at, const Root& root) {
    const Result<std::string> text = store_.read_blob(at, limits::kManifest);
    const Result<oci::Manifest> manifest =
        text.ok() ? oci::parse_manifest(text.value(), at.media_type) : Result<oci::Manifest>(text.error());
    if (!manifest.ok()) {
      add_user(problem(Part::image, at.digest, str::cat("manifest: ", manifest.error().message)), root);
      return {};
    }
    const bool config = is_good(manifest.value().config, root);
    for (const oci::Descriptor& layer : manifest.value().layers) (void)is_good(layer, root);  // it notes
    if (config && is_image(manifest.value())) follow_config(at, manifest.value(), root);
    return {};
  }

  void follow_config(const oci::Descriptor& at, const oci::Manifest& manifest, const Root& root) {
    const Result<std::string> text = store_.read_blob(manifest.config, limits::kImageConfig);
    const Result<oci::ImageConfig> config =
        text.ok() ? oci::parse_image_config(text.value()) : Result<oci::ImageConfig>(text.error());
    if (!config.ok()) {
      add_user(problem(Part::image, at.digest, str::cat("image config: ", config.error().message)), root);
      return;
    }
    const std::vector<oci::Digest>& diff_ids = config.value().diff_ids;
    if (diff_ids.size() != manifest.layers.size()) {
      add_user(problem(Part::image, at.digest,
                       str::cat("has ", manifest.layers.size(), " layers in its manifest and ",
                                diff_ids.size(), " diff_ids in its config")),
               root);
      return;
    }
    Candidate image{.descriptor = at, .manifest = manifest, .diff_ids = diff_ids};
    image.chain_ids = images::chain_ids(diff_ids);
    for (const oci::Digest& chain : image.chain_ids) needed_[chain].push_back(root);
    if (listed_.insert(at.digest).second) candidates_.push_back(std::move(image));
  }

  // ---- layers ----

  Result<> check_layers(const Candidate& image) {
    std::vector<UniqueFd> lowers;                   // the lowest first
    std::vector<std::unique_ptr<Scratch>> scratch;  // those of them that the store has not got, or wrongly
    options_.step(str::cat("unpacking the layers of ", needed_by(image), " again"));
    for (size_t i = 0; i < image.chain_ids.size(); ++i) {
      const oci::Digest& chain = image.chain_ids[i];
      if (!sound_.contains(chain)) {
        // Without its blob a layer cannot be proved; those above it can.
        const bool blob = !known_.contains({Part::blob, image.manifest.layers[i].digest});
        std::unique_ptr<Scratch> again;
        if (blob) again = TRY(unpack_again(image, i, lowers));
        const bool proved = again && TRY(compare(chain, *again));
        if (again && !proved) {
          lowers.push_back(TRY(sys::openat(again->dir(), ".", O_RDONLY | O_DIRECTORY)));
          scratch.push_back(std::move(again));
          continue;
        }
      }
      Result<UniqueFd> there = store_.open_layer(chain);
      if (!there.ok()) return {};  // what lies above it cannot be unpacked
      lowers.push_back(std::move(there).take());
    }
    return {};
  }

  std::string needed_by(const Candidate& image) {
    const auto found = needed_.find(image.chain_ids.empty() ? oci::Digest() : image.chain_ids.back());
    return found == needed_.end() ? image.descriptor.digest.text() : str::printable(found->second[0].name);
  }

  // Null: it cannot be, which is noted.
  Result<std::unique_ptr<Scratch>> unpack_again(const Candidate& image, size_t i,
                                                const std::vector<UniqueFd>& lowers) {
    const oci::Descriptor& blob = image.manifest.layers[i];
    Store::Unpacking target = TRY(store_.begin_layer());
    const Fd dir = target.dir;
    auto scratch = std::make_unique<Scratch>(store_, std::move(target));
    const std::vector<Fd> topmost_first(lowers.rbegin(), lowers.rend());
    const UniqueFd file = TRY(store_.open_blob(blob.digest));
    // A repair before us may have left a name look-up of libcurl's, which ends by itself.
    while (!jail::alone()) (void)TRY(sys::poll({}, 10));  // nothing to hear, only to wait
    unpack::Layer layer{.blob = blob, .diff_id = image.diff_ids[i], .options = options_.unpacking};
    // What is there has been let in once, by whatever ratio its pull allowed.
    if (store_.has_layer(image.chain_ids[i])) layer.options.max_ratio = UINT32_MAX;
    const Result<> unpacked =
        wait_for(TRY(unpack::Process::start(file, layer, topmost_first, dir)), blob.size);
    if (unpacked.ok()) return scratch;
    if (unpacked.error().kind != Kind::invalid && unpacked.error().kind != Kind::unsupported)
      return unpacked.error();
    blame(Part::layer, image.chain_ids[i], unpacked.error().message);
    return std::unique_ptr<Scratch>();
  }

  // Precondition: all of the blob is there.
  static Result<> wait_for(unpack::Process process, uint64_t size) {
    TRY(process.arrived(size));
    for (;;) {
      if (std::optional<Result<>> ended = process.ended()) return std::move(*ended);
      pollfd news{.fd = process.socket().raw(), .events = POLLIN, .revents = 0};
      (void)TRY(sys::poll({&news, 1}, -1));  // ended() tells what it is
    }
  }

  // Whether the store has the layer, and it is what was unpacked again.
  Result<bool> compare(const oci::Digest& chain, const Scratch& again) {
    const Result<UniqueFd> there = store_.open_layer(chain);
    if (!there.ok() && there.error().kind == Kind::not_found) return false;
    if (!there.ok()) return there.error();
    ++report_.layers;
    const layer::Comparison result =
        TRY(layer::compare(again.dir(), there.value()).within("layer ", chain.text()));
    report_.unreadable += result.unreadable;
    if (result.count == 0) {
      sound_.insert(chain);
      return true;
    }
    std::string text = str::cat("is damaged: ", str::join(result.differences, ", "));
    if (result.count > result.differences.size())
      text += str::cat(", and ", result.count - result.differences.size(), " more");
    blame(Part::layer, chain, std::move(text));
    return false;
  }

  void blame(Part part, const oci::Digest& chain, std::string text) {
    Problem& found = problem(part, chain, std::move(text));
    for (const Root& root : needed_[chain]) add_user(found, root);
  }

  void finish() {
    for (auto& [digest, descriptor] : broken_) report_.broken.push_back(std::move(descriptor));
  }

  const Store& store_;
  const Options& options_;
  Report report_;
  std::map<std::pair<Part, oci::Digest>, size_t> known_;  // problems by what they are about
  std::map<oci::Digest, oci::Descriptor> broken_;
  std::set<oci::Digest> images_, listed_, sound_;    // manifests; candidates; layers that were proved
  std::map<oci::Digest, std::vector<Root>> needed_;  // by chain id
  std::vector<Candidate> candidates_;
};

}  // namespace

std::string_view text_of(Part part) {
  constexpr std::string_view kTexts[] = {"image", "blob", "layer", "lease"};
  return kTexts[static_cast<size_t>(part)];
}

Result<Report> run(const Store& store, const Options& options) { return Audit(store, options).run(); }

}  // namespace audit
