#include "spec/json.h"

#include <yajl/yajl_parse.h>

#include <algorithm>
#include <bitset>
#include <memory>

#include "spec/base/text.h"
#include "spec/json_syntax.h"

namespace json {

static bool is_plain_word(std::string_view key) {
  if (key.empty() || (key[0] >= '0' && key[0] <= '9')) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string join_path(std::string_view parent, std::string_view key) {
  if (!is_plain_word(key)) return str::cat(parent, "['", str::printable(key), "']");
  return parent.empty() ? std::string(key) : str::cat(parent, ".", key);
}

std::optional<Value> Value::find(std::string_view key) const {
  if (!is(Type::object)) return std::nullopt;
  for (const Value child : *this)
    if (child.key() == key) return child;
  return std::nullopt;
}

std::optional<std::string_view> Value::find_string(std::string_view key) const {
  const std::optional<Value> value = find(key);
  if (!value || !value->is(Type::string)) return std::nullopt;
  return value->text();
}

std::string Value::path() const {
  if (node_->up == 0) return {};
  const Value parent(node_ - node_->up);
  std::string above = parent.path();  // the depth limit bounds the recursion
  if (parent.is(Type::object)) return join_path(above, key());
  size_t index = 0;
  for (const Value child : parent) {
    if (child.node_ == node_) break;
    ++index;
  }
  return str::cat(above, "[", index, "]");
}

std::string describe(Value value) {
  switch (value.type()) {
    case Type::null:
    case Type::boolean:
      return std::string(value.text());
    case Type::number:
      return str::cat("the number ", str::shortened(value.text(), 40));
    case Type::string:
      return str::cat("the string '", str::shortened(value.text(), 40), "'");
    case Type::array:
      return "an array";
    case Type::object:
      break;
  }
  return "an object";
}

Position position(std::string_view text, size_t offset) {
  Position at;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      ++at.column;
    }
  }
  return at;
}

std::string Document::where(size_t offset) const {
  const Position at = position(text_, offset);
  return str::cat(name_, ":", at.line, ":", at.column);
}

static std::optional<Value> child_at(Value parent, size_t index) {
  for (const Value child : parent)
    if (index-- == 0) return child;
  return std::nullopt;
}

