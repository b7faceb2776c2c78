// runtime validate: everything that is wrong with a bundle, at once.
#include <unistd.h>

#include "runtime/cmd/commands.h"
#include "runtime/life/host.h"
#include "runtime/life/host_checks.h"
#include "runtime/life/io.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/json_writer.h"

namespace {

enum class Form { text, json };
constexpr names::Table<Form> kForms[] = {{Form::text, "text"}, {Form::json, "json"}};
constexpr names::Table<oci::Severity> kSeverities[] = {
    {oci::Severity::error, "error"}, {oci::Severity::warning, "warning"}, {oci::Severity::note, "note"}};

struct ValidateArgs {
  std::string bundle = ".";
  std::optional<std::string> config;
  Form form = Form::text;
  bool strict = false;
};

constexpr cli::Row<ValidateArgs> validate_options[] = {
    cli::flag<&ValidateArgs::strict>(0, "strict", "warnings are errors: unknown properties above all"),
    cli::choice<&ValidateArgs::form, kForms>(0, "format", "text|json", "how to print what is found (text)"),
    cli::option<&ValidateArgs::config>('f', "config", "FILE", "read FILE instead of config.json",
                                       cli::Complete::file),
};
constexpr cli::Row<ValidateArgs> validate_operands[] = {
    cli::optional(cli::operand<&ValidateArgs::bundle>("bundle", "the directory with config.json (.)",
                                                      cli::Complete::directory)),
};

void look_at_host(const Runtime& rt, const std::string& bundle, const plan::Host& host,
                  oci::Inspection& found) {
  if (!found.config()) return;
  const oci::Config& config = *found.config();
  host_checks::check_config(config, bundle, found);
  if (!config.root || !config.linux_) return;  // has been said
  plan::CreateArgs args;
  args.id = "validate";
  args.bundle = bundle;
  args.systemd_cgroup = rt.cgroup_manager == CgroupManager::systemd;
  const plan::Draft draft = plan::draft(config, host, args);
  if (!draft.wrong.ok()) found.add(draft.wrong.error());
  for (const std::string& warning : draft.plan.warnings) {
    const size_t length = oci::path_length(warning);
    found.add(oci::Severity::warning, warning.substr(0, length), warning.substr(length ? length + 2 : 0));
  }
  host_checks::check_plan(draft.plan, found);
}

void print_text(const std::vector<oci::Finding>& findings, std::string_view name, cli::Out& out) {
  for (const oci::Finding& f : findings)
    out.line(name, ":", f.at.line, ":", f.at.column, ": ", names::text(kSeverities, f.severity), ": ", f.path,
             f.path.empty() ? "" : ": ", f.message);
}

void print_json(const std::vector<oci::Finding>& findings, cli::Out& out) {
  json::Writer w(json::Style::indented);
  w.begin_array();
  for (const oci::Finding& f : findings) {
    w.begin_object();
    w.key("severity").string(names::text(kSeverities, f.severity));
    w.key("line").number(f.at.line).key("column").number(f.at.column);
    w.key("path").string(f.path).key("message").string(f.message);
    w.end_object();
  }
  w.end_array();
  out.line(std::move(w).take());
}

Result<int> validate_run(const ValidateArgs& args, Runtime& rt) {
  const UniqueFd dir = TRY(io::open_bundle(args.bundle));
  const std::string bundle = TRY(sys::readlinkat(Fd::cwd(), dir.get().proc_path().c_str()));
  const std::string name = args.config.value_or(args.bundle + "/config.json");
  const std::string text = TRY(io::read_config(name, args.bundle));
  const plan::Host host = TRY(host::probe(rt));

  oci::Inspection inspection(text, name);
  look_at_host(rt, bundle, host, inspection);
  std::vector<oci::Finding> findings = inspection.findings();
  bool sound = true;
  for (oci::Finding& finding : findings) {
    if (args.strict && finding.severity == oci::Severity::warning) finding.severity = oci::Severity::error;
    if (finding.severity == oci::Severity::error) sound = false;
  }
  if (args.form == Form::json)
    print_json(findings, rt.out);
  else
    print_text(findings, name, rt.out);
  return sound ? 0 : 1;
}

}  // namespace

constexpr RuntimeCommand validate_command = cli::command<validate_options, validate_operands, validate_run>(
    "validate", "say everything that is wrong with a bundle",
    {.details =
         "Mistakes in config.json, each with its line, column and path, and what this host cannot do of it. "
         "Nothing is made. Ends with 1 if there are errors.",
     .examples = "runtime validate web\nruntime validate --strict --format json web\n"});
