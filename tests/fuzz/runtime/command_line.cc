// Any words, one a line, as a command line of `runtime`: understood, or refused with one line; and anything may be
// asked for its completion.  Nothing is run.
#include "runtime/cmd/commands.h"
#include "tests/fuzz/support/input.h"

namespace {

struct Globals {
  std::optional<std::string> root;
  bool debug = false;
};
constexpr cli::Row<Globals> global_options[] = {
    cli::option<&Globals::root>(0, "root", "DIR", "where state is kept", cli::Complete::directory),
    cli::flag<&Globals::debug>(0, "debug", "say more"),
};

std::vector<std::string> suggest(const Globals&, cli::Complete) { return {"web", "web2"}; }

void check_completion(const std::string& text) {
  fuzz::must(text.ends_with('\n'), "completion is whole lines", text);
  std::string_view last;
  for (const std::string_view line : str::split(std::string_view(text).substr(0, text.size() - 1), '\n'))
    last = line;
  fuzz::must(last.starts_with(':'), "completion ends with what else may stand there", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto program = cli::program<Globals, global_options, suggest>(
      {.name = "runtime", .summary = "run containers", .version = "1\n", .examples = ""}, create_command,
      start_command, run_command, exec_command, state_command, list_command, kill_command, delete_command,
      ps_command, pause_command, resume_command, update_command, events_command, spec_command,
      features_command, validate_command);
  fuzz::Input input(data, size);
  std::vector<std::string_view> words;
  while (!input.empty() && words.size() < 64) words.push_back(input.until('\n'));

  Globals globals;
  const auto parsed = cli::parse(program.view(), words, &globals);
  if (!parsed.ok()) {
    fuzz::must_be_sentence(parsed.error());
  } else {
    fuzz::must((parsed.value().command != nullptr) != parsed.value().text.has_value(),
               "a command to run, or a text to print");
  }
  check_completion(cli::complete(program.view(), words, &globals));
  return 0;
}
