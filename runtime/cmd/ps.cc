// runtime ps: the processes in a container, as ps(1) shows them from outside, or their ids alone.
//
// Which processes those are, the cgroups say, not ps: its options choose the columns, and what it would leave out.
#include <algorithm>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cmd/commands.h"
#include "runtime/life/container.h"
#include "spec/base/process.h"
#include "spec/json_writer.h"

namespace {

enum class Form { table, json };
constexpr names::Table<Form> kForms[] = {{Form::table, "table"}, {Form::json, "json"}};

struct PsArgs {
  std::string id;
  std::vector<std::string> options;
  Form form = Form::table;
};

constexpr cli::Row<PsArgs> ps_options[] = {
    cli::choice<&PsArgs::form, kForms>('f', "format", "table|json", "how to print them (table)"),
};
constexpr cli::Row<PsArgs> ps_operands[] = {
    cli::operand<&PsArgs::id>("container-id", "the container", cli::Complete::container),
    cli::verbatim(cli::rest<&PsArgs::options>("ps-option", "options of ps(1) (-ef)")),
};

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found = str::split(line, ' ');
  std::erase_if(found, [](std::string_view word) { return word.empty(); });
  return found;
}

// Everything that ps(1) knows of the host.
Result<std::string> run_ps(const std::vector<std::string>& options, const Environment& environment) {
  constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
  constexpr size_t kMost = 16 << 20;  // bytes
  constexpr int64_t kWaitMs = 60000;
  const std::string path = environment.get("PATH").value_or(std::string(kDefaultPath));
  const Result<std::string> program = process::find("ps", path);
  if (!program.ok())
    return Error(Kind::unsupported, str::cat("ps(1) is in no directory of PATH ('", path,
                                             "'): install it (package procps), or use --format json"));
  process::Command command{.path = program.value(), .argv = {"ps"}, .env = environment.all};
  if (options.empty()) command.argv.push_back("-ef");
  command.argv.insert(command.argv.end(), options.begin(), options.end());
  command.keep = kMost;
  command.timeout_ms = kWaitMs;
  process::Outcome outcome = TRY(process::run(command));
  if (!outcome.ok()) return Error(Kind::invalid, str::cat("ps(1): ", outcome.text()));
  if (outcome.out_cut) return Error(Kind::invalid, str::cat("ps(1) wrote more than ", kMost, " bytes"));
  return std::move(outcome.out);
}

Result<> print_table(std::string_view text, const std::vector<pid_t>& pids, cli::Out& out) {
  const std::vector<std::string_view> lines = str::split(text, '\n');
  const std::vector<std::string_view> titles = lines.empty() ? lines : words(lines.front());
  const auto title = std::find(titles.begin(), titles.end(), "PID");
  if (title == titles.end())
    return Error(Kind::invalid,
                 "ps(1) was asked for no column PID, by which the container's processes are known");
  const size_t column = static_cast<size_t>(title - titles.begin());
  out.line(lines.front());
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string_view> fields = words(lines[i]);
    const auto pid = column < fields.size() ? str::number<pid_t>(fields[column]) : std::nullopt;
    if (pid && std::binary_search(pids.begin(), pids.end(), *pid)) out.line(lines[i]);
  }
  return {};
}

Result<int> ps_run(const PsArgs& args, Runtime& rt) {
  const Container container = TRY(Container::load(rt, args.id));
  const std::vector<pid_t> pids = TRY(container.pids().within("container '", args.id, "'"));
  if (args.form == Form::table) {
    const std::string text = TRY(run_ps(args.options, rt.environment));
    TRY(print_table(text, pids, rt.out));
    return 0;
  }
  json::Writer writer;
  writer.begin_array();
  for (const pid_t pid : pids) writer.number(pid);
  rt.out.line(std::move(writer.end_array()).take());
  return 0;
}

}  // namespace

constexpr RuntimeCommand ps_command = cli::command<ps_options, ps_operands, ps_run>(
    "ps", "show the processes in a container",
    {.details = "What stands behind the container's name goes to ps(1); process ids are those of the host.",
     .examples = "runtime ps web\nruntime ps web -o pid,rss,args\nruntime ps --format json web\n"});
