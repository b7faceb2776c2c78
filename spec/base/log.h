// Levels and one sink.  Library code returns errors and does not log them: main prints each once.
// `debug` may be logged anywhere; `warn` means "went on regardless" and says so: "…, ignoring".
//
// The sink is the one mutable global of the programs (with `environ`): the format is that of runc and containerd,
// text (time="…" level=… msg="…") or JSON lines {"level","msg","time"}, because engines parse it
// (containerd shows the last record whose level is error; podman reads the file as one JSON object).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace logs {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

struct Options {
  std::string file;  // empty: stderr; appended to, created 0644 where absent
  Format format = Format::text;
  Level least = Level::warning;  // less than this is not written
  bool to_stderr = true;         // errors and warnings go to stderr, as "error: …", as well as to the file
};

// Opens the sink.  Call once, from main.  Errors: the log file cannot be opened.
Result<> open(const Options& options);
// Redirects every record into `sink` (a setup process sends them over its channel); null goes back.
void redirect(std::function<void(Level, std::string_view)> sink);
// Whether a record of this level would be written: callers may save themselves the text.
bool enabled(Level level);
void write(Level level, std::string_view message);

template <class... Parts>
void debug(const Parts&... parts) {
  if (enabled(Level::debug)) write(Level::debug, str::cat(parts...));
}
template <class... Parts>
void warn(const Parts&... parts) {
  if (enabled(Level::warning)) write(Level::warning, str::cat(parts...));
}
void error(const Error& error);

// One record as it is written to a file, without the newline; `time` is RFC 3339.
std::string record(Format format, Level level, std::string_view message, std::string_view time);

}  // namespace logs
