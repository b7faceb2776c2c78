// Command lines from tables.  One table per command is bound to the members of a struct; from it come parsing,
// --help, "did you mean", shell completion and the man page, so that they cannot disagree.
//
//   struct KillArgs { std::string id; std::string signal = "TERM"; bool all = false; };
//   constexpr cli::Row<KillArgs> options[] = {cli::flag<&KillArgs::all>('a', "all", "signal every process")};
//   constexpr cli::Row<KillArgs> operands[] = {cli::operand<&KillArgs::id>("container-id", "the container")};
//   static Result<int> run(const KillArgs& args, Runtime& rt);
//   constexpr cli::Command<Runtime> kill_command = cli::command<options, operands, run>("kill", "send a signal");
//
// The second parameter of `run` is the program's own context: whatever it has built from its global options, with the
// Out that results are written to.  Templates only bind members; all the work is done on the untyped Field in cli.cc.
//
// What is accepted: --name value, --name=value, -n value, -nvalue, -n=value, bundled flags (-aq), --flag=false, and,
// because runc's library does, -name for --name.  Options and operands mix, but for a `rest` list: from its first
// word on everything belongs to it (which may begin with a dash only if the list is verbatim).  `--` ends the
// options.  Global options stand before the command.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "spec/base/cli_value.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/base/names.h"

namespace cli {

// Where a command writes its results: standard output, or a string in tests.  Collects, and writes in large pieces.
class Out {
 public:
  explicit Out(Fd to) : fd_(to) {}
  explicit Out(std::string& to) : text_(&to) {}
  template <class... Parts>
  void print(const Parts&... parts) {
    add(str::cat(parts...));
  }
  template <class... Parts>
  void line(const Parts&... parts) {
    add(str::cat(parts..., '\n'));
  }
  // To be called before the output matters to anybody else; main calls it at the end.  The first failure is kept.
  Result<> flush();

