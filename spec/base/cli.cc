#include "spec/base/cli.h"

#include <algorithm>

#include "spec/base/sys.h"

namespace cli {

// ---- output ----

void Out::add(std::string_view text) {
  constexpr size_t kPiece = 64 * 1024;
  if (text_) {
    text_->append(text);
    return;
  }
  pending_.append(text);
  if (pending_.size() >= kPiece) (void)flush();  // the failure is kept for the caller of the last flush
}

Result<> Out::flush() {
  if (failed_.ok() && !pending_.empty()) failed_ = sys::write_all(fd_, pending_).within("writing the result");
  pending_.clear();
  return failed_.ok() ? Result<>() : Result<>(Error(failed_.error()));
}

// ---- values ----

Result<bool> parse_bool(std::string_view text) {
  const std::string word = str::lower(text);
  if (word == "true" || word == "t" || word == "1") return true;
  if (word == "false" || word == "f" || word == "0") return false;
  return Error(Kind::invalid, str::cat("'", str::printable(text), "' is neither true nor false"));
}

static Error bad_number(std::string_view text, std::string_view least, std::string_view most) {
  return Error(Kind::invalid,
               str::cat("'", str::printable(text), "' is not a whole number from ", least, " to ", most));
}

Result<int64_t> parse_integer(std::string_view text, int64_t least, int64_t most) {
  const auto n = str::number<int64_t>(text);
  if (!n || *n < least || *n > most) return bad_number(text, str::cat(least), str::cat(most));
  return *n;
}

Result<uint64_t> parse_unsigned(std::string_view text, uint64_t most) {
  const auto n = str::number<uint64_t>(text);
  if (!n || *n > most) return bad_number(text, "0", str::cat(most));
  return *n;
}

Error detail::bad_choice(std::string_view text, const std::vector<std::string_view>& choices) {
  std::string list;
  for (size_t i = 0; i < choices.size(); ++i)
    list += str::cat(i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ", "'", choices[i], "'");
  return Error(Kind::invalid, str::cat("'", str::printable(text), "' is not ", list));
}

// ---- parsing ----

namespace {

using Shape = Field::Shape;

// What the options at one place of the line may be: the program's, or a command's.
struct Scope {
  const ProgramView& program;
  const CommandInfo* command;  // null: the program's own
  void* args;

  [[nodiscard]] std::span<const Table> options() const {
    return command ? command->options : program.options;
  }
  [[nodiscard]] std::string title() const {
    return command ? str::cat(program.info.name, " ", command->name) : std::string(program.info.name);
  }
};

// A field and the struct it is bound to.
struct Place {
  const Field* field = nullptr;
  void* args = nullptr;
  explicit operator bool() const { return field != nullptr; }
  Result<> set(std::string_view text, std::string_view spelled) const {
    return field->set(args, text)
        .within(field->shape == Shape::operand ? "operand '" : "option '", spelled, "'");
  }
};

template <class Fits>
Place find(std::span<const Table> tables, void* args, Fits fits) {
  for (const Table& table : tables)
    for (const Field& field : table.fields)
      if (fits(field)) return {&field, table.part(args)};
  return {};
}
Place find(std::span<const Table> tables, void* args, std::string_view name) {
  return find(tables, args, [&](const Field& f) { return f.name == name; });
}
Place find(std::span<const Table> tables, void* args, char letter) {
  return find(tables, args, [&](const Field& f) { return f.letter && f.letter == letter; });
}

std::vector<Place> places(std::span<const Table> tables, void* args) {
  std::vector<Place> all;
  for (const Table& table : tables)
    for (const Field& field : table.fields) all.push_back({&field, table.part(args)});
  return all;
}

std::string see_help(const Scope& scope) { return str::cat("; see '", scope.title(), " --help'"); }

Error unknown_option(const Scope& scope, std::string_view spelled, std::string_view name) {
  const std::string what = str::cat("unknown option '", str::printable(spelled), "'",
                                    scope.command ? str::cat(" of '", scope.title(), "'") : std::string());
  if (scope.command && find(scope.program.options, nullptr, name))
    return Error(Kind::invalid, str::cat(what, "; it is a global one and stands before the command: ",
                                         scope.program.info.name, " --", name, " ... ", scope.command->name));
  std::vector<std::string_view> candidates = {"help"};
  for (const Place& place : places(scope.options(), nullptr))
    if (!place.field->hidden) candidates.push_back(place.field->name);
  const auto meant = spelled.starts_with("--") ? str::did_you_mean(name, candidates) : std::nullopt;
  return Error(Kind::invalid,
               meant ? str::cat(what, "; did you mean '--", *meant, "'?") : what + see_help(scope));
}

// The words of a line, taken one by one.
class Words {
 public:
  explicit Words(std::span<const std::string_view> words) : words_(words) {}
  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] std::string_view front() const { return words_.front(); }
  [[nodiscard]] std::span<const std::string_view> all() const { return words_; }
  std::string_view take() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

 private:
  std::span<const std::string_view> words_;
};

enum class Ask { nothing, help, version };

Result<std::string_view> value_for(const Scope& scope, const Field& field, std::string_view spelled,
                                   Words& words) {
  if (!words.empty()) return words.take();
  return Error(Kind::invalid,
               str::cat("option '", spelled, "' of '", scope.title(), "' needs a value: ", field.value));
}

// "--name" or "--name=value"; the value may be the next word.
Result<Ask> take_long(const Scope& scope, std::string_view word, Words& words) {
  const size_t dashes = word.starts_with("--") ? 2 : 1;
  const size_t equals = word.find('=');
  const std::string_view spelled = word.substr(0, equals);
  const std::string_view name = spelled.substr(dashes);
  const bool has_value = equals != std::string_view::npos;
  const Place place = find(scope.options(), scope.args, name);
  if (!place) {
    if (name == "help" && !has_value) return Ask::help;
    if (name == "version" && !has_value && !scope.command) return Ask::version;
    return unknown_option(scope, spelled, name);
  }
  std::string_view value = "true";
  if (has_value)
    value = word.substr(equals + 1);
  else if (place.field->shape == Shape::option)
    value = TRY(value_for(scope, *place.field, spelled, words));
  TRY(place.set(value, spelled));
  return Ask::nothing;
}

// "-a", "-abc", "-bDIR", "-b=DIR"; the value may be the next word.
Result<Ask> take_letters(const Scope& scope, std::string_view word, Words& words) {
  for (size_t at = 1; at < word.size(); ++at) {
    const std::string spelled = {'-', word[at]};
    const Place place = find(scope.options(), scope.args, word[at]);
    if (!place) {
      if (word[at] == 'h') return Ask::help;
      if (word[at] == 'v' && !scope.command) return Ask::version;
      return unknown_option(scope, spelled, std::string_view(spelled).substr(1));
    }
    const std::string_view behind = word.substr(at + 1);
    if (behind.starts_with('=')) {
      TRY(place.set(behind.substr(1), spelled));
      return Ask::nothing;
    }
    if (place.field->shape == Shape::option) {
      const std::string_view value =
          behind.empty() ? TRY(value_for(scope, *place.field, spelled, words)) : behind;
      TRY(place.set(value, spelled));
      return Ask::nothing;
    }
    TRY(place.set("true", spelled));
  }
  return Ask::nothing;
}

Result<Ask> take_option(const Scope& scope, Words& words) {
  const std::string_view word = words.take();
  const std::string_view name = word.substr(1, word.find('=') - 1);
  const bool is_long = word.starts_with("--") || (name.size() > 1 && find(scope.options(), nullptr, name));
  return is_long ? take_long(scope, word, words) : take_letters(scope, word, words);
}

bool is_option(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

Error missing_operand(const Scope& scope, const Field& field) {
  return Error(Kind::invalid,
               str::cat("'", scope.title(), "' needs <", field.name, ">, ", field.help, see_help(scope)));
}

// Operands in the order of their table; a repeated one takes all that are left.
class Operands {
 public:
  explicit Operands(const Scope& scope) : scope_(scope), left_(places(scope.command->operands, scope.args)) {}

  // Whether the next word is one of a rest list, so that options end here.
  [[nodiscard]] bool at_rest() const { return at_ < left_.size() && left_[at_].field->shape == Shape::rest; }
  [[nodiscard]] bool at_verbatim() const { return at_rest() && left_[at_].field->verbatim; }

  Result<> take(std::string_view word) {
    if (at_ == left_.size())
      return Error(Kind::invalid, str::cat("'", scope_.title(), "' does not take '", str::printable(word),
                                           "'", see_help(scope_)));
    const Place& place = left_[at_];
    TRY(place.set(word, place.field->name));
    filled_ = place.field->repeated;
    if (!place.field->repeated) ++at_;
    return {};
  }
  Result<> finish() const {
    if (at_ < left_.size() && !left_[at_].field->optional && !filled_)
      return missing_operand(scope_, *left_[at_].field);
    return {};
  }

 private:
  const Scope& scope_;
  std::vector<Place> left_;
  size_t at_ = 0;
  bool filled_ = false;  // the repeated operand at at_ has a value
};

Result<Ask> parse_command(const Scope& scope, Words words) {
  Operands operands(scope);
  bool options = true;
  while (!words.empty()) {
    if (options && words.front() == "--") {
      options = false;
      (void)words.take();
    } else if (options && !operands.at_verbatim() && is_option(words.front())) {
      const Ask ask = TRY(take_option(scope, words));
      if (ask != Ask::nothing) return ask;
    } else {
      if (operands.at_rest()) options = false;
      TRY(operands.take(words.take()));
    }
  }
  TRY(operands.finish());
  return Ask::nothing;
}

// ---- commands that every program has ----

constexpr std::string_view kBuiltIn[] = {"help", "completion"};

Parsed text_only(std::string text) {
  Parsed parsed;
  parsed.text = std::move(text);
  return parsed;
}

const CommandInfo* find_command(const ProgramView& program, std::string_view name) {
  for (const CommandInfo* command : program.commands)
    if (command->name == name) return command;
  return nullptr;
}

Result<const CommandInfo*> command_named(const ProgramView& program, std::string_view name) {
  if (const CommandInfo* command = find_command(program, name)) return command;
  for (const Refused& refused : program.info.refused)
    if (refused.command == name)
      return Error(Kind::unsupported, str::cat("'", program.info.name, " ", name, "': ", refused.why));
  std::vector<std::string_view> candidates(std::begin(kBuiltIn), std::end(kBuiltIn));
  for (const CommandInfo* command : program.commands)
    if (!command->about.hidden) candidates.push_back(command->name);
  const auto meant = str::did_you_mean(name, candidates);
  return Error(Kind::invalid, str::cat("unknown command '", str::printable(name), "'; ",
                                       meant ? str::cat("did you mean '", *meant, "'?")
                                             : str::cat("see '", program.info.name, " --help'")));
}

std::string completion_usage(const ProgramView& program) {
  return str::cat("usage: ", program.info.name, " completion bash|zsh|fish");
}

std::string completion_help(const ProgramView& program) {
  return str::cat(
      completion_usage(program),
      "\n\nPrint a script that completes command lines; the shell sources it.\n\nExamples:\n  source <(",
      program.info.name, " completion bash)\n");
}

Result<Parsed> run_completion(const ProgramView& program, Words words) {
  const std::string_view shell = words.empty() ? std::string_view() : words.front();
  if (shell == "--help" || shell == "-h") return text_only(completion_help(program));
  if (auto script = completion_script(program, shell)) return text_only(std::move(*script));
  if (shell.empty())
    return Error(Kind::invalid, str::cat("completion for which shell? ", completion_usage(program)));
  return Error(Kind::invalid,
               str::cat("no completion for '", str::printable(shell), "'; ", completion_usage(program)));
}

// help [COMMAND], man [COMMAND]
Result<Parsed> run_text(const ProgramView& program, Words words, std::string (*whole)(const ProgramView&),
                        std::string (*one)(const ProgramView&, const CommandInfo&)) {
  if (words.empty() || is_option(words.front()) || words.front() == "help") return text_only(whole(program));
  if (words.front() == "completion") return text_only(completion_help(program));
  const CommandInfo* command = TRY(command_named(program, words.front()));
  return text_only(one(program, *command));
}

// nullopt: `name` is not one of them.
std::optional<Result<Parsed>> built_in(const ProgramView& program, std::string_view name, Words words,
                                       void* globals) {
  if (name == "help") return run_text(program, words, program_help, command_help);
  if (name == "man") return run_text(program, words, program_man, command_man);
  if (name == "completion") return run_completion(program, words);
  if (name == "__complete") return text_only(complete(program, words.all(), globals));
  return std::nullopt;
}

}  // namespace

std::string_view command_word(const ProgramView& program, std::span<const std::string_view> line,
                              void* globals) {
  Words words(line);
  const Scope scope{program, nullptr, globals};
  while (!words.empty() && is_option(words.front()))
    if (!take_option(scope, words).ok()) return {};
  return words.empty() ? std::string_view() : words.take();
}

Result<Parsed> parse(const ProgramView& program, std::span<const std::string_view> line, void* globals) {
  Words words(line);
  const Scope outer{program, nullptr, globals};
  while (!words.empty() && is_option(words.front())) {
    const Ask ask = TRY(take_option(outer, words));
    if (ask == Ask::help) return text_only(program_help(program));
    if (ask == Ask::version) return text_only(std::string(program.info.version));
  }
  if (words.empty()) return text_only(program_help(program));

  const std::string_view name = words.take();
  if (!find_command(program, name))
    if (auto done = built_in(program, name, words, globals)) return std::move(*done);
  Parsed parsed;
  parsed.command = TRY(command_named(program, name));
  parsed.args = {parsed.command->make(), parsed.command->destroy};
  const Scope scope{program, parsed.command, parsed.args.get()};
  if (TRY(parse_command(scope, words)) == Ask::help) return text_only(command_help(program, *parsed.command));
  return parsed;
}

}  // namespace cli
