#include "spec/base/log.h"

#include <cerrno>

#include "spec/base/clock.h"
#include "spec/base/names.h"
#include "spec/base/quote.h"
#include "spec/base/sys.h"

namespace logs {

namespace {

constexpr names::Table<Level> kLevels[] = {
    {Level::debug, "debug"}, {Level::info, "info"}, {Level::warning, "warning"}, {Level::error, "error"}};

struct Sink {
  Options options;
  UniqueFd file;
  std::function<void(Level, std::string_view)> redirected;
};

Sink& sink() {
  static Sink the_sink;
  return the_sink;
}

// For people: what a config has wrong comes as several lines, which stay lines; nothing else gets through unescaped.
std::string plain(Level level, std::string_view message) {
  std::string out = str::cat(names::text(kLevels, level), ": ");
  bool first = true;
  for (const std::string_view line : str::split(message, '\n')) {
    out += str::cat(first ? "" : "\n  ", str::printable(line));
    first = false;
  }
  return out;
}

// One write(2) a record, so that records of concurrent processes stay whole.  There is nobody left to tell if it fails.
void put(Fd to, std::string line) {
  line += '\n';
  (void)sys::write(to, line.data(), line.size());
}

}  // namespace

Result<> open(const Options& options) {
  Sink& s = sink();
  s.options = options;
  s.file.reset();
  if (options.file.empty()) return {};
  auto file = sys::open(options.file.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (file.ok()) {
    s.file = std::move(file).take();
    return {};
  }
  if (file.error().errnum == ENOENT)
    return Error(Kind::not_found, ENOENT,
                 str::cat("log file '", options.file, "': its directory does not exist"));
  return std::move(file).within("opening log file '", options.file, "'").take_error();
}

void redirect(std::function<void(Level, std::string_view)> to) { sink().redirected = std::move(to); }

bool enabled(Level level) { return level >= sink().options.least; }

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  const Sink& s = sink();
  if (s.redirected) {
    s.redirected(level, message);
    return;
  }
  const Fd err(STDERR_FILENO);
  if (s.file.valid())
    put(s.file, record(s.options.format, level, message, clocks::rfc3339(clocks::now())));
  else if (s.options.format == Format::json || level < Level::warning)  // of steps, people want to know when
    put(err, record(s.options.format, level, message, clocks::rfc3339(clocks::now())));
  else
    put(err, plain(level, message));
  if (s.file.valid() && s.options.to_stderr && level >= Level::warning) put(err, plain(level, message));
}

void error(const Error& error) { write(Level::error, error.message); }

std::string record(Format format, Level level, std::string_view message, std::string_view time) {
  const std::string_view name = names::text(kLevels, level);
  std::string text;
  str::append_quoted(text, message, format == Format::json ? str::Quotes::json : str::Quotes::go);
  if (format == Format::json)
    return str::cat("{\"level\":\"", name, "\",\"msg\":", text, ",\"time\":\"", time, "\"}");
  return str::cat("time=\"", time, "\" level=", name, " msg=", text);
}

}  // namespace logs
