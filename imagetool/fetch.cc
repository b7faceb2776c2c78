#include "imagetool/fetch.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "imagetool/store/image.h"
#include "imagetool/unpack.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"

namespace fetches {

namespace {

// Which blobs have arrived: the only thing that the two threads share, besides the store and the progress.
class Arrivals {
 public:
  void arrived(const oci::Digest& blob) {
    const std::lock_guard lock(mutex_);
    there_.insert(blob);
    changed_.notify_all();
  }
  // Nothing more will come.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  // False: it will not come any more.
  [[nodiscard]] bool wait(const oci::Digest& blob) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || there_.contains(blob); });
    return there_.contains(blob);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<oci::Digest> there_;
  bool stopped_ = false;
};

// The end of the chain for one layer's blob: into the store, and then known to the other thread.
class LayerSink final : public Sink {
 public:
  LayerSink(const Context& context, Arrivals& arrivals, oci::Digest digest, Store::Writer writer,
            UniqueFd lock)
      : progress_(context.progress),
        arrivals_(arrivals),
        digest_(std::move(digest)),
        writer_(std::move(writer)),
        lock_(std::move(lock)) {}

  Result<> write(std::string_view bytes) override {
    progress_.received(digest_, bytes.size());
    if (arrivals_.stopped()) return Error(Kind::conflict, "unpacking has failed");
    return writer_.write(bytes);
  }
  Result<> finish() override {
    TRY(writer_.commit(digest_));
    lock_.reset();
    progress_.fetched(digest_);
    arrivals_.arrived(digest_);
    return {};
  }

 private:
  Progress& progress_;
  Arrivals& arrivals_;
  const oci::Digest digest_;
  Store::Writer writer_;
  UniqueFd lock_;
};

class Fetcher {
 public:
  Fetcher(const Context& context, ImageSource& source, Arrivals& arrivals)
      : context_(context), source_(source), arrivals_(arrivals) {}

  Result<> run(const std::vector<oci::Descriptor>& layers) {
    // First all that nobody else is fetching, at the same time; then what others were at, one after the other, so that
    // we never wait for a lock while we hold one.
    std::vector<oci::Descriptor> busy;
    std::set<oci::Digest> seen;
    for (const oci::Descriptor& layer : layers) {
      if (!seen.insert(layer.digest).second) continue;
      UniqueFd lock = TRY(context_.store.try_part(Store::Part::blob, layer.digest));
      if (context_.store.has(layer))
        present(layer);
      else if (lock.valid())
        TRY(add(layer, std::move(lock)));
      else
        busy.push_back(layer);
    }
    TRY(fetch());
    for (const oci::Descriptor& layer : busy) {
      UniqueFd lock = TRY(context_.store.wait_part(Store::Part::blob, layer.digest));
      if (context_.store.has(layer)) {
        present(layer);
        continue;
      }
      TRY(add(layer, std::move(lock)));
      TRY(fetch());
    }
    return {};
  }

 private:
  void present(const oci::Descriptor& layer) {
    context_.progress.present(layer.digest);
    arrivals_.arrived(layer.digest);
  }
  Result<> add(const oci::Descriptor& layer, UniqueFd lock) {
    Store::Writer writer = TRY(context_.store.begin());
    sinks_.emplace_back(context_, arrivals_, layer.digest, std::move(writer), std::move(lock));
    wanted_.push_back({.want = layer, .into = &sinks_.back()});
    return {};
  }
  Result<> fetch() {
    if (wanted_.empty()) return {};
    Result<> fetched = source_.blobs(wanted_);
    wanted_.clear();
    sinks_.clear();  // and their locks
    return fetched;
  }

  const Context& context_;
  ImageSource& source_;
  Arrivals& arrivals_;
  std::deque<LayerSink> sinks_;  // a deque: the source holds pointers to them
  std::vector<ImageSource::Fetch> wanted_;
};

