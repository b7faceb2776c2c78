#include <optional>

#include "imagetool/registry/auth.h"
#include "spec/base/text.h"

namespace auth {

namespace {

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// What tolerant servers write without quotes: RFC 9110's token68, and ':' and ',' never.
bool is_bare_value_char(char c) { return is_token_char(c) || c == '/' || c == ':' || c == '='; }

// A cursor over the header's text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void separators() {
    while (peek() == ' ' || peek() == '\t' || peek() == ',') ++at_;
  }
  template <class Wanted>
  std::string_view run(Wanted wanted) {
    const size_t start = at_;
    while (!at_end() && wanted(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  [[nodiscard]] size_t position() const { return at_; }
  void back_to(size_t position) { at_ = position; }

  // Behind the opening quote; nullopt without an end.
  std::optional<std::string> quoted() {
    std::string out;
    while (!at_end()) {
      char c = text_[at_++];
      if (c == '"') return out;
      if (c == '\\') {
        if (at_end()) return std::nullopt;
        c = text_[at_++];
      }
      out += c;
    }
    return std::nullopt;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

Error malformed(std::string_view value) {
  return Error(Kind::protocol, str::cat("WWW-Authenticate cannot be understood: '",
                                        str::printable(value.substr(0, 200)), "'"));
}

// name = value; false: what stands here is no parameter, and nothing was taken.
Result<bool> parameter(Scanner& in, Challenge& into, std::string_view whole) {
  const size_t start = in.position();
  const std::string name = str::lower(in.run(is_token_char));
  in.blanks();
  if (name.empty() || !in.take('=')) {
    in.back_to(start);
    return false;
  }
  in.blanks();
  std::string value;
  if (in.take('"')) {
    std::optional<std::string> text = in.quoted();
    if (!text) return malformed(whole);
    value = std::move(*text);
  } else {
    value = std::string(in.run(is_bare_value_char));
  }
  if (!into.parameters.emplace(name, std::move(value)).second) return malformed(whole);
  in.blanks();
  if (!in.at_end() && in.peek() != ',') return malformed(whole);
  return true;
}

// "Negotiate YII=": a single value instead of parameters.
bool token68(Scanner& in, Challenge& into) {
  const size_t start = in.position();
  std::string value(in.run([](char c) { return is_token_char(c) || c == '/'; }));
  value += in.run([](char c) { return c == '='; });
  in.blanks();
  if (!value.empty() && (in.at_end() || in.peek() == ',')) {
    into.parameters.emplace(std::string(), std::move(value));
    return true;
  }
  in.back_to(start);
  return false;
}

}  // namespace

std::string Challenge::get(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

Result<std::vector<Challenge>> parse_challenges(std::string_view value) {
  std::vector<Challenge> all;
  Scanner in(value);
  for (in.separators(); !in.at_end(); in.separators()) {
    if (!all.empty()) {
      if (TRY(parameter(in, all.back(), value))) continue;
    }
    Challenge next{.scheme = str::lower(in.run(is_token_char))};
    if (next.scheme.empty()) return malformed(value);
    const size_t end = in.position();
    in.blanks();
    if (!in.at_end() && in.peek() != ',') {
      if (in.position() == end) return malformed(value);  // "Bearer=x", "Bearer/x"
      if (!token68(in, next)) {
        if (!TRY(parameter(in, next, value))) return malformed(value);
      }
    }
    all.push_back(std::move(next));
  }
  return all;
}

}  // namespace auth
