#include "spec/schema.h"

#include <algorithm>
#include <limits>

namespace json {

constexpr size_t kMostMistakes = 10000;  // that are looked for
constexpr size_t kLongestText = 1000;    // of a path or a message, which may quote the document

bool Decoder::given_up() const { return problems.size() + more_problems >= kMostMistakes; }

void Decoder::problem_below(Value at, std::string_view key, std::string message) {
  if (problems.size() < most)
    problems.push_back(
        {key.empty() ? at.path() : join_path(at.path(), key), std::move(message), at.offset()});
  else
    ++more_problems;
}

void Decoder::warning(Value at, std::string message) {
  if (warnings.size() < most) warnings.push_back({at.path(), std::move(message), at.offset()});
}

void Decoder::add(std::vector<Problem> more, std::vector<Problem> more_warnings) {
  for (Problem& problem : more) {
    if (problems.size() < most)
      problems.push_back(std::move(problem));
    else
      ++more_problems;
  }
  for (Problem& warning : more_warnings)
    if (warnings.size() < most) warnings.push_back(std::move(warning));
}

bool Decoder::expect(Value value, Type type, std::string_view wanted) {
  if (value.is(type)) return true;
  problem(value, str::cat("expected ", wanted, ", got ", describe(value)));
  return false;
}

static std::string line(const Problem& problem, const Document& document) {
  const size_t offset = problem.offset == kNowhere ? document.nearest(problem.path).offset() : problem.offset;
  return str::cat(document.where(offset), ": ", str::shortened(problem.path, kLongestText),
                  problem.path.empty() ? "" : ": ", str::shortened(problem.message, kLongestText));
}

Error error(const Decoder& decoder, const Document& document) {
  std::string text;
  for (const Problem& problem : decoder.problems)
    text += str::cat(text.empty() ? "" : "\n", line(problem, document));
  if (decoder.more_problems > 0)
    text += str::cat("\n", document.name(), ": and ", decoder.given_up() ? "at least " : "",
                     decoder.more_problems, " more mistakes");
  for (const Problem& warning : decoder.warnings) text += str::cat("\n", line(warning, document));
  return Error(Kind::invalid, std::move(text));
}

std::vector<std::string> warnings(const Decoder& decoder, const Document& document) {
  std::vector<std::string> lines;
  for (const Problem& warning : decoder.warnings) lines.push_back(line(warning, document));
  return lines;
}

std::string unknown_value(std::string_view text, std::span<const std::string_view> choices) {
  std::string message = str::cat("unknown value '", str::shortened(text, 64), "'");
  const std::vector<std::string_view> all(choices.begin(), choices.end());
  auto meant = text.size() < 3 ? std::nullopt : str::did_you_mean(text, all);
  for (const std::string_view choice : all)  // "NOFILE" for "RLIMIT_NOFILE"
    if (!meant && text.size() >= 3 && choice.ends_with(text)) meant = choice;
  if (meant) return str::cat(message, " (did you mean '", *meant, "'?)");
  if (all.size() > 8) return message;
  for (size_t i = 0; i < all.size(); ++i)
    message += str::cat(i == 0 ? " (there are '" : i + 1 < all.size() ? "', '" : "' and '", all[i]);
  return message + "')";
}

bool read(Decoder& decoder, Value value, bool& out) {
  if (!decoder.expect(value, Type::boolean, "true or false")) return false;
  out = value.text() == "true";
  return true;
}

bool read(Decoder& decoder, Value value, std::string& out) {
  if (!decoder.expect(value, Type::string, "a string")) return false;
  out = value.text();
  return true;
}

bool read_keys(Decoder& decoder, Value value, std::vector<std::string>& out) {
  if (!decoder.expect(value, Type::object, "an object")) return false;
  for (const Value item : value) {
    if (!item.is(Type::null) && !decoder.expect(item, Type::object, "an empty object")) return false;
    out.emplace_back(item.key());
  }
  return true;
}

void write_keys(Writer& writer, const std::vector<std::string>& keys) {
  writer.begin_object();
  for (const std::string& key : keys) writer.key(key).begin_object().end_object();
  writer.end_object();
}

static bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<uint64_t> read_integer(Decoder& decoder, Value value, int64_t least, uint64_t most) {
  const std::string_view text = value.text();
  if (!value.is(Type::number) || !is_integer(text)) {
    decoder.problem(value, str::cat("expected an integer, got ", describe(value)));
    return std::nullopt;
  }
  if (text.starts_with('-')) {
    const auto negative = str::number<int64_t>(text);
    if (negative && *negative >= least) return static_cast<uint64_t>(*negative);
  } else {
    const auto positive = str::number<uint64_t>(text);
    if (positive && *positive <= most) return positive;
  }
  decoder.problem(value, str::cat(text.substr(0, 40), " is out of range ", least, "..", most));
  return std::nullopt;
}

std::optional<size_t> read_name(Decoder& decoder, Value value, std::span<const std::string_view> texts) {
  if (!decoder.expect(value, Type::string, "a string")) return std::nullopt;
  const auto found = std::find(texts.begin(), texts.end(), value.text());
  if (found != texts.end()) return static_cast<size_t>(found - texts.begin());
  decoder.problem(value, unknown_value(value.text(), texts));
  return std::nullopt;
}

static void unknown_property(Decoder& decoder, Value value, Table table) {
  if (decoder.warnings.size() >= decoder.most) return;  // nobody would see it, and there may be many
  std::vector<std::string_view> known;
  for (const Row& row : table) known.push_back(row.name);
  const auto meant = str::did_you_mean(value.key(), known);
  const std::string hint = meant ? str::cat(" (did you mean '", *meant, "'?)") : std::string();
  decoder.warning(value, str::cat("unknown property", hint, ", ignoring"));
}

// The row for `key`.  Documents follow the order of their tables mostly, so the search starts where the last one ended.
static size_t find_row(Table table, std::string_view key, size_t from) {
  for (size_t i = 0; i < table.size(); ++i) {
    const size_t at = from + i < table.size() ? from + i : from + i - table.size();
    if (table[at].name == key) return at;
  }
  return table.size();
}

void decode_object(Decoder& decoder, Value value, Table table, void* object) {
  if (!decoder.expect(value, Type::object, "an object")) return;
  uint64_t seen = 0;
  size_t next = 0;
  for (const Value item : value) {
    if (decoder.given_up()) return;
    const size_t at = find_row(table, item.key(), next);
    if (at == table.size()) {
      unknown_property(decoder, item, table);
      continue;
    }
    next = at + 1 < table.size() ? at + 1 : 0;
    const Row& row = table[at];
    if (item.is(Type::null)) continue;
    seen |= uint64_t{1} << at;
    if (row.presence != Presence::ignored)
      row.decode(decoder, item, object);
    else if (!row.remark.empty())
      decoder.warning(item, std::string(row.remark));
  }
  for (size_t i = 0; i < table.size(); ++i)
    if (table[i].presence == Presence::required && (seen >> i & 1) == 0)
      decoder.problem_below(value, table[i].name, "required, but missing");
}

void encode_object(Writer& writer, Table table, const void* object) {
  writer.begin_object();
  for (const Row& row : table)
    if (row.encode) row.encode(writer, row.name, row.presence != Presence::optional, object);
  writer.end_object();
}

}  // namespace json