// The unpacked layers below `count`, topmost first.
Result<std::vector<UniqueFd>> open_lowers(const Store& store, const std::vector<oci::Digest>& chains,
                                          size_t count) {
  std::vector<UniqueFd> lowers;
  while (count > 0) lowers.push_back(TRY(store.open_layer(chains[--count])));
  return lowers;
}

class Unpacker {
 public:
  Unpacker(const Context& context, Arrivals& arrivals, const oci::Manifest& manifest,
           const oci::ImageConfig& config)
      : context_(context),
        arrivals_(arrivals),
        manifest_(manifest),
        config_(config),
        chains_(images::chain_ids(config.diff_ids)) {}

  Result<> run() {
    for (size_t i = 0; i < chains_.size(); ++i) {
      const oci::Descriptor& layer = manifest_.layers[i];
      if (!arrivals_.wait(layer.digest)) return {};  // the other thread knows why
      if (!context_.store.has_layer(chains_[i])) {
        const UniqueFd lock = TRY(context_.store.wait_part(Store::Part::layer, chains_[i]));
        if (!context_.store.has_layer(chains_[i])) TRY(unpack_one(i));
      }
      context_.progress.unpacked(layer.digest);
    }
    return {};
  }

 private:
  Result<> unpack_one(size_t i) {
    const oci::Descriptor& layer = manifest_.layers[i];
    context_.progress.unpacking(layer.digest);
    const std::vector<UniqueFd> lowers = TRY(open_lowers(context_.store, chains_, i));
    const std::vector<Fd> borrowed(lowers.begin(), lowers.end());
    const Store::Unpacking target = TRY(context_.store.begin_layer());
    Undo drop([&] { context_.store.drop_layer(target); });
    const unpack::LayerBlob blob{.blob = TRY(context_.store.open_blob(layer.digest)),
                                 .descriptor = layer,
                                 .diff_id = config_.diff_ids[i]};
    const unpack::Options options{.layer = unpack::options_for(context_.uid, context_.gid)};
    TRY(unpack::layer_for_overlay(blob, borrowed, target.dir, options));
    TRY(context_.store.commit_layer(target, chains_[i]));
    drop.keep();
    return {};
  }

  const Context& context_;
  Arrivals& arrivals_;
  const oci::Manifest& manifest_;
  const oci::ImageConfig& config_;
  const std::vector<oci::Digest> chains_;
};

// Runs `body` in a thread of its own; the progress is kept alive while we wait for it.
class Worker {
 public:
  explicit Worker(std::function<Result<>()> body)
      : thread_([this, body = std::move(body)] {
          Result<> result = body();
          const std::lock_guard lock(mutex_);
          result_ = std::move(result);
          done_.notify_all();
        }) {}
  // Precondition: called once.
  Result<> wait(Progress& progress) {
    constexpr auto kTick = std::chrono::milliseconds(100);
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, kTick, [this] { return result_.has_value(); })) progress.tick();
    lock.unlock();
    thread_.join();
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<Result<>> result_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

Result<> layers(const Context& context, ImageSource* source, const oci::Manifest& manifest,
                const oci::ImageConfig& config) {
  assert(manifest.layers.size() == config.diff_ids.size());
  context.progress.layers(manifest.layers);
  Arrivals arrivals;
  Unpacker unpacker(context, arrivals, manifest, config);
  Worker worker([&] {
    Result<> unpacked = unpacker.run();
    if (!unpacked.ok()) arrivals.stop();
    return unpacked;
  });
  Result<> fetched;
  if (source) {
    fetched = Fetcher(context, *source, arrivals).run(manifest.layers);
  } else {
    for (const oci::Descriptor& layer : manifest.layers) arrivals.arrived(layer.digest);
  }
  if (!fetched.ok()) arrivals.stop();
  Result<> unpacked = worker.wait(context.progress);
  // An unpacking that failed made the fetching stop: its error is the cause.
  TRY(std::move(unpacked));
  return fetched;
}

}  // namespace fetches
