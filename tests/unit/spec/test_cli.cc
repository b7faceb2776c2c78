#include <criterion/criterion.h>

#include "spec/base/cli.h"
#include "tests/unit/support/expect.h"

namespace {

struct Globals {
  std::string root = "/run";
  bool debug = false;
};
struct Context {
  std::string seen;
};

enum class Form { table, json };
constexpr names::Table<Form> kForms[] = {{Form::table, "table"}, {Form::json, "json"}};

struct Shared {
  std::string bundle = ".";
  std::optional<std::string> pid_file;
};
struct RunArgs : Shared {
  std::string id;
  std::vector<std::string> env, command;
  bool detach = false, tty = false, keep = false;
  int32_t fds = 0;
  uint8_t small = 0;
  std::optional<uint64_t> memory;
  Form form = Form::table;
};
constexpr cli::Row<Shared> shared_options[] = {
    cli::option<&Shared::bundle>('b', "bundle", "DIR", "directory of the bundle", cli::Complete::directory),
    cli::option<&Shared::pid_file>(0, "pid-file", "FILE", "where to write the process id",
                                   cli::Complete::file),
};
constexpr cli::Row<RunArgs> run_options[] = {
    cli::option<&RunArgs::env>('e', "env", "NAME=VALUE", "set a variable; may be repeated"),
    cli::flag<&RunArgs::detach>('d', "detach", "do not wait for the container"),
    cli::flag<&RunArgs::tty>(
        't', "tty", "give it a terminal of its own, which is sized like ours and follows its changes"),
    cli::hidden(cli::flag<&RunArgs::keep>(0, "keep", "keep it")),
    cli::option<&RunArgs::fds>(0, "preserve-fds", "N", "pass descriptors on"),
    cli::option<&RunArgs::small>(0, "small", "N", "a small number"),
    cli::option<&RunArgs::memory>('m', "memory", "BYTES", "limit of memory"),
    cli::choice<&RunArgs::form, kForms>('f', "format", "table|json", "form of the output"),
};
constexpr cli::Row<RunArgs> run_operands[] = {
    cli::operand<&RunArgs::id>("container-id", "the container", cli::Complete::container),
    cli::rest<&RunArgs::command>("command", "what to run in it"),
};

std::string show(const RunArgs& a) {
  std::string out = str::cat("id=", a.id, " bundle=", a.bundle, " pid=", a.pid_file.value_or("-"));
  out += str::cat(" env=", str::join(a.env, ","), " cmd=", str::join(a.command, ","));
  out += str::cat(" ", a.detach ? "d" : "", a.tty ? "t" : "", a.keep ? "k" : "", " fds=", a.fds,
                  " small=", a.small);
  return out + str::cat(" mem=", a.memory ? str::cat(*a.memory) : "-", " ", names::text(kForms, a.form));
}

Result<int> run_run(const RunArgs& args, Context& context) {
  context.seen = show(args);
  return 7;
}

struct DeleteArgs {
  std::vector<std::string> ids;
  std::string signal = "TERM";
  bool force = false;
};
constexpr cli::Row<DeleteArgs> delete_options[] = {
    cli::flag<&DeleteArgs::force>('f', "force", "kill it first")};
constexpr cli::Row<DeleteArgs> delete_operands[] = {
    cli::operand<&DeleteArgs::ids>("container-id", "the containers", cli::Complete::container)};
Result<int> delete_run(const DeleteArgs& args, Context& context) {
  context.seen = str::cat(str::join(args.ids, ","), args.force ? " force" : "");
  return 0;
}

struct KillArgs {
  std::string id, signal = "TERM";
};
constexpr cli::Row<KillArgs> kill_operands[] = {
    cli::operand<&KillArgs::id>("container-id", "the container", cli::Complete::container),
    cli::optional(cli::operand<&KillArgs::signal>("signal", "name or number", cli::Complete::signal)),
};
Result<int> kill_run(const KillArgs& args, Context& context) {
  context.seen = str::cat(args.id, " ", args.signal);
  return 0;
}

constexpr auto run_command = cli::command<cli::join<shared_options, run_options>, run_operands, run_run>(
    "run", "create and start a container",
    {.details = "Ends as the container did.", .examples = "box run web\nbox run --detach web sleep 10\n"});
constexpr auto delete_command =
    cli::command<delete_options, delete_operands, delete_run>("delete", "remove containers");
constexpr auto kill_command =
    cli::command<cli::none, kill_operands, kill_run>("kill", "send a signal to a container");

constexpr cli::Row<Globals> global_options[] = {
    cli::option<&Globals::root>(0, "root", "DIR", "where state is kept", cli::Complete::directory),
    cli::flag<&Globals::debug>(0, "debug", "show the steps"),
};
std::vector<std::string> suggest(const Globals& globals, cli::Complete kind) {
  if (kind == cli::Complete::container) return {globals.root + "-one", "web"};
  return {"HUP", "KILL"};
}
constexpr cli::Row<RunArgs> verbatim_operands[] = {
    cli::operand<&RunArgs::id>("image", "the image"),
    cli::verbatim(cli::rest<&RunArgs::command>("arguments", "what to run")),
};
constexpr auto start_command =
    cli::command<cli::join<shared_options, run_options>, verbatim_operands, run_run>("start", "start it",
                                                                                     {.hidden = true});

constexpr auto kBox = cli::program<Globals, global_options, suggest>(
    {.name = "box", .summary = "a box for tests", .version = "box version 1\n", .examples = "box run web\n"},
    run_command, delete_command, kill_command, start_command);

// What a command line does, as text.
std::string outcome(std::vector<const char*> words) {
  Globals globals;
  auto call = kBox.parse(words, globals);
  std::string prefix = globals.root == "/run" ? "" : "[" + globals.root + "] ";
  if (globals.debug) prefix += "[debug] ";
  if (!call.ok()) return prefix + "error: " + call.error().message;
  if (call.value().text())
    return prefix + "text: " + call.value().text()->substr(0, call.value().text()->find('\n'));
  Context context;
  const int status = call.value().run(context).take();
  return prefix + context.seen + (status ? str::cat(" -> ", status) : "");
}

#define RUN_DEFAULTS "bundle=. pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"

struct Case {
  std::vector<const char*> words;
  const char* want;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string got = outcome(c.words);
    std::string line;
    for (const char* word : c.words) line += str::cat(" ", word);
    cr_expect_str_eq(got.c_str(), c.want, "box%s", line.c_str());
  }
}

