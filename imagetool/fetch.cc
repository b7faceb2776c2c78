#include "imagetool/fetch.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <list>
#include <map>
#include <set>

#include "imagetool/arrival.h"
#include "imagetool/awaited.h"
#include "imagetool/jail.h"
#include "imagetool/store/image.h"
#include "imagetool/unpack.h"
#include "spec/base/clock.h"
#include "spec/base/undo.h"

namespace fetches {

namespace {

constexpr int kTickMs = 100;
constexpr size_t kProcesses = 2;  // of several images: layers of one wait for each other

// The unpacked layers below `count`, topmost first.
Result<std::vector<UniqueFd>> open_lowers(const Store& store, const std::vector<oci::Digest>& chains,
                                          size_t count) {
  std::vector<UniqueFd> lowers;
  while (count > 0) lowers.push_back(TRY(store.open_layer(chains[--count])));
  return lowers;
}

// One layer on its way to a tree of the store.
class Unpacked {
 public:
  Unpacked(const Context& context, Arrival& blob, const oci::Digest& diff_id, std::vector<oci::Digest> chains,
           const Unpacked* below)
      : context_(context), blob_(blob), diff_id_(diff_id), chains_(std::move(chains)), below_(below) {}

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] bool running() const { return work_.has_value(); }
  [[nodiscard]] Fd socket() const { return work_->process.socket(); }
  // It has ended, and its blob is still to be judged.
  [[nodiscard]] bool waits() const { return work_ && work_->ended; }
  void cancel() { work_.reset(); }

  // Moves on without waiting.  `may_start`: there is a place for another process.
  void step(bool may_start) {
    if (!done_ && !error_) {
      Result<> moved = work_ ? follow() : may_start ? begin() : Result<>();
      if (!moved.ok()) error_ = moved.take_error();
      if (error_) work_.reset();
    }
    if (!told_ && complete()) context_.progress.unpacked(blob_.blob().digest);
    told_ = told_ || complete();
  }
  // With its blob.
  [[nodiscard]] bool complete() const { return done_ && blob_.state() == Arrival::State::there; }

 private:
  // In this order: the process ends before its tree goes, and that before anybody else may make it.
  struct Work {
    UniqueFd lock;
    Store::Unpacking target;
    Undo drop;
    unpack::Process process;
    unsigned generation = 0;
    std::optional<Result<>> ended;
    bool told = false;
  };

  [[nodiscard]] const oci::Digest& chain() const { return chains_.back(); }

  Result<> begin() {
    if (below_ && !below_->done()) return {};
    if (!std::exchange(looked_, true) && (done_ = context_.store.has_layer(chain()))) return {};
    const bool there = blob_.state() == Arrival::State::there;
    if (!there && (blob_.state() != Arrival::State::arriving || blob_.whole() == 0)) return {};
    const int64_t now = clocks::monotonic_ms();
    if (now < look_again_ms_ || !jail::alone()) return {};
    look_again_ms_ = now + kTickMs;
    UniqueFd lock = TRY(context_.store.try_part(Store::Part::layer, chain()));
    if ((done_ = context_.store.has_layer(chain()))) return {};
    if (lock.valid()) return start(std::move(lock));
    if (const auto news = awaited_.news(context_.store, Store::Part::layer, chain(), blob_.blob().digest))
      context_.progress.notice(*news);
    return {};
  }

  Result<> start(UniqueFd lock) {
    const Store& store = context_.store;
    const std::vector<UniqueFd> lowers = TRY(open_lowers(store, chains_, chains_.size() - 1));
    const std::vector<Fd> borrowed(lowers.begin(), lowers.end());
    const UniqueFd blob = TRY(blob_.open());
    Store::Unpacking target = TRY(store.begin_layer());
    Undo drop([&store, name = target.name] { store.drop_layer(name); });
    const unpack::Layer layer{.blob = blob_.blob(), .diff_id = diff_id_, .options = context_.unpacking};
    unpack::Process process = TRY(unpack::Process::start(blob, layer, borrowed, target.dir));
    work_.emplace(Work{.lock = std::move(lock),
                       .target = std::move(target),
                       .drop = std::move(drop),
                       .process = std::move(process),
                       .generation = blob_.generation()});
    return follow();
  }

  Result<> follow() {
    const bool there = blob_.state() == Arrival::State::there;
    const bool other_bytes = work_->generation != blob_.generation();
    if (other_bytes || (!there && blob_.state() != Arrival::State::arriving)) {
      work_.reset();
      return {};
    }
    if (there && !std::exchange(work_->told, true)) context_.progress.unpacking(blob_.blob().digest);
    if (!work_->ended) {
      TRY(work_->process.arrived(blob_.whole()));
      work_->ended = work_->process.ended();
    }
    if (!work_->ended) return {};
    // Bytes that were not the blob's say nothing about the layer.
    const bool about_bytes = work_->ended->ok() || work_->ended->error().kind != Kind::os;
    if (!there && about_bytes) return {};
    TRY(std::move(*work_->ended));
    TRY(context_.store.commit_layer(work_->target, chain()));
    work_->drop.keep();
    work_.reset();
    done_ = true;
    return {};
  }

  const Context& context_;
  Arrival& blob_;
  const oci::Digest diff_id_;
  const std::vector<oci::Digest> chains_;  // up to this layer's
  const Unpacked* const below_;
  std::optional<Work> work_;
  bool looked_ = false, done_ = false, told_ = false;
  std::optional<Error> error_;
  int64_t look_again_ms_ = 0;
  Awaited awaited_;
};

class Run {
 public:
  Run(const Context& context, std::vector<Order>& orders) : context_(context), orders_(orders) {
    for (const Order& order : orders) add(order);
  }

