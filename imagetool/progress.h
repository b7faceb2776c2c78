// What a pull tells people while it works, on stderr; results go to stdout and never through here.
//
//   bar    a line per layer that is redrawn in place, on a terminal; it follows the terminal's width as it changes
//   plain  a line when a layer is done, and one every 10 s while nothing else happens: for logs and CI
//   json   one object per line, {"event":"fetching", "digest", "received", "size"} with fetched, present,
//          unpacking and unpacked likewise, and {"event":"step"|"notice", "text"}: for programs
//   none   nothing
//
// Names that come from outside are printed with control characters escaped, so an image cannot draw on the terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"
#include "spec/image.h"

class Progress {
 public:
  enum class Style { none, plain, bar, json };
  // "auto", "bar", "plain", "json", "none"; auto: bars if `out` is a terminal that can move its cursor.
  // Kind::invalid for anything else.  `term` is $TERM.
  static Result<Style> style(std::string_view text, Fd out, std::string_view term);

  // "13.3kB", "1.02GB": powers of 1000, as docker shows sizes.
  static std::string size(uint64_t bytes);

  Progress(Style style, Fd out) : style_(style), out_(out) {}
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;

  // One line on what is being done now: "hello-world: asking docker.io".
  void step(std::string_view text);
  // Something people should know, whatever the style but none: a retry, a choice that was made.
  void notice(std::string_view text);
  // The layers of an image, in order; those of several images are shown together.  Their states start as "waiting".
  void layers(const std::vector<oci::Descriptor>& layers);
  void present(const oci::Digest& layer);                   // nothing to fetch
  void received(const oci::Digest& layer, uint64_t bytes);  // so many are there
  void fetched(const oci::Digest& layer);
  void unpacking(const oci::Digest& layer);
  void unpacked(const oci::Digest& layer);
  // Redraws what has changed, and writes the line that shows a log's reader that we are alive.  Call it often.
  void tick();
  // Leaves the cursor on a line of its own.  Nothing is drawn after it.
  void finish();

 private:
  enum class State { waiting, fetching, fetched, unpacking, done };
  struct Layer {
    oci::Digest digest;
    uint64_t size = 0, received = 0;
    State state = State::waiting;
    bool present = false;
  };
  Layer* find(const oci::Digest& layer);
  void advance(const oci::Digest& layer, State state);
  void report(const Layer& layer);
  void event(std::string_view event, std::string_view text);
  void draw(bool last);
  [[nodiscard]] std::vector<const Layer*> visible(size_t most) const;
  [[nodiscard]] std::string rewind(size_t columns) const;
  void erase();
  void write(std::string_view text);
  [[nodiscard]] std::string bar_line(const Layer& layer, size_t columns) const;
  [[nodiscard]] std::string summary() const;

  const Style style_;
  const Fd out_;
  std::vector<Layer> layers_;
  std::string step_;
  std::vector<size_t> drawn_;  // lengths of the lines on the screen that are ours to redraw
  int64_t next_draw_ = 0;      // clocks::monotonic_ms()
  int64_t last_line_ = 0;
  bool finished_ = false;
};