std::string completed(std::vector<const char*> words) {
  Globals globals;
  words.insert(words.begin(), "__complete");
  return *kBox.parse(words, globals).value().text();
}

}  // namespace

Test(cli, options_in_every_spelling) {
  expect({
      {{"run", "web"}, "id=web " RUN_DEFAULTS},
      {{"run", "--bundle", "d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "--bundle=d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-b", "d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-bd", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-b=d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-bundle", "d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-bundle=d", "web"}, "id=web bundle=d pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-dt", "web"}, "id=web bundle=. pid=- env= cmd= dt fds=0 small=0 mem=- table -> 7"},
      {{"run", "-dtb", "x", "web"}, "id=web bundle=x pid=- env= cmd= dt fds=0 small=0 mem=- table -> 7"},
      {{"run", "-dtbx", "web"}, "id=web bundle=x pid=- env= cmd= dt fds=0 small=0 mem=- table -> 7"},
      {{"run", "--detach=true", "--tty=false", "web"},
       "id=web bundle=. pid=- env= cmd= d fds=0 small=0 mem=- table -> 7"},
      {{"run", "-d", "--detach=false", "web"}, "id=web " RUN_DEFAULTS},
      {{"run", "-d=0", "web"}, "id=web " RUN_DEFAULTS},
      {{"run", "--keep", "web"}, "id=web bundle=. pid=- env= cmd= k fds=0 small=0 mem=- table -> 7"},
      {{"run", "--pid-file", "p", "web"}, "id=web bundle=. pid=p env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "--pid-file=", "web"}, "id=web " RUN_DEFAULTS},
      {{"run", "--pid-file", "p", "--pid-file=", "web"}, "id=web " RUN_DEFAULTS},
      {{"run", "--pid-file", "--tty", "web"},
       "id=web bundle=. pid=--tty env= cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "-e", "A=1", "--env=B=2=3", "web"},
       "id=web bundle=. pid=- env=A=1,B=2=3 cmd=  fds=0 small=0 mem=- table -> 7"},
      {{"run", "--preserve-fds=-3", "-m", "18446744073709551615", "-fjson", "web"},
       "id=web bundle=. pid=- env= cmd=  fds=-3 small=0 mem=18446744073709551615 json -> 7"},
  });
}

