// imagetool check: whether the store still has what it was given.
#include <algorithm>

#include "imagetool/audit.h"
#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/pull_options.h"
#include "imagetool/registry/reference.h"
#include "imagetool/repair.h"
#include "spec/base/log.h"
#include "spec/json_writer.h"

namespace {

constexpr int kRepairWaitMs = 60'000;

struct CheckArgs : PullOptions {
  bool repair = false, quick = false, json = false;
};

constexpr cli::Row<CheckArgs> check_options[] = {
    cli::flag<&CheckArgs::repair>(0, "repair",
                                  "remove what is damaged, and pull again what images need of it"),
    cli::flag<&CheckArgs::quick>(0, "quick", "read the blobs, but do not unpack the layers again"),
    cli::flag<&CheckArgs::json>(0, "json", "one object, sizes in bytes"),
};

struct Outcome {
  audit::Report found;
  std::vector<bool> repaired;  // for each problem
};

std::string describe(const audit::Problem& problem) {
  std::string text(audit::text_of(problem.part));
  if (!problem.digest.empty()) text += " " + problem.digest.text();
  text += problem.part == audit::Part::blob || problem.part == audit::Part::layer ? " " : ": ";
  text += problem.text;
  std::vector<std::string> users;
  for (const std::string& name : problem.needed_by) users.push_back(reference::familiar(name));
  return text + (users.empty() ? "; nothing needs it" : "; needed by " + str::join(users, ", "));
}

void print(const Outcome& outcome, cli::Out& out) {
  const audit::Report& found = outcome.found;
  for (size_t i = 0; i < found.problems.size(); ++i)
    out.line(outcome.repaired[i] ? "repaired: " : "", describe(found.problems[i]));
  const auto repaired = std::ranges::count(outcome.repaired, true);
  out.print("Checked: ", found.images, " images, ", found.blobs, " blobs of ", Progress::size(found.bytes),
            ", ", found.layers, " unpacked layers; ", found.problems.size(), " problems");
  out.line(repaired > 0 ? str::cat(", ", repaired, " of them repaired") : std::string());
}

void print_json(const Outcome& outcome, cli::Out& out) {
  const audit::Report& found = outcome.found;
  json::Writer writer(json::Style::indented);
  writer.begin_object();
  writer.key("images").number(found.images).key("blobs").number(found.blobs);
  writer.key("bytes").number(found.bytes).key("layers").number(found.layers);
  writer.key("problems").begin_array();
  for (size_t i = 0; i < found.problems.size(); ++i) {
    const audit::Problem& problem = found.problems[i];
    writer.begin_object();
    writer.key("part").string(audit::text_of(problem.part));
    writer.key("digest").string(problem.digest.text()).key("problem").string(problem.text);
    writer.key("neededBy").begin_array();
    for (const std::string& name : problem.needed_by) writer.string(name);
    writer.end_array();
    writer.key("repaired").boolean(outcome.repaired[i]);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  out.line(std::move(writer).take());
}

Result<audit::Report> look(const Store& store, const audit::Options& options) {
  const UniqueFd hold = TRY(store.share());
  return audit::run(store, options);
}

// Marks what a second look does not find any more, and adds what could not be seen before.
void note(const audit::Report& again, Outcome& outcome) {
  const auto same = [](const audit::Problem& a, const audit::Problem& b) {
    return a.part == b.part && a.digest == b.digest;
  };
  std::vector<audit::Problem>& problems = outcome.found.problems;
  for (size_t i = 0; i < problems.size(); ++i)
    outcome.repaired[i] = std::ranges::none_of(
        again.problems, [&](const audit::Problem& left) { return same(left, problems[i]); });
  for (const audit::Problem& left : again.problems)
    if (std::ranges::none_of(problems, [&](const audit::Problem& known) { return same(left, known); }))
      problems.push_back(left);
  outcome.repaired.resize(problems.size(), false);
}

Result<int> check_run(const CheckArgs& args, Imagetool& tool) {
  const Store store = TRY(tool.open_store());
  PullSession session = TRY(PullSession::make(args, tool));
  Progress* progress = session.options().progress;
  const audit::Options options{.layers = !args.quick,
                               .unpacking = session.options().unpacking,
                               .step = [progress](std::string_view text) { progress->step(text); }};
  Outcome outcome;
  outcome.found = TRY(look(store, options));
  outcome.repaired.resize(outcome.found.problems.size(), false);
  std::vector<std::string> failures;
  if (args.repair && !outcome.found.problems.empty()) {
    failures = TRY(repair::run(store, outcome.found, session.options(), kRepairWaitMs));
    note(TRY(look(store, options)), outcome);
  }
  session.finish();
  args.json ? print_json(outcome, tool.out) : print(outcome, tool.out);
  for (const std::string& failure : failures) logs::warn(failure);
  if (outcome.found.unreadable > 0)
    logs::warn(outcome.found.unreadable,
               " files and directories of layers can be read by root alone: their content was not compared");
  return std::ranges::all_of(outcome.repaired, [](bool repaired) { return repaired; }) ? 0 : 1;
}

}  // namespace

constexpr ImagetoolCommand check_command = cli::command<cli::join<check_options, pull_options>, cli::none,
                                                        check_run>(
    "check", "look whether all in the store is what it was",
    {.details =
         "Reads every blob and compares its digest, follows every name and bundle to its manifest, config "
         "and layers, and unpacks every layer again beside the store, which proves its diff_id, to compare "
         "the two trees to the byte, with owners, modes, times and attributes. That takes as long as a "
         "pull does without its network, and as much room as the largest layer; --quick leaves the "
         "unpacking out. Names what is wrong, and ends with 1 if anything is left that is.\n\n"
         "--repair pulls by digest, from where the image's names say, so it brings back what was there "
         "or nothing. A layer that a bundle uses is left alone, for its container may be running. The "
         "other options are those of `pull`.\n\n"
         "--json: {images, blobs, bytes, layers, problems: [{part: image|blob|layer|lease, digest, problem, "
         "neededBy: [name], repaired}]}.",
     .examples = "imagetool check\nimagetool check --repair\n"});
