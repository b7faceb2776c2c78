#include "spec/base/log.h"

#include <cerrno>

#include "spec/base/clock.h"
#include "spec/base/names.h"
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

// Bytes at the start of `text` that are one well-formed UTF-8 character; 0 if there is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xc2 && first < 0xe0 ? 2
                        : (first & 0xf0) == 0xe0        ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Longer than needed, a surrogate, or beyond U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) >= 0xa0) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

// In double quotes, for both formats: the text format is read by parsers of Go's strconv.Quote.
std::string quoted(Format format, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty()) {
    const char c = text[0];
    const auto u = static_cast<unsigned char>(c);
    const size_t length = utf8_length(text);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if ((u < 0x20 || u == 0x7f) && format == Format::json)
      out += {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
    else if (u < 0x20 || u == 0x7f)
      out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
    else if (length == 0)
      out += "\xef\xbf\xbd";  // U+FFFD: a reader of JSON refuses what is not UTF-8
    else
      out += text.substr(0, length);
    text.remove_prefix(length ? length : 1);
  }
  return out + '"';
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
  else if (s.options.format == Format::json)
    put(err, record(Format::json, level, message, clocks::rfc3339(clocks::now())));
  else
    put(err, plain(level, message));
  if (s.file.valid() && s.options.to_stderr && level >= Level::warning) put(err, plain(level, message));
}

void error(const Error& error) { write(Level::error, error.message); }

std::string record(Format format, Level level, std::string_view message, std::string_view time) {
  const std::string_view name = names::text(kLevels, level);
  const std::string text = quoted(format, message);
  if (format == Format::json)
    return str::cat("{\"level\":\"", name, "\",\"msg\":", text, ",\"time\":\"", time, "\"}");
  return str::cat("time=\"", time, "\" level=", name, " msg=", text);
}

}  // namespace logs