Test(cli, operands_and_rest) {
  expect({
      {{"run", "web", "sh", "-d", "--", "--help"},
       "id=web bundle=. pid=- env= cmd=sh,-d,--,--help  fds=0 small=0 mem=- table -> 7"},
      {{"run", "web", "-d", "sh", "-c", "x"},
       "id=web bundle=. pid=- env= cmd=sh,-c,x d fds=0 small=0 mem=- table -> 7"},
      {{"run", "web", "--", "-d"}, "id=web bundle=. pid=- env= cmd=-d  fds=0 small=0 mem=- table -> 7"},
      {{"run", "--", "-web", "-d"}, "id=-web bundle=. pid=- env= cmd=-d  fds=0 small=0 mem=- table -> 7"},
      {{"delete", "a", "--force", "b"}, "a,b force"},
      {{"delete", "-f", "a"}, "a force"},
      {{"delete", "a", "--", "-f"}, "a,-f"},
      {{"kill", "web"}, "web TERM"},
      {{"kill", "web", "9"}, "web 9"},
      {{"kill", "-", ""}, "- "},
  });
}

Test(cli, verbatim_rest) {
  expect({
      {{"start", "-d", "web", "-d", "--env", "x"},
       "id=web bundle=. pid=- env= cmd=-d,--env,x d fds=0 small=0 mem=- table -> 7"},
      {{"start", "web", "--", "-d"}, "id=web bundle=. pid=- env= cmd=-d  fds=0 small=0 mem=- table -> 7"},
      {{"start", "web", "sh", "--", "-c"},
       "id=web bundle=. pid=- env= cmd=sh,--,-c  fds=0 small=0 mem=- table -> 7"},
      {{"start", "web"}, "id=web bundle=. pid=- env= cmd=  fds=0 small=0 mem=- table -> 7"},
  });
}

Test(cli, global_options_stand_before_the_command) {
  expect({
      {{"--root", "/r", "kill", "web"}, "[/r] web TERM"},
      {{"--root=/r", "--debug", "kill", "web"}, "[/r] [debug] web TERM"},
      {{"--debug=false", "kill", "web"}, "web TERM"},
      {{"--root", "/r", "kill"},
       "[/r] error: 'box kill' needs <container-id>, the container; see 'box kill --help'"},
      {{"kill", "--root", "/r", "web"},
       "error: unknown option '--root' of 'box kill'; it is a global one and stands before the command: box "
       "--root ... kill"},
  });
}

