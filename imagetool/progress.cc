#include "imagetool/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "spec/base/clock.h"
#include "spec/base/sys.h"
#include "spec/json_writer.h"

namespace {

constexpr int64_t kDrawMs = 100;        // between two redraws
constexpr int64_t kSilenceMs = 10'000;  // after which a log gets a line
constexpr size_t kBarColumns = 24;
constexpr size_t kMostLines = 12;  // of layers that are shown at the same time

struct Screen {
  size_t columns = 80, rows = 24;
};

Screen screen(Fd fd) {
  struct winsize size {};
  if (::ioctl(fd.raw(), TIOCGWINSZ, &size) < 0 || size.ws_col == 0) return {};
  return {size.ws_col, std::max<size_t>(size.ws_row, 2)};
}

}  // namespace

std::string Progress::size(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  // Three digits are enough; tenths and hundredths where there is only one digit or two before them.
  uint64_t whole = bytes, rest = 0;
  size_t unit = 0;
  while (whole >= 1000 && unit + 1 < std::size(kUnits)) {
    rest = whole % 1000;
    whole /= 1000;
    ++unit;
  }
  std::string text = str::cat(whole);
  if (unit > 0 && whole < 10)
    text += str::cat(".", rest / 100, rest / 10 % 10);
  else if (unit > 0 && whole < 100)
    text += str::cat(".", rest / 100);
  return text + std::string(kUnits[unit]);
}

Result<Progress::Style> Progress::style(std::string_view text, Fd out, std::string_view term) {
  if (text == "none") return Style::none;
  if (text == "plain") return Style::plain;
  if (text == "bar") return Style::bar;
  if (text == "json") return Style::json;
  if (text != "auto")
    return Error(Kind::invalid,
                 str::cat("--progress '", str::printable(text), "': write auto, bar, plain, json or none"));
  const bool moves_cursor = ::isatty(out.raw()) == 1 && !term.empty() && term != "dumb";
  return moves_cursor ? Style::bar : Style::plain;
}

// ---- what happens ----

Progress::Layer* Progress::find(const oci::Digest& layer) {
  const auto found = std::ranges::find(layers_, layer, &Layer::digest);
  return found == layers_.end() ? nullptr : &*found;
}

void Progress::step(std::string_view text) {
  step_ = text;
  if (style_ == Style::json) event("step", text);
  if (style_ == Style::bar) draw(false);
}

void Progress::notice(std::string_view text) {
  if (style_ == Style::none) return;
  if (style_ == Style::json) return event("notice", text);
  erase();
  write(str::cat("imagetool: ", str::printable(text), "\n"));
  if (style_ == Style::bar) draw(false);
}

void Progress::layers(const std::vector<oci::Descriptor>& layers) {
  for (const oci::Descriptor& layer : layers)
    if (!find(layer.digest)) layers_.push_back({.digest = layer.digest, .size = layer.size});
}

void Progress::advance(const oci::Digest& digest, State state) {
  Layer* layer = find(digest);
  if (!layer || layer->state == state) return;
  layer->state = state;
  report(*layer);
}

void Progress::present(const oci::Digest& digest) {
  Layer* layer = find(digest);
  if (!layer) return;
  layer->present = true;
  layer->received = layer->size;
  layer->state = State::fetched;
  report(*layer);
}

void Progress::received(const oci::Digest& digest, uint64_t bytes) {
  Layer* layer = find(digest);
  if (!layer) return;
  layer->received = bytes;
  if (layer->state == State::waiting && bytes > 0) {
    layer->state = State::fetching;
    if (style_ == Style::json) report(*layer);
  }
}

void Progress::fetched(const oci::Digest& layer) { advance(layer, State::fetched); }
void Progress::unpacking(const oci::Digest& layer) { advance(layer, State::unpacking); }
void Progress::unpacked(const oci::Digest& layer) { advance(layer, State::done); }

void Progress::tick() {
  const int64_t now = clocks::monotonic_ms();
  if (last_line_ == 0) last_line_ = now;
  if (style_ == Style::bar) {
    if (now >= next_draw_) draw(false);
    return;
  }
  if (now - last_line_ < kSilenceMs) return;
  if (style_ == Style::plain) write(str::cat("imagetool: ", summary(), "\n"));
  if (style_ == Style::json)
    for (const Layer& layer : layers_)
      if (layer.state == State::fetching) report(layer);
  last_line_ = now;
}

void Progress::finish() {
  if (finished_) return;
  if (style_ == Style::bar && !layers_.empty()) draw(true);
  if (style_ == Style::bar && layers_.empty()) erase();
  finished_ = true;
}