// Takes the first step of a path off it, and goes there.
static std::optional<Value> step(Value from, std::string_view& path) {
  if (path.starts_with("['")) {
    const size_t end = std::min(path.find("']"), path.size());
    const std::string_view key = path.substr(2, end - 2);
    path.remove_prefix(std::min(end + 2, path.size()));
    return from.find(key);
  }
  if (path.starts_with('[')) {
    const size_t end = std::min(path.find(']'), path.size());
    const auto index = str::number<size_t>(path.substr(1, end - 1));
    path.remove_prefix(std::min(end + 1, path.size()));
    return index ? child_at(from, *index) : std::nullopt;
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  const std::string_view key = path.substr(0, path.find_first_of(".["));
  path.remove_prefix(key.size());
  return key.empty() ? std::nullopt : from.find(key);
}

Value Document::nearest(std::string_view path) const {
  Value at = root();
  while (!path.empty()) {
    const std::optional<Value> next = step(at, path);
    if (!next) break;
    at = *next;
  }
  return at;
}

// What yajl calls back into.  A callback that returns 0 ends the parse; `failure` then says why.
class Builder {
 public:
  Builder(std::string_view text, const Options& options) : options_(options) {
    document_.text_ = text;
    document_.name_ = options.name;
    document_.nodes_.reserve(std::min(text.size() / 12 + 8, options.values));
  }
  Result<Document> run();

 private:
  static int on_null(void* self) { return static_cast<Builder*>(self)->add(Type::null, "null"); }
  static int on_boolean(void* self, int value) {
    return static_cast<Builder*>(self)->add(Type::boolean, value ? "true" : "false");
  }
  static int on_number(void* self, const char* text, size_t size) {
    auto* b = static_cast<Builder*>(self);
    return b->add(Type::number, b->kept({text, size}));
  }
  static int on_string(void* self, const unsigned char* text, size_t size) {
    auto* b = static_cast<Builder*>(self);
    const std::string_view view(reinterpret_cast<const char*>(text), size);
    return b->check_string(view) && b->add(Type::string, b->kept(view));
  }
  static int on_key(void* self, const unsigned char* text, size_t size) {
    auto* b = static_cast<Builder*>(self);
    const std::string_view view(reinterpret_cast<const char*>(text), size);
    if (!b->check_string(view)) return 0;
    b->key_ = b->kept(view);
    b->token_done(Standing::Last::key);
    return 1;
  }
  static int on_start_map(void* self) { return static_cast<Builder*>(self)->open(Type::object); }
  static int on_start_array(void* self) { return static_cast<Builder*>(self)->open(Type::array); }
  static int on_end_map(void* self) {
    auto* b = static_cast<Builder*>(self);
    return b->check_duplicates() && b->close();
  }
  static int on_end_array(void* self) { return static_cast<Builder*>(self)->close(); }

  int add(Type type, std::string_view text);
  int open(Type type);
  int close();
  int fail(size_t offset, std::string message);
  int check_string(std::string_view decoded);
  int check_duplicates();
  std::string_view kept(std::string_view view);
  [[nodiscard]] bool is_in_text(std::string_view view) const;
  [[nodiscard]] size_t token_start() const;
  [[nodiscard]] size_t token_end() const;
  void token_done(Standing::Last last);
  [[nodiscard]] Error error(const SyntaxError& what) const;

  const Options& options_;
  Document document_;
  yajl_handle parser_ = nullptr;
  bool finishing_ = false;    // yajl is at the end of the text, and counts from 0 again
  std::vector<size_t> open_;  // indices of the containers that are not closed yet
  std::string_view key_;
  Standing standing_;
  std::optional<SyntaxError> failure_;
};

size_t Builder::token_end() const {
  return finishing_ ? document_.text_.size() : yajl_get_bytes_consumed(parser_);
}

// Between two tokens there are only blanks and punctuation.
size_t Builder::token_start() const {
  const std::string_view text = document_.text_;
  size_t at = standing_.offset;
  while (at < text.size() && (text[at] <= ' ' || text[at] == ',' || text[at] == ':')) ++at;
  return at;
}

void Builder::token_done(Standing::Last last) {
  standing_.offset = token_end();
  standing_.last = last;
}

int Builder::fail(size_t offset, std::string message) {
  failure_ = SyntaxError{offset, std::move(message)};
  return 0;
}

bool Builder::is_in_text(std::string_view view) const {
  const std::string_view text = document_.text_;
  return view.data() >= text.data() && view.data() < text.data() + text.size();
}

// yajl hands out views into the text, but for strings with escapes, which it decodes into a buffer that it uses again.
std::string_view Builder::kept(std::string_view view) {
  if (view.empty()) return {};
  return is_in_text(view) ? view : document_.unescaped_.emplace_front(view);
}

// The code unit of an escape "\uXXXX" at `at`; 0 if there is none.
static uint32_t escaped_unit(std::string_view raw, size_t at) {
  if (at >= raw.size() || !raw.substr(at).starts_with("\\u")) return 0;
  return str::number<uint32_t>(raw.substr(at + 2, 4), 16).value_or(0);
}

static bool holds_half_surrogate(std::string_view raw) {
  for (size_t at = raw.find('\\'); at < raw.size(); at = raw.find('\\', at)) {
    const uint32_t unit = escaped_unit(raw, at);
    at += raw[at + 1] == 'u' ? 6 : 2;
    if (unit >= 0xdc00 && unit < 0xe000) return true;
    if (unit < 0xd800 || unit >= 0xdc00) continue;
    const uint32_t low = escaped_unit(raw, at);
    if (low < 0xdc00 || low >= 0xe000) return true;
    at += 6;
  }
  return false;
}

// What yajl lets pass: "\u0000", which would end a C string early, and halves of surrogate pairs.
int Builder::check_string(std::string_view decoded) {
  if (is_in_text(decoded)) return 1;  // no escapes
  const size_t start = token_start();
  if (decoded.find('\0') != std::string_view::npos)
    return fail(start, "a string must not hold a NUL character");
  if (holds_half_surrogate(document_.text_.substr(start, token_end() - start)))
    return fail(start, "a string holds half of a surrogate pair");
  return 1;
}

int Builder::add(Type type, std::string_view text) {
  std::vector<Node>& nodes = document_.nodes_;
  const size_t start = token_start();
  if (nodes.size() >= options_.values) return fail(start, str::cat("more than ", options_.values, " values"));
  Node node{.text = text, .offset = static_cast<uint32_t>(start), .type = type};
  if (!open_.empty()) {
    Node& parent = nodes[open_.back()];
    ++parent.count;
    node.up = static_cast<uint32_t>(nodes.size() - open_.back());
    if (parent.type == Type::object) node.key = key_;
  }
  nodes.push_back(node);
  token_done(Standing::Last::value);
  return 1;
}

static Standing::In inside(Type type) {
  return type == Type::object ? Standing::In::object : Standing::In::array;
}

int Builder::open(Type type) {
  if (open_.size() >= options_.depth)
    return fail(token_start(), str::cat("nested deeper than ", options_.depth, " levels"));
  if (!add(type, {})) return 0;
  open_.push_back(document_.nodes_.size() - 1);
  standing_.last = Standing::Last::opening;
  standing_.in = inside(type);
  return 1;
}

int Builder::close() {
  Node& node = document_.nodes_[open_.back()];
  node.span = static_cast<uint32_t>(document_.nodes_.size() - open_.back());
  open_.pop_back();
  token_done(Standing::Last::value);
  standing_.in = open_.empty() ? Standing::In::top : inside(document_.nodes_[open_.back()].type);
  return 1;
}

// Whether two children may have one key: where length and both ends of all keys differ, none can.
static bool may_repeat(Value object) {
  std::bitset<1024> seen;
  for (const Value child : object) {
    const std::string_view key = child.key();
    size_t hash = key.size() * 131;
    if (!key.empty()) hash += static_cast<size_t>(key.front()) * 31 + static_cast<size_t>(key.back());
    if (seen.test(hash % seen.size())) return true;
    seen.set(hash % seen.size());
  }
  return false;
}

// The second of two children with one key.
static std::optional<Value> find_duplicate(Value object) {
  if (!may_repeat(object)) return std::nullopt;
  std::vector<Value> children;
  children.reserve(object.size());
  for (const Value child : object) children.push_back(child);
  std::sort(children.begin(), children.end(), [](Value a, Value b) {
    return a.key() != b.key() ? a.key() < b.key() : a.offset() < b.offset();
  });
  const auto twice = std::adjacent_find(children.begin(), children.end(),
                                        [](Value a, Value b) { return a.key() == b.key(); });
  return twice == children.end() ? std::nullopt : std::optional(*(twice + 1));
}

int Builder::check_duplicates() {
  const Value object(&document_.nodes_[open_.back()]);
  const std::optional<Value> second = find_duplicate(object);
  if (!second) return 1;
  const Position first = position(document_.text_, object.find(second->key())->offset());
  return fail(second->offset(),
              str::cat(second->path(), ": given twice, first at ", first.line, ":", first.column));
}

Error Builder::error(const SyntaxError& what) const {
  const std::string_view text = document_.text_;
  const size_t at = std::min(what.offset, text.size());
  return Error(Kind::invalid, str::cat(document_.where(at), ": ", what.message));
}

Result<Document> Builder::run() {
  if (const size_t good = str::utf8_prefix(document_.text_); good < document_.text_.size())
    return error({good, "the text is not UTF-8"});
  const yajl_callbacks callbacks = {on_null,    on_boolean,     nullptr,      nullptr,
                                    on_number,  on_string,      on_start_map, on_key,
                                    on_end_map, on_start_array, on_end_array};
  const std::unique_ptr<yajl_handle_t, void (*)(yajl_handle)> parser(yajl_alloc(&callbacks, nullptr, this),
                                                                     yajl_free);
  assert(parser);
  parser_ = parser.get();
  const auto* bytes = reinterpret_cast<const unsigned char*>(document_.text_.data());
  yajl_status status = yajl_parse(parser_, bytes, document_.text_.size());
  if (status == yajl_status_ok) {
    finishing_ = true;
    status = yajl_complete_parse(parser_);
  }
  if (status == yajl_status_ok && !document_.nodes_.empty()) return std::move(document_);
  return error(failure_ ? *failure_ : explain(document_.text_, standing_));
}

Result<Document> parse(std::string_view text, const Options& options) {
  assert(options.bytes <= UINT32_MAX);
  if (text.size() > options.bytes)
    return Error(Kind::invalid, str::cat(options.name, ": larger than ", options.bytes, " bytes"));
  return Builder(text, options).run();
}

}  // namespace json