 private:
  void add(std::string_view text);
  Fd fd_;
  std::string* text_ = nullptr;
  std::string pending_;
  Result<> failed_;
};

// What completion offers for a value.  What is not a file, the program says itself (see `program`).
enum class Complete : uint8_t { nothing, file, directory, container, image, signal };

// ---- rows ----

// A row without its type: what cli.cc works with.
struct Field {
  enum class Shape : uint8_t { flag, option, operand, rest };
  Shape shape = Shape::flag;
  char letter = 0;        // 0: there is only the long name
  bool optional = false;  // operands
  bool repeated = false;  // takes any number of values
  bool hidden = false;    // accepted, and not shown
  bool verbatim =
      false;  // a rest list that begins right behind the operands, also with what looks like an option
  Complete complete = Complete::nothing;
  std::string_view name;   // without dashes
  std::string_view value;  // how help calls the value: "DIR"
  std::string_view help;   // lower case, no final stop
  Result<> (*set)(void* args, std::string_view text) = nullptr;
  std::vector<std::string_view> (*choices)() = nullptr;  // the only values that are accepted
};

// A row bound to a member of Args.
template <class Args>
struct Row {
  Field field;
};

namespace detail {

template <class Pointer>
struct Member;
template <class A, class T>
struct Member<T A::*> {
  using Args = A;
  using Type = T;
};
template <auto member>
using ArgsOf = typename Member<decltype(member)>::Args;
template <auto member>
using TypeOf = typename Member<decltype(member)>::Type;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <auto member>
Result<> set(void* args, std::string_view text) {
  return Value<TypeOf<member>>::set(static_cast<ArgsOf<member>*>(args)->*member, text);
}

Error bad_choice(std::string_view text, const std::vector<std::string_view>& choices);

template <auto member, const auto& table>
Result<> set_choice(void* args, std::string_view text) {
  const auto value = names::value(table, text);
  if (!value) return bad_choice(text, names::all(table));
  static_cast<ArgsOf<member>*>(args)->*member = *value;
  return {};
}

template <auto member>
constexpr Row<ArgsOf<member>> row(Field field) {
  field.repeated = is_vector<TypeOf<member>>;
  field.set = set<member>;
  return {field};
}

}  // namespace detail

// --name, without a value; --name=false takes it back.
template <auto member>
constexpr auto flag(char letter, std::string_view name, std::string_view help) {
  return detail::row<member>({.shape = Field::Shape::flag, .letter = letter, .name = name, .help = help});
}
// --name VALUE.  A vector collects what is given repeatedly; anything else keeps the last.
template <auto member>
constexpr auto option(char letter, std::string_view name, std::string_view value, std::string_view help,
                      Complete complete = Complete::nothing) {
  return detail::row<member>({.shape = Field::Shape::option,
                              .letter = letter,
                              .complete = complete,
                              .name = name,
                              .value = value,
                              .help = help});
}
// --name WORD, where WORD is one of a names::Table.
template <auto member, const auto& table>
constexpr auto choice(char letter, std::string_view name, std::string_view value, std::string_view help) {
  Row<detail::ArgsOf<member>> row{{.shape = Field::Shape::option,
                                   .letter = letter,
                                   .name = name,
                                   .value = value,
                                   .help = help,
                                   .set = detail::set_choice<member, table>}};
  row.field.choices = [] { return names::all(table); };
  return row;
}
// A word without dashes.  A vector takes all that are left, at least one; it must be the last.
template <auto member>
constexpr auto operand(std::string_view name, std::string_view help, Complete complete = Complete::nothing) {
  return detail::row<member>(
      {.shape = Field::Shape::operand, .complete = complete, .name = name, .help = help});
}
// The operand may be missing.
template <class Args>
constexpr Row<Args> optional(Row<Args> row) {
  row.field.optional = true;
  return row;
}
// All words from here on, options or not: a command to run.  May be empty.
template <auto member>
constexpr auto rest(std::string_view name, std::string_view help) {
  Row<detail::ArgsOf<member>> row =
      detail::row<member>({.shape = Field::Shape::rest, .optional = true, .name = name, .help = help});
  static_assert(detail::is_vector<detail::TypeOf<member>>, "a rest list is a vector");
  return row;
}
// Of a rest list: options stand before the last operand, as in docker run; what is behind it is not ours.
template <class Args>
constexpr Row<Args> verbatim(Row<Args> row) {
  row.field.verbatim = true;
  return row;
}
// Accepted, and not shown in help, man page or completion.
template <class Args>
constexpr Row<Args> hidden(Row<Args> row) {
  row.field.hidden = true;
  return row;
}

// ---- tables ----

struct None {};
inline constexpr None none;  // a command without options, or without operands

// Several tables as one: cli::join<create_options, run_options>.  The arguments of `run` derive from those of each.
template <const auto&... tables>
struct Join {};
template <const auto&... tables>
inline constexpr Join<tables...> join;

struct Table {
  std::span<const Field> fields;
  void* (*part)(void* args) = nullptr;  // from the command's arguments to those that the rows are bound to
};

namespace detail {

template <class Args, size_t n>
constexpr std::array<Field, n> untyped(const Row<Args> (&rows)[n]) {
  std::array<Field, n> fields;
  for (size_t i = 0; i < n; ++i) fields[i] = rows[i].field;
  return fields;
}
template <const auto& rows>
inline constexpr auto fields_of = untyped(rows);

template <class Args, class Base, size_t n>
void* upcast(void* args, const Row<Base> (*)[n]) {
  return static_cast<Base*>(static_cast<Args*>(args));
}
template <class Args, const auto& rows>
constexpr Table table_of() {
  return {fields_of<rows>, [](void* args) { return upcast<Args>(args, &rows); }};
}

template <class Args, const auto& rows, class Type>
struct Tables {
  static constexpr std::array<Table, 1> all = {table_of<Args, rows>()};
};
template <class Args, const auto& rows>
struct Tables<Args, rows, const None> {
  static constexpr std::array<Table, 0> all = {};
};
template <class Args, const auto& rows, const auto&... tables>
struct Tables<Args, rows, const Join<tables...>> {
  static constexpr std::array<Table, sizeof...(tables)> all = {table_of<Args, tables>()...};
};
template <class Args, const auto& rows>
inline constexpr std::span<const Table> tables_of =
    Tables<Args, rows, std::remove_reference_t<decltype(rows)>>::all;

template <class Function>
struct Run;
template <class A, class C>
struct Run<Result<int> (*)(const A&, C&)> {
  using Args = A;
  using Context = C;
};

}  // namespace detail

// ---- commands ----

struct About {
  std::string_view details = {};   // paragraphs for --help and the man page, below the one-line help
  std::string_view examples = {};  // one command line each, ended by '\n'
  bool hidden = false;
};

struct CommandInfo {
  std::string_view name;
  std::string_view help;  // one line, lower case, no final stop
  About about;
  std::span<const Table> options, operands;
  void* (*make)() = nullptr;  // the arguments with their defaults
  void (*destroy)(void* args) = nullptr;
  Result<int> (*run)(const void* args, void* context) = nullptr;
};

// A command of the programs whose context is Context.
template <class Context>
struct Command : CommandInfo {};

// `run` is a Result<int> (*)(const Args&, Context&); the int is the exit status of the program.
template <const auto& options, const auto& operands, auto run>
constexpr auto command(std::string_view name, std::string_view help, About about = {}) {
  using Types = detail::Run<decltype(run)>;
  using Args = typename Types::Args;
  using Context = typename Types::Context;
  return Command<Context>{{
      .name = name,
      .help = help,
      .about = about,
      .options = detail::tables_of<Args, options>,
      .operands = detail::tables_of<Args, operands>,
      .make = []() -> void* { return new Args(); },
      .destroy = [](void* args) { delete static_cast<Args*>(args); },
      .run = [](const void* args, void* context) -> Result<int> {
        return run(*static_cast<const Args*>(args), *static_cast<Context*>(context));
      },
  }};
}

// ---- programs ----

// A command that callers know from other programs, and what to tell them.
struct Refused {
  std::string_view command, why;
};

struct ProgramInfo {
  std::string_view name;
  std::string_view summary;               // one line, lower case, no final stop
  std::string_view version;               // what --version prints, whole lines
  std::string_view examples;              // as in About
  std::span<const Refused> refused = {};  // not in the help
};

// What completion asks the program for: words of that kind, given the global options as far as they were typed.
template <class Globals>
using Suggest = std::vector<std::string> (*)(const Globals& globals, Complete kind);

// A program without its types.
struct ProgramView {
  const ProgramInfo& info;
  std::span<const Table> options;
  std::span<const CommandInfo* const> commands;
  std::vector<std::string> (*suggest)(const void* globals, Complete kind);
};

// A parsed command line: a text to print (help, version, completion, a man page), or a command to run.
struct Parsed {
  const CommandInfo* command = nullptr;
  std::unique_ptr<void, void (*)(void*)> args{nullptr, [](void*) {}};
  std::optional<std::string> text;  // set: print it and exit with 0
};

// Kind::invalid with one line that says what is wrong and what was perhaps meant.  Global options that stand before
// the mistake have been stored in `globals` by then.
Result<Parsed> parse(const ProgramView& program, std::span<const std::string_view> words, void* globals);
// The word that stands where the command does, known or not; empty: there is none, or a mistake in front of it.
std::string_view command_word(const ProgramView& program, std::span<const std::string_view> words,
                              void* globals);
std::string program_help(const ProgramView& program);
std::string command_help(const ProgramView& program, const CommandInfo& command);
std::string program_man(const ProgramView& program);
std::string command_man(const ProgramView& program, const CommandInfo& command);
// The script to be sourced; nullopt for a shell other than bash, zsh and fish.
std::optional<std::string> completion_script(const ProgramView& program, std::string_view shell);
// What may stand in place of the last of `words`: "word\thelp" lines, then ":file", ":directory" or ":nothing".
std::string complete(const ProgramView& program, std::span<const std::string_view> words, void* globals);

template <class Context>
class Call {
 public:
  explicit Call(Parsed parsed) : parsed_(std::move(parsed)) {}
  [[nodiscard]] const std::optional<std::string>& text() const { return parsed_.text; }
  [[nodiscard]] std::string_view command() const { return parsed_.command ? parsed_.command->name : ""; }
  // Precondition: !text().
  Result<int> run(Context& context) const { return parsed_.command->run(parsed_.args.get(), &context); }

