// Shell completion.  The program completes its own command lines, from the tables of cli.h: what a shell sources is a
// few lines that ask `PROGRAM __complete WORDS...`, so that three shells cannot come to know three programs.
#include "spec/base/cli.h"

namespace cli {

namespace {

using Shape = Field::Shape;

// A place on the line where a value of `field` is expected.
struct Spot {
  const Field* field = nullptr;
  void* args = nullptr;
};

class Completer {
 public:
  Completer(const ProgramView& program, void* globals) : program_(program), globals_(globals) {}

  // Reads the words before the one to be completed.  Mistakes are passed over: the line is unfinished.
  void read(std::span<const std::string_view> words) {
    for (const std::string_view word : words) step(word);
  }

  std::string candidates(std::string_view word) {
    if (expected_.field)
      values(*expected_.field, word, "");
    else if (literal() || word.empty() || word[0] != '-')
      positional(word);
    else if (const size_t equals = word.find('='); equals != std::string_view::npos)
      value_behind(word, equals);
    else
      option_names(word);
    return out_ + (directive_.empty() ? ":nothing" : directive_) + '\n';
  }

 private:
  [[nodiscard]] std::span<const Table> options() const {
    return command_ ? command_->options : program_.options;
  }

  [[nodiscard]] Spot option(std::string_view word) const {
    const bool is_long = word.starts_with("--");
    for (const Table& table : options())
      for (const Field& field : table.fields) {
        const bool fits =
            is_long ? field.name == word.substr(2) : word.size() == 2 && field.letter == word[1];
        if (fits) return {&field, command_ ? nullptr : table.part(globals_)};
      }
    return {};
  }

  // The operand that comes next.
  [[nodiscard]] const Field* operand() const {
    size_t n = 0;
    for (const Table& table : command_ ? command_->operands : std::span<const Table>())
      for (const Field& field : table.fields)
        if (n++ == taken_ || field.repeated) return &field;
    return nullptr;
  }

  // Whether the next word is no option, whatever it looks like.
  [[nodiscard]] bool literal() const {
    const Field* next = operand();
    return literal_ || (next && next->verbatim);
  }

  void store(const Spot& spot, std::string_view value) {
    if (spot.args) (void)spot.field->set(spot.args, value);  // a half typed value may be wrong
  }

  void step(std::string_view word) {
    if (expected_.field) {
      store(expected_, word);
      expected_ = {};
    } else if (!literal() && word == "--") {
      literal_ = true;
    } else if (!literal() && word.size() > 1 && word[0] == '-') {
      const size_t equals = word.find('=');
      const Spot spot = option(word.substr(0, equals));
      if (!spot.field) return;
      if (equals != std::string_view::npos)
        store(spot, word.substr(equals + 1));
      else if (spot.field->shape == Shape::option)
        expected_ = spot;
      else
        store(spot, "true");
    } else if (command_ || built_in_) {
      const Field* field = operand();
      if (field && field->shape == Shape::rest) literal_ = true;
      ++taken_;
    } else {
      enter(word);
    }
  }

  void enter(std::string_view name) {
    for (const CommandInfo* command : program_.commands)
      if (command->name == name) command_ = command;
    built_in_ = !command_;
    asks_shell_ = name == "completion";
    asks_command_ = name == "help" || name == "man";
  }

  void offer(std::string_view prefix, std::string_view text, std::string_view help, std::string_view typed) {
    const std::string whole = str::cat(prefix, text);
    if (whole.starts_with(typed)) out_ += str::cat(whole, help.empty() ? "" : "\t", help, "\n");
  }

  void values(const Field& field, std::string_view typed, std::string_view prefix) {
    if (field.choices) {
      for (const std::string_view text : field.choices()) offer(prefix, text, "", typed);
    } else if (field.complete == Complete::file) {
      directive_ = ":file";
    } else if (field.complete == Complete::directory) {
      directive_ = ":directory";
    } else if (field.complete != Complete::nothing) {
      for (const std::string& text : program_.suggest(globals_, field.complete))
        offer(prefix, text, "", typed);
    }
  }