// ---- how it looks ----

// One line, or one JSON object, about a layer that has just changed.
void Progress::report(const Layer& layer) {
  constexpr std::string_view kEvents[] = {"waiting", "fetching", "fetched", "unpacking", "unpacked"};
  const bool was_there = layer.present && layer.state == State::fetched;
  if (style_ == Style::json) {
    json::Writer line;
    line.begin_object();
    line.key("event").string(was_there ? "present" : kEvents[static_cast<size_t>(layer.state)]);
    line.key("digest").string(layer.digest.text());
    line.key("received").number(layer.received);
    line.key("size").number(layer.size);
    line.end_object();
    return write(std::move(line).take() + "\n");
  }
  if (style_ == Style::plain && layer.state == State::done) {
    write(str::cat("imagetool: layer ", layer.digest.short_id(), " done, ",
                   layer.present ? std::string("was there") : size(layer.size), "\n"));
    last_line_ = clocks::monotonic_ms();
  }
}

void Progress::event(std::string_view event, std::string_view text) {
  json::Writer line;
  line.begin_object();
  line.key("event").string(event);
  line.key("text").string(text);
  line.end_object();
  write(std::move(line).take() + "\n");
}

std::string Progress::summary() const {
  uint64_t received = 0, total = 0;
  size_t done = 0;
  for (const Layer& layer : layers_) {
    received += layer.received;
    total += layer.size;
    if (layer.state == State::done) ++done;
  }
  if (layers_.empty()) return str::cat("still ", step_);
  return str::cat(size(received), " of ", size(total), ", ", done, " of ", layers_.size(), " layers done");
}

// "1a2b3c4d5e6f  fetching   [########........]  12.3MB of 27.1MB", never wider than the screen: a wrapped line could
// not be found again.
std::string Progress::bar_line(const Layer& layer, size_t columns) const {
  constexpr std::string_view kStates[] = {"waiting", "fetching", "fetched", "unpacking", "done"};
  std::string line = str::cat(layer.digest.short_id(), "  ", kStates[static_cast<size_t>(layer.state)]);
  line.resize(std::max<size_t>(line.size(), 25), ' ');
  if (layer.state == State::fetching && layer.size > 0) {
    const size_t full =
        static_cast<size_t>(std::min<uint64_t>(layer.received, layer.size) * kBarColumns / layer.size);
    line += str::cat("[", std::string(full, '#'), std::string(kBarColumns - full, '.'), "]  ",
                     size(layer.received), " of ", size(layer.size));
  } else {
    line += layer.present ? std::string("was there") : size(layer.size);
  }
  return line.substr(0, columns);
}

// Back to the first of our lines; everything below is cleared.  A screen that has become narrower since has wrapped
// what we drew, so the way up is counted in its rows of now.
std::string Progress::rewind(size_t columns) const {
  size_t rows = 0;
  for (const size_t length : drawn_) rows += std::max<size_t>(1, (length + columns - 1) / columns);
  return rows == 0 ? std::string() : str::cat("\r\x1b[", rows, "A\x1b[J");
}

void Progress::erase() {
  write(rewind(screen(out_).columns));
  drawn_.clear();
}

// The layers to show: all, or those that are at work first where there are too many; in the image's order.
std::vector<const Progress::Layer*> Progress::visible(size_t most) const {
  std::vector<const Layer*> shown;
  for (const bool working : {true, false})
    for (const Layer& layer : layers_)
      if ((layer.state == State::fetching || layer.state == State::unpacking) == working &&
          shown.size() < most)
        shown.push_back(&layer);
  std::ranges::sort(shown);  // they are elements of one vector
  return shown;
}

void Progress::draw(bool last) {
  if (finished_) return;
  const Screen now = screen(out_);
  const size_t width = now.columns - 1;
  const size_t most = last ? layers_.size() : std::min({layers_.size(), kMostLines, now.rows - 2});
  std::vector<std::string> lines;
  for (const Layer* layer : visible(most)) lines.push_back(bar_line(*layer, width));
  if (most < layers_.size()) lines.push_back(summary().substr(0, width));
  if (layers_.empty() && !step_.empty()) lines.push_back(step_.substr(0, width));

  std::string frame = rewind(now.columns);
  drawn_.clear();
  for (const std::string& line : lines) {
    frame += line + "\n";
    drawn_.push_back(line.size());
  }
  write(frame);
  next_draw_ = clocks::monotonic_ms() + kDrawMs;
}

void Progress::write(std::string_view text) {
  (void)sys::write_all(out_, text);  // a terminal that has gone away must not stop a pull
}