  Result<> all() {
    for (;;) {
      step();
      for (size_t i = 0; i < orders_.size(); ++i) judge(i);
      const bool left =
          std::ranges::any_of(orders_, [](const Order& order) { return !order.result.has_value(); });
      if (!left) return {};
      context_.progress.tick();
      if (context_.tick) TRY(context_.tick());
      wait();
    }
  }

 private:
  struct Parts {
    std::vector<Arrival*> blobs;
    std::vector<Unpacked*> layers;
  };

  void add(const Order& order) {
    const oci::Manifest& manifest = *order.manifest;
    assert(manifest.layers.size() == order.config->diff_ids.size());
    context_.progress.layers(manifest.layers);
    const std::vector<oci::Digest> chains = images::chain_ids(order.config->diff_ids);
    Parts& parts = parts_.emplace_back();
    for (size_t i = 0; i < chains.size(); ++i) {
      const oci::Descriptor& blob = manifest.layers[i];
      // One that says another size of the same blob gets an Arrival of its own, which will fail.
      auto arrival = std::ranges::find_if(arrivals_, [&](const Arrival& known) {
        return known.blob().digest == blob.digest && known.blob().size == blob.size;
      });
      if (arrival == arrivals_.end())
        arrival = arrivals_.emplace(arrivals_.end(), context_.store, order.source, blob);
      parts.blobs.push_back(&*arrival);
      Unpacked*& layer = by_chain_[chains[i]];
      if (!layer)
        layer =
            &layers_.emplace_back(context_, *arrival, order.config->diff_ids[i],
                                  std::vector(chains.begin(), chains.begin() + static_cast<ptrdiff_t>(i) + 1),
                                  i > 0 ? parts.layers.back() : nullptr);
      parts.layers.push_back(layer);
    }
  }

  void step() {
    step_sources();
    for (Arrival& arrival : arrivals_) {
      if (dropped_.contains(&arrival)) continue;
      arrival.step();
      show(arrival);
    }
    step_sources();  // to what they have just been asked for
    auto running = static_cast<size_t>(std::ranges::count_if(layers_, &Unpacked::running));
    for (Unpacked& layer : layers_) {
      const bool before = layer.running();
      if (!dropped_.contains(&layer)) layer.step(running < kProcesses);
      if (layer.running() && !before) ++running;
    }
  }

  void step_sources() {
    for (const Order& order : orders_)
      if (order.source) order.source->step();
  }

  void show(Arrival& arrival) {
    const oci::Digest& digest = arrival.blob().digest;
    if (arrival.state() == Arrival::State::arriving || arrival.state() == Arrival::State::waiting)
      context_.progress.received(digest, arrival.received());
    if (const auto news = arrival.take_news()) context_.progress.notice(*news);
    if (arrival.state() != Arrival::State::there || !shown_.insert(&arrival).second) return;
    if (arrival.fetched())
      context_.progress.fetched(digest);
    else
      context_.progress.present(digest);
  }

  // Whether an image that may still succeed needs this part.
  template <class Part>
  [[nodiscard]] bool wanted(const Part& part, std::vector<Part*> Parts::*kind) const {
    for (size_t i = 0; i < orders_.size(); ++i) {
      const std::vector<Part*>& parts = parts_[i].*kind;
      if (!orders_[i].result && std::ranges::find(parts, &part) != parts.end()) return true;
    }
    return false;
  }

  // Whether an image has all its parts, or cannot get one of them.
  void judge(size_t i) {
    Order& order = orders_[i];
    if (order.result) return;
    bool all = true;
    for (size_t k = 0; k < parts_[i].blobs.size() && !order.result; ++k) {
      const Arrival& blob = *parts_[i].blobs[k];
      const Unpacked& layer = *parts_[i].layers[k];
      if (blob.state() == Arrival::State::failed)
        order.result = blob.error();
      else if (layer.error())
        order.result = *layer.error();
      all = all && layer.complete();
    }
    if (!order.result && all) order.result = Result<>();
    if (order.result && !order.result->ok()) give_up(order.result->error());
  }

  // What only a failed image needs is let go of.  On a full disk nothing half there stays in the way.
  void give_up(const Error& error) {
    const bool full = error.errnum == ENOSPC || error.errnum == EDQUOT;
    for (Unpacked& layer : layers_)
      if (!wanted(layer, &Parts::layers) && dropped_.insert(&layer).second) layer.cancel();
    for (Arrival& arrival : arrivals_) {
      if (wanted(arrival, &Parts::blobs) || !dropped_.insert(&arrival).second) continue;
      if (full)
        arrival.discard();
      else
        arrival.cancel();
    }
  }

  void wait() {
    bool busy = false;
    for (const Arrival& arrival : arrivals_) busy = busy || arrival.busy();
    for (const Order& order : orders_) busy = busy || (order.source && order.source->busy());
    std::vector<Fd> sockets;
    for (const Unpacked& layer : layers_)
      if (layer.running() && !layer.waits()) sockets.push_back(layer.socket());
    context_.client.pump(busy ? 0 : kTickMs, sockets);
  }

  const Context& context_;
  std::vector<Order>& orders_;
  std::vector<Parts> parts_;     // of each order, lowest layer first
  std::list<Arrival> arrivals_;  // lists: their elements are pointed to
  std::list<Unpacked> layers_;   // destroyed first: they follow the arrivals
  std::map<oci::Digest, Unpacked*> by_chain_;
  std::set<const Arrival*> shown_;
  std::set<const void*> dropped_;  // parts that nobody needs any more
};

}  // namespace

void run(const Context& context, std::vector<Order>& orders) {
  const Result<> all = Run(context, orders).all();
  for (Order& order : orders)
    if (!order.result) order.result.emplace(all.ok() ? Result<>() : Result<>(all.error()));
}

}  // namespace fetches