  void value_behind(std::string_view word, size_t equals) {
    if (const Spot spot = option(word.substr(0, equals)); spot.field)
      values(*spot.field, word, word.substr(0, equals + 1));
  }

  void option_names(std::string_view word) {
    for (const Table& table : options())
      for (const Field& field : table.fields)
        if (!field.hidden) offer("--", field.name, field.help, word);
    offer("--", "help", "print help and exit", word);
    if (!command_) offer("--", "version", "print the version and exit", word);
  }

  void commands(std::string_view word) {
    for (const CommandInfo* command : program_.commands)
      if (!command->about.hidden) offer("", command->name, command->help, word);
  }

  void positional(std::string_view word) {
    if (command_) {
      if (const Field* field = operand()) values(*field, word, "");
    } else if (asks_shell_) {
      for (const std::string_view shell : {"bash", "zsh", "fish"}) offer("", shell, "", word);
    } else if (!built_in_ || asks_command_) {
      commands(word);
      if (built_in_) return;
      offer("", "completion", "print a script that completes command lines", word);
      offer("", "help", "print the help of a command", word);
    }
  }

  const ProgramView& program_;
  void* globals_;
  const CommandInfo* command_ = nullptr;
  bool built_in_ = false, asks_shell_ = false, asks_command_ = false;
  bool literal_ = false;  // behind `--`, or in a rest list
  size_t taken_ = 0;      // operands
  Spot expected_;         // the option whose value comes next
  std::string out_, directive_;
};

// The last word of COMP_WORDS ends at = and :, so the words are taken from the line itself, and the part of the
// last one that bash regards as finished is cut off the replies.
constexpr std::string_view kBash = R"(# bash completion for PROGRAM:  source <(PROGRAM completion bash)
_PROGRAM() {
  local line=${COMP_LINE:0:COMP_POINT} words reply current done=
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${words[-1]}
  [[ $current == *[=:]* ]] && done=${current%"${current##*[=:]}"}
  while IFS= read -r reply; do
    case $reply in
      :file) compopt -o default ;;
      :directory) compopt -o dirnames ;;
      :nothing) ;;
      *) reply=${reply%%$'\t'*} COMPREPLY+=("${reply#"$done"}") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _PROGRAM PROGRAM
)";

constexpr std::string_view kZsh = R"(#compdef PROGRAM
# zsh completion for PROGRAM:  source <(PROGRAM completion zsh)
_PROGRAM() {
  local line word
  local -a found
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :file) _files ;;
      :directory) _files -/ ;;
      :nothing) ;;
      *) word=${line%%$'\t'*}
         found+=("${word//:/\\:}${${line#"$word"}/$'\t'/:}") ;;
    esac
  done
  (( $#found )) && _describe -V 'PROGRAM' found
}
if [ "$funcstack[1]" = _PROGRAM ]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
)";

constexpr std::string_view kFish = R"(# fish completion for PROGRAM:  PROGRAM completion fish | source
function __PROGRAM_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':file'
                __fish_complete_path "$current"
            case ':directory'
                __fish_complete_directories "$current" ''
            case ':nothing'
            case '*'
                echo $line
        end
    end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
)";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

}  // namespace

std::string complete(const ProgramView& program, std::span<const std::string_view> words, void* globals) {
  Completer completer(program, globals);
  if (words.empty()) return completer.candidates("");
  completer.read(words.first(words.size() - 1));
  return completer.candidates(words.back());
}

std::optional<std::string> completion_script(const ProgramView& program, std::string_view shell) {
  if (shell == "bash") return replaced(kBash, "PROGRAM", program.info.name);
  if (shell == "zsh") return replaced(kZsh, "PROGRAM", program.info.name);
  if (shell == "fish") return replaced(kFish, "PROGRAM", program.info.name);
  return std::nullopt;
}

}  // namespace cli