 private:
  Parsed parsed_;
};

template <class Globals, class Context, const auto& options, Suggest<Globals> suggest, size_t n>
struct Program {
  ProgramInfo info;
  std::array<const CommandInfo*, n> commands;

  [[nodiscard]] ProgramView view() const {
    return {info, detail::tables_of<Globals, options>, commands, [](const void* globals, Complete kind) {
              return suggest(*static_cast<const Globals*>(globals), kind);
            }};
  }
  // `words` without the program's name: main's argv + 1.
  Result<Call<Context>> parse(std::span<const char* const> words, Globals& globals) const {
    const std::vector<std::string_view> texts(words.begin(), words.end());
    return Call<Context>(TRY(cli::parse(view(), texts, &globals)));
  }
  // Which command's mistake it was, where parse() has failed.
  [[nodiscard]] std::string_view command_word(std::span<const char* const> words) const {
    const std::vector<std::string_view> texts(words.begin(), words.end());
    Globals globals;
    return cli::command_word(view(), texts, &globals);
  }
};

// constexpr auto kProgram = cli::program<Globals, options, suggest>({.name = …}, create_command, start_command, …);
template <class Globals, const auto& options, Suggest<Globals> suggest, class Context, class... More>
constexpr auto program(ProgramInfo info, const Command<Context>& first, const More&... more) {
  static_assert((std::is_same_v<More, Command<Context>> && ...), "commands of one program share its context");
  return Program<Globals, Context, options, suggest, 1 + sizeof...(more)>{info, {&first, &more...}};
}

}  // namespace cli