Test(cli, mistakes_get_one_specific_line) {
  expect({
      {{"delet", "web"}, "error: unknown command 'delet'; did you mean 'delete'?"},
      {{"frobnicate"}, "error: unknown command 'frobnicate'; see 'box --help'"},
      {{"--rot", "x"}, "error: unknown option '--rot'; did you mean '--root'?"},
      {{"-x"}, "error: unknown option '-x'; see 'box --help'"},
      {{"run", "--bundel=x", "web"},
       "error: unknown option '--bundel' of 'box run'; did you mean '--bundle'?"},
      {{"run", "--kep", "web"}, "error: unknown option '--kep' of 'box run'; see 'box run --help'"},
      {{"run", "-dx", "web"}, "error: unknown option '-x' of 'box run'; see 'box run --help'"},
      {{"run", "--bundle"}, "error: option '--bundle' of 'box run' needs a value: DIR"},
      {{"run", "-b"}, "error: option '-b' of 'box run' needs a value: DIR"},
      {{"--root"}, "error: option '--root' of 'box' needs a value: DIR"},
      {{"run", "--detach=maybe", "web"}, "error: option '--detach': 'maybe' is neither true nor false"},
      {{"run", "--preserve-fds", "1x", "web"},
       "error: option '--preserve-fds': '1x' is not a whole number from -2147483648 to 2147483647"},
      {{"run", "--preserve-fds=", "web"},
       "error: option '--preserve-fds': '' is not a whole number from -2147483648 to 2147483647"},
      {{"run", "--small", "256", "web"},
       "error: option '--small': '256' is not a whole number from 0 to 255"},
      {{"run", "--small=-1", "web"}, "error: option '--small': '-1' is not a whole number from 0 to 255"},
      {{"run", "-m", "18446744073709551616", "web"},
       "error: option '-m': '18446744073709551616' is not a whole number from 0 to 18446744073709551615"},
      {{"run", "-f", "xml", "web"}, "error: option '-f': 'xml' is not 'table' or 'json'"},
      {{"delete"}, "error: 'box delete' needs <container-id>, the containers; see 'box delete --help'"},
      {{"kill", "a", "b", "c"}, "error: 'box kill' does not take 'c'; see 'box kill --help'"},
      {{"kill", "a", "b", "c\n\033"}, "error: 'box kill' does not take 'c\\n\\x1b'; see 'box kill --help'"},
      {{"completion"}, "error: completion for which shell? usage: box completion bash|zsh|fish"},
      {{"completion", "csh"}, "error: no completion for 'csh'; usage: box completion bash|zsh|fish"},
  });
}

Test(cli, help_is_found_at_both_levels) {
  expect({
      {{}, "text: box: a box for tests"},
      {{"--help"}, "text: box: a box for tests"},
      {{"-h"}, "text: box: a box for tests"},
      {{"help"}, "text: box: a box for tests"},
      {{"help", "kill"}, "text: usage: box kill <container-id> [signal]"},
      {{"help", "help"}, "text: box: a box for tests"},
      {{"help", "completion"}, "text: usage: box completion bash|zsh|fish"},
      {{"completion", "--help"}, "text: usage: box completion bash|zsh|fish"},
      {{"help", "kil"}, "error: unknown command 'kil'; did you mean 'kill'?"},
      {{"kill", "--help"}, "text: usage: box kill <container-id> [signal]"},
      {{"kill", "-h"}, "text: usage: box kill <container-id> [signal]"},
      {{"run", "web", "--help"}, "text: usage: box run [options] <container-id> [command...]"},
      {{"run", "web", "sh", "--help"},
       "id=web bundle=. pid=- env= cmd=sh,--help  fds=0 small=0 mem=- table -> 7"},
      {{"--version"}, "text: box version 1"},
      {{"-v"}, "text: box version 1"},
      {{"kill", "--version"}, "error: unknown option '--version' of 'box kill'; see 'box kill --help'"},
  });
}

Test(cli, help_text) {
  const std::string program = cli::program_help(kBox.view());
  cr_expect_str_eq(program.c_str(), R"(box: a box for tests

usage: box [global options] <command> [options] [operands]

Commands:
  run         create and start a container
  delete      remove containers
  kill        send a signal to a container
  completion  print a script that completes command lines: bash, zsh, fish
  help        print the help of a command

Global options:
      --root DIR  where state is kept
      --debug     show the steps
  -v, --version   print the version and exit
  -h, --help      print this text and exit

Examples:
  box run web

'box <command> --help' explains a command.
)");
  const std::string command = cli::command_help(kBox.view(), run_command);
  cr_expect_str_eq(command.c_str(), R"(usage: box run [options] <container-id> [command...]

Create and start a container.

Ends as the container did.

Operands:
  container-id  the container
  command       what to run in it

Options:
  -b, --bundle DIR         directory of the bundle
      --pid-file FILE      where to write the process id
  -e, --env NAME=VALUE     set a variable; may be repeated
  -d, --detach             do not wait for the container
  -t, --tty                give it a terminal of its own, which is sized like
                           ours and follows its changes
      --preserve-fds N     pass descriptors on
      --small N            a small number
  -m, --memory BYTES       limit of memory
  -f, --format table|json  form of the output
  -h, --help               print this text and exit

Examples:
  box run web
  box run --detach web sleep 10
)");
}

