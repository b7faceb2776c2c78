#include "imagetool/unpack.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "imagetool/layers/inflate.h"
#include "imagetool/layers/ring.h"
#include "imagetool/layers/sink.h"
#include "imagetool/layers/tar.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace unpack {

namespace {

constexpr size_t kInput = 128 << 10;

// ---- in the child ----

// The blob, as far as it has come.  An eventfd counts what was added; each read of it takes the sum away.
class Input {
 public:
  Input(Fd blob, Fd growth, Fd stopped, uint64_t size)
      : blob_(blob), growth_(growth), stopped_(stopped), size_(size), buffer_(kInput) {}

  // The next bytes; empty at the blob's end.  Waits for them.
  Result<std::string_view> next() {
    while (at_ == whole_ && whole_ < size_) TRY(wait());
    const size_t most = std::min<uint64_t>(buffer_.size(), whole_ - at_);
    const size_t n = most == 0 ? 0 : TRY(sys::pread(blob_, buffer_.data(), most, static_cast<off_t>(at_)));
    if (n == 0 && most > 0)
      return Error(Kind::invalid,
                   str::cat("the blob does not have the ", size_,
                            " bytes its descriptor announces; remove the image and pull it again"));
    at_ += n;
    return std::string_view(buffer_.data(), n);
  }

 private:
  Result<> wait() {
    pollfd fds[] = {{.fd = growth_.raw(), .events = POLLIN, .revents = 0},
                    {.fd = stopped_.raw(), .events = POLLIN, .revents = 0}};
    (void)TRY(sys::poll(fds, -1));
    if (fds[1].revents) return Error(Kind::conflict, "unpacking has stopped");
    uint64_t more = 0;
    (void)TRY(sys::read(growth_, reinterpret_cast<char*>(&more), sizeof more));
    whole_ += more;
    return {};
  }

  const Fd blob_, growth_, stopped_;
  const uint64_t size_;
  std::vector<char> buffer_;
  uint64_t at_ = 0, whole_ = 0;
};

class Job {
 public:
  Job(const Layer& layer, oci::Compression compression) : layer_(layer), compression_(compression) {}

  // Returns the bytes of a layer::Summary, which can cross a socket.  others: the blob, and what counts its growth.
  Result<std::string> run(const jail::View& view) {
    const UniqueFd stopped = TRY(sys::eventfd());
    Input input(view.others[0], view.others[1], stopped, layer_.blob.size);
    layer::Layer target(layer::Form::overlay, view.target, view.lowers, layer_.options);
    Digester diff(layer_.diff_id.algorithm());
    Result<> read, hashed;
    std::thread reader([&] { read = inflate_all(input); });
    std::thread hasher([&] { hashed = hash(diff); });
    Result<> unpacked = extract(target);
    if (!unpacked.ok()) release(stopped);
    reader.join();
    hasher.join();
    // In the stream's order: what was unpacked came before what could not be read.
    TRY(std::move(unpacked));
    TRY(std::move(read));
    TRY(std::move(hashed));
    TRY(check(diff));
    const layer::Summary summary = TRY(target.finish());
    return std::string(reinterpret_cast<const char*>(&summary), sizeof summary);
  }

 private:
  Result<> inflate_all(Input& input) {
    const std::unique_ptr<Sink> inflater = inflate(compression_, ring_, {.ratio = layer_.options.max_ratio});
    const auto all = [&]() -> Result<> {
      for (;;) {
        const std::string_view bytes = TRY(input.next());
        if (bytes.empty()) return inflater->finish();
        TRY(inflater->write(bytes));
      }
    };
    Result<> done = all();
    if (!done.ok()) ring_.abandon();
    return done;
  }

  Result<> hash(Digester& diff) {
    (void)TRY(ring_.drain(0, diff));
    return {};
  }

  Result<> extract(layer::Layer& target) {
    tar::Reader reader(target);
    const bool complete = TRY(ring_.drain(1, reader));
    return complete ? reader.finish() : Result<>();
  }

  // The threads that wait for more.
  void release(Fd stopped) {
    ring_.stop();
    const uint64_t one = 1;
    (void)sys::write_all(stopped, {reinterpret_cast<const char*>(&one), sizeof one});  // it has room for one
  }

  Result<> check(Digester& diff) const {
    const oci::Digest got = TRY(diff.digest());
    if (got == layer_.diff_id) return {};
    return Error(Kind::invalid, str::cat("unpacks to ", got.text(), ", and the image's config says ",
                                         layer_.diff_id.text(), ": the image is damaged or forged"));
  }

  const Layer& layer_;
  const oci::Compression compression_;
  Ring ring_{2};
};

// ---- in the caller ----

void tell(const layer::Summary& summary, const std::string& name) {
  logs::debug("layer ", name, ": ", summary.entries, " entries, ", summary.bytes, " bytes");
  if (summary.devices_skipped > 0)
    logs::warn("layer ", name, ": ", summary.devices_skipped,
               " device nodes cannot be made without root, ignoring them");
  if (summary.attributes_skipped > 0)
    logs::warn("layer ", name, ": ", summary.attributes_skipped,
               " extended attributes cannot be stored here, ignoring them");
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

layer::Options options_for(uint32_t uid, uint32_t gid, std::string more_ids) {
  layer::Options options{.uid = uid, .gid = gid, .more_ids = std::move(more_ids)};
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

Result<Process> Process::start(Fd blob, const Layer& layer, std::span<const Fd> lowers, Fd target) {
  const std::string name = layer.blob.digest.short_id();
  const std::optional<oci::Compression> compression = oci::layer_compression(layer.blob.media_type);
  if (!compression)
    return Error(Kind::unsupported,
                 str::cat("layer ", name, ": its media type '", str::printable(layer.blob.media_type),
                          "' is not that of a layer"));
  UniqueFd growth = TRY(sys::eventfd());
  const jail::View view{.target = target, .lowers = {lowers.begin(), lowers.end()}, .others = {blob, growth}};
  const jail::Body body = [&](const jail::View& inside) { return Job(layer, *compression).run(inside); };
  jail::Child child = TRY(jail::Child::start(view, body));
  return Process(std::move(child), std::move(growth), name);
}

Result<> Process::arrived(uint64_t whole) {
  if (whole == told_) return {};
  const uint64_t more = whole - told_;
  // Full only if the child has filled it.
  const Result<> told = sys::write_all(growth_, {reinterpret_cast<const char*>(&more), sizeof more});
  if (!told.ok()) return Error(Kind::protocol, str::cat("layer ", name_, ": the unpacking process is stuck"));
  told_ = whole;
  return {};
}

std::optional<Result<>> Process::ended() {
  std::optional<Result<std::string>> last = child_.poll();
  if (!last) return std::nullopt;
  if (!last->ok()) return Result<>(std::move(*last).within("layer ", name_).take_error());
  layer::Summary summary;
  if (last->value().size() != sizeof summary)
    return Result<>(
        Error(Kind::protocol, str::cat("layer ", name_, ": the unpacking process spoke nonsense")));
  std::memcpy(&summary, last->value().data(), sizeof summary);
  tell(summary, name_);
  return Result<>();
}

}  // namespace unpack
