#include "imagetool/unpack.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "imagetool/jail.h"
#include "imagetool/layers/inflate.h"
#include "imagetool/layers/sink.h"
#include "imagetool/layers/tar.h"
#include "spec/base/clock.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace unpack {

namespace {

constexpr size_t kInput = 256 << 10;
constexpr int64_t kReportEvery = 100;  // milliseconds

// Everything a layer's bytes go through.  The hashes are made before the fork: OpenSSL takes locks when one is set up,
// and none while it is used.
class Job {
 public:
  Job(const LayerBlob& layer, layer::Form form, const Options& options)
      : layer_(layer),
        form_(form),
        options_(options),
        diff_(layer.diff_id.algorithm()),
        blob_(layer.descriptor.digest.algorithm()) {}

  // Returns the bytes of a layer::Summary, which can cross a socket.
  Result<std::string> run(const jail::View& view, const std::function<void(uint64_t)>& report) {
    const std::optional<oci::Compression> compression = oci::layer_compression(layer_.descriptor.media_type);
    if (!compression)
      return Error(Kind::unsupported,
                   str::cat("its media type '", str::printable(layer_.descriptor.media_type),
                            "' is not that of a layer"));
    layer::Layer target(form_, view.target, view.lowers, options_.layer);
    tar::Reader reader(target);
    Tee tee(diff_, reader);
    const std::unique_ptr<Sink> inflater = inflate(*compression, tee);
    TRY(pump(view.input, *inflater, report));
    TRY(inflater->finish());
    TRY(check());
    const layer::Summary summary = TRY(target.finish());
    return std::string(reinterpret_cast<const char*>(&summary), sizeof summary);
  }

 private:
  Result<> pump(Fd input, Sink& sink, const std::function<void(uint64_t)>& report) {
    std::vector<char> buffer(kInput);
    uint64_t count = 0;
    int64_t next = clocks::monotonic_ms() + kReportEvery;
    while (const size_t n = TRY(sys::pread(input, buffer.data(), buffer.size(), static_cast<off_t>(count)))) {
      count += n;
      if (count > layer_.descriptor.size) break;
      const std::string_view bytes(buffer.data(), n);
      if (options_.verify_blob) blob_.update(bytes);
      TRY(sink.write(bytes));
      if (!options_.progress || clocks::monotonic_ms() < next) continue;
      report(count);
      next = clocks::monotonic_ms() + kReportEvery;
    }
    if (count == layer_.descriptor.size) return {};
    return Error(Kind::invalid,
                 str::cat("the blob does not have the ", layer_.descriptor.size,
                          " bytes its descriptor announces; remove the image and pull it again"));
  }

  Result<> check() {
    const oci::Digest diff = TRY(diff_.digest());
    if (diff != layer_.diff_id)
      return Error(Kind::invalid, str::cat("unpacks to ", diff.text(), ", and the image's config says ",
                                           layer_.diff_id.text(), ": the image is damaged or forged"));
    if (!options_.verify_blob) return {};
    const oci::Digest blob = TRY(blob_.finish());
    if (blob == layer_.descriptor.digest) return {};
    return Error(Kind::invalid,
                 str::cat("the blob has the digest ", blob.text(), "; remove the image and pull it again"));
  }

  const LayerBlob& layer_;
  const layer::Form form_;
  const Options& options_;
  Digester diff_;
  Hasher blob_;
};

void tell(const layer::Summary& summary, const std::string& name) {
  logs::debug("layer ", name, ": ", summary.entries, " entries, ", summary.bytes, " bytes");
  if (summary.devices_skipped > 0)
    logs::warn("layer ", name, ": ", summary.devices_skipped,
               " device nodes cannot be made without root, ignoring them");
  if (summary.attributes_skipped > 0)
    logs::warn("layer ", name, ": ", summary.attributes_skipped,
               " extended attributes cannot be stored here, ignoring them");
}

Result<> run(const LayerBlob& layer, layer::Form form, const jail::View& view, const Options& options) {
  const std::string name = layer.descriptor.digest.short_id();
  Job job(layer, form, options);
  Result<std::string> done = std::string();
  if (options.jail) {
    const auto body = [&](const jail::View& inside, const std::function<void(uint64_t)>& report) {
      return job.run(inside, report);
    };
    done = jail::run(view, {.body = body, .reported = options.progress});
  } else {
    const mode_t old = sys::umask(0);
    done = job.run(view, options.progress);
    sys::umask(old);
  }
  if (!done.ok()) return std::move(done).within("layer ", name).take_error();
  layer::Summary summary;
  if (done.value().size() != sizeof summary)
    return Error(Kind::protocol, str::cat("layer ", name, ": the unpacking process spoke nonsense"));
  std::memcpy(&summary, done.value().data(), sizeof summary);
  tell(summary, name);
  return {};
}

// The ids inside of our user namespace that exist: /proc/self/uid_map has lines "inside outside count".
std::vector<layer::IdRange> existing_ids(const char* map) {
  const Result<std::string> text = files::read(Fd::cwd(), map, 64 << 10);
  std::vector<layer::IdRange> ranges;
  if (!text.ok()) return ranges;
  for (const std::string_view line : str::split(text.value(), '\n')) {
    std::vector<std::string_view> words = str::split(line, ' ');
    std::erase(words, std::string_view());
    if (words.size() != 3) continue;
    const auto inside = str::number<uint32_t>(words[0]), count = str::number<uint32_t>(words[2]);
    if (inside && count) ranges.push_back({*inside, *inside, *count});
  }
  const bool whole = ranges.size() == 1 && ranges[0].inside == 0 && ranges[0].count == UINT32_MAX;
  if (whole) ranges.clear();
  return ranges;
}

}  // namespace

layer::Options options_for(uint32_t uid, uint32_t gid) {
  layer::Options options{.uid = uid, .gid = gid};
  if (uid == 0) {
    options.uids = existing_ids("/proc/self/uid_map");
    options.gids = existing_ids("/proc/self/gid_map");
    if (options.uids.empty()) return options;
  } else {
    options.root = false;
    options.uids = {{0, uid, 1}};
    options.gids = {{0, gid, 1}};
  }
  options.control = layer::Control::user;
  options.devices = false;
  return options;
}

Result<> layer_for_overlay(const LayerBlob& layer, std::span<const Fd> lowers, Fd target,
                           const Options& options) {
  const jail::View view{.target = target, .lowers = {lowers.begin(), lowers.end()}, .input = layer.blob};
  return run(layer, layer::Form::overlay, view, options);
}

Result<> layer_onto_tree(const LayerBlob& layer, Fd root, const Options& options) {
  return run(layer, layer::Form::tree, {.target = root, .lowers = {}, .input = layer.blob}, options);
}

}  // namespace unpack
