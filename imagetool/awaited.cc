#include "imagetool/awaited.h"

#include "spec/base/clock.h"
#include "spec/base/text.h"

namespace {

constexpr int64_t kLookMs = 1000;  // before the first word, and between two looks at who it is

}  // namespace

std::optional<std::string> Awaited::news(const Store& store, Store::Part part, const oci::Digest& digest,
                                         const oci::Digest& layer) {
  const int64_t now = clocks::monotonic_ms();
  const bool first = next_ms_ == 0;
  if (!first && now < next_ms_) return std::nullopt;
  next_ms_ = now + kLookMs;
  if (first) return std::nullopt;
  const std::string_view doing = part == Store::Part::blob ? "fetched" : "unpacked";
  std::string text = str::cat("layer ", layer.short_id(), " is being ", doing, " by ",
                              store.part_holder(part, digest), ": waiting for it");
  if (text == told_) return std::nullopt;
  told_ = text;
  return text;
}