Test(cli, man_page) {
  const std::string page = cli::command_man(kBox.view(), kill_command);
  cr_expect_str_eq(page.c_str(), R"(.TH BOX\-KILL 1 "" "box" "User Commands"
.SH NAME
box\-kill \- send a signal to a container
.SH SYNOPSIS
.B box kill <container\-id> [signal]
.SH DESCRIPTION
Send a signal to a container.
.SH OPERANDS
.TP
\fBcontainer\-id\fR
The container.
.TP
\fBsignal\fR
Name or number.
.SH OPTIONS
.TP
\fB\-h, \-\-help\fR
Print this text and exit.
.SH SEE ALSO
.BR box (1)
)");
  const std::string whole = outcome({"man"});
  cr_expect_str_eq(whole.c_str(), "text: .TH BOX 1 \"\" \"box\" \"User Commands\"");
}

Test(cli, completion) {
  const struct {
    std::vector<const char*> words;
    const char* want;
  } cases[] = {
      {{"d"}, "delete\tremove containers\n:nothing\n"},
      {{"--r"}, "--root\twhere state is kept\n:nothing\n"},
      {{"--root", ""}, ":directory\n"},
      {{"kill", ""}, "/run-one\nweb\n:nothing\n"},
      {{"--root", "/r", "kill", ""}, "/r-one\nweb\n:nothing\n"},
      {{"--root=/r", "kill", "/"}, "/r-one\n:nothing\n"},
      {{"kill", "web", "K"}, "KILL\n:nothing\n"},
      {{"kill", "web", "KILL", ""}, ":nothing\n"},
      {{"delete", "a", "b", "w"}, "web\n:nothing\n"},
      {{"run", "--bundle", ""}, ":directory\n"},
      {{"run", "--pid-file="}, ":file\n"},
      {{"run", "-f", "j"}, "json\n:nothing\n"},
      {{"run", "--format="}, "--format=table\n--format=json\n:nothing\n"},
      {{"run", "--de"}, "--detach\tdo not wait for the container\n:nothing\n"},
      {{"run", "--kee"}, ":nothing\n"},
      {{"run", "-d", "w"}, "web\n:nothing\n"},
      {{"run", "web", "sh", "--d"}, ":nothing\n"},
      {{"run", "web", "--de"}, "--detach\tdo not wait for the container\n:nothing\n"},
      {{"start", "--de"}, "--detach\tdo not wait for the container\n:nothing\n"},
      {{"start", "web", "--de"}, ":nothing\n"},
      {{"start", "web", "--bundle", ""}, ":nothing\n"},
      {{"help", "k"}, "kill\tsend a signal to a container\n:nothing\n"},
      {{"completion", "z"}, "zsh\n:nothing\n"},
  };
  for (const auto& c : cases) {
    const std::string got = completed(c.words);
    cr_expect_str_eq(got.c_str(), c.want, "%s ... %s", c.words.front(), c.words.back());
  }
}

Test(cli, output_goes_where_it_is_told) {
  std::string text;
  cli::Out out(text);
  out.print("a", 1);
  out.line("b");
  cr_expect(out.flush().ok());
  cr_expect_str_eq(text.c_str(), "a1b\n");

  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  cli::Out lost(full.get());
  lost.line("x");
  const auto result = lost.flush();
  cr_assert(!result.ok());
  cr_expect_eq(result.error().errnum, ENOSPC);
}

Test(cli, whose_mistake_it_was) {
  const struct {
    std::vector<const char*> words;
    std::string_view want;
  } cases[] = {
      {{"run", "--nonsense"}, "run"},
      {{"--root", "run", "kill"}, "kill"},
      {{"--debug", "nonsense"}, "nonsense"},
      {{"--nonsense", "run"}, ""},
      {{"--root"}, ""},
      {{}, ""},
  };
  for (const auto& c : cases) expect_text(std::string(kBox.command_word(c.words)), std::string(c.want));
}
