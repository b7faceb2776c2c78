// Field tables for config.h (config.md of the runtime specification 1.3.0), and the way in: text → checked struct.
#include "spec/config.h"

#include "spec/checks.h"
#include "spec/rules.h"
#include "spec/tables.h"

namespace oci {

// ---- checks ----

static constexpr std::string_view kRlimits[] = {
    "RLIMIT_AS",      "RLIMIT_CORE",     "RLIMIT_CPU",        "RLIMIT_DATA",   "RLIMIT_FSIZE", "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",       "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
    "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",   "RLIMIT_SIGPENDING", "RLIMIT_STACK"};
static constexpr std::string_view kSchedulerPolicies[] = {
    "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"};
static constexpr std::string_view kSchedulerFlags[] = {
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",   "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX"};
static constexpr std::string_view kIoClasses[] = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"};

static bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text.size() == 1 || text[0] != '0');
}

// Letters, digits and '-', in parts between dots of which none is empty.
static bool are_identifiers(std::string_view text) {
  constexpr std::string_view kMay = "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.";
  return !text.empty() && text.find_first_not_of(kMay) == std::string_view::npos && text.front() != '.' &&
         text.back() != '.' && text.find("..") == std::string_view::npos;
}

// Semantic Versioning 2.0.0: "1.2.3", "1.2.3-rc.1", "1.2.3+build".
static std::string version(const std::string& text) {
  const std::string_view core = std::string_view(text).substr(0, text.find_first_of("-+"));
  std::string_view rest = std::string_view(text).substr(core.size());
  const std::vector<std::string_view> numbers = str::split(core, '.');
  bool good = numbers.size() == 3;
  for (const std::string_view number : numbers) good = good && is_number(number);
  const size_t plus = rest.find('+');
  if (rest.starts_with('-'))
    good = good && are_identifiers(rest.substr(1, plus == rest.npos ? plus : plus - 1));
  if (plus != std::string_view::npos) good = good && are_identifiers(rest.substr(plus + 1));
  if (good) return {};
  return str::cat("'", str::printable(text), "' is not a version such as '", kSpecVersion, "'");
}

static std::string annotation_key(const std::string& key) {
  return key.empty() ? "the name of an annotation must not be empty" : "";
}

static std::string environment(const std::string& entry) {
  const size_t equals = entry.find('=');
  if (equals == std::string::npos || equals == 0)
    return str::cat("'", str::printable(entry.substr(0, 64)), "' must have the form NAME=value");
  return {};
}

static std::string oom_score(const int32_t& n) {
  return n < -1000 || n > 1000 ? str::cat(n, " is out of range -1000..1000") : "";
}

static std::string umask_bits(const uint32_t& n) {
  return n > 0777 ? str::cat(n, " is out of range 0..511 (octal 777)") : "";
}

static std::string positive(const int32_t& n) { return n <= 0 ? str::cat(n, " must be greater than 0") : ""; }

static std::string niceness(const int32_t& n) {
  return n < -20 || n > 19 ? str::cat(n, " is out of range -20..19") : "";
}

static std::string io_priority(const int32_t& n) {
  return n < 0 || n > 7 ? str::cat(n, " is out of range 0..7") : "";
}

}  // namespace oci

using namespace oci;  // the tables below are about nothing else

// ---- tables ----

template <>
struct json::Schema<Root> {
  static constexpr auto fields = std::tuple{
      required("path", &Root::path, checks::not_empty),
      optional("readonly", &Root::readonly),
  };
};

template <>
struct json::Schema<Mount> {
  using M = Mount;
  static constexpr auto fields = std::tuple{
      required("destination", &M::destination, checks::not_empty),
      optional("type", &M::type),
      optional("source", &M::source),
      optional("options", &M::options),
      optional("uidMappings", &M::uid_mappings),
      optional("gidMappings", &M::gid_mappings),
  };
};

template <>
struct json::Schema<ConsoleSize> {
  static constexpr auto fields = std::tuple{
      required("height", &ConsoleSize::height),
      required("width", &ConsoleSize::width),
  };
};

template <>
struct json::Schema<User> {
  static constexpr auto fields = std::tuple{
      written("uid", &User::uid, checks::id),
      written("gid", &User::gid, checks::id),
      optional("umask", &User::umask, umask_bits),
      optional("additionalGids", &User::additional_gids, checks::id),
      ignored("username"),  // Windows; some engines write it everywhere
  };
};

template <>
struct json::Schema<Capabilities> {
  using C = Capabilities;
  static constexpr auto fields = std::tuple{
      optional("bounding", &C::bounding),       optional("effective", &C::effective),
      optional("inheritable", &C::inheritable), optional("permitted", &C::permitted),
      optional("ambient", &C::ambient),
  };
};

template <>
struct json::Schema<Rlimit> {
  static constexpr auto fields = std::tuple{
      required("type", &Rlimit::type, one_of<kRlimits>),
      required("hard", &Rlimit::hard),
      required("soft", &Rlimit::soft),
  };
};

template <>
struct json::Schema<Scheduler> {
  using S = Scheduler;
  static constexpr auto fields = std::tuple{
      required("policy", &S::policy, one_of<kSchedulerPolicies>),
      optional("nice", &S::nice, niceness),
      optional("priority", &S::priority),
      optional("flags", &S::flags, one_of<kSchedulerFlags>),
      optional("runtime", &S::runtime),
      optional("deadline", &S::deadline),
      optional("period", &S::period),
  };
};

template <>
struct json::Schema<IoPriority> {
  static constexpr auto fields = std::tuple{
      required("class", &IoPriority::io_class, one_of<kIoClasses>),
      required("priority", &IoPriority::priority, io_priority),
  };
};

template <>
struct json::Schema<ExecCpuAffinity> {
  static constexpr auto fields = std::tuple{
      optional("initial", &ExecCpuAffinity::initial, checks::cpu_list),
      optional("final", &ExecCpuAffinity::final, checks::cpu_list),
  };
};

template <>
struct json::Schema<Process> {
  using P = Process;
  static constexpr auto fields = std::tuple{
      optional("terminal", &P::terminal),
      optional("consoleSize", &P::console_size),
      optional("user", &P::user),
      optional("args", &P::args),
      optional("commandLine", &P::command_line),
      optional("env", &P::env, environment),
      required("cwd", &P::cwd, checks::absolute),
      optional("capabilities", &P::capabilities),
      optional("rlimits", &P::rlimits),
      optional("noNewPrivileges", &P::no_new_privileges),
      optional("apparmorProfile", &P::apparmor_profile),
      optional("oomScoreAdj", &P::oom_score_adj, oom_score),
      optional("scheduler", &P::scheduler),
      optional("selinuxLabel", &P::selinux_label),
      optional("ioPriority", &P::io_priority),
      optional("execCPUAffinity", &P::exec_cpu_affinity),
  };
};

template <>
struct json::Schema<Hook> {
  static constexpr auto fields = std::tuple{
      required("path", &Hook::path, checks::absolute),
      optional("args", &Hook::args),
      optional("env", &Hook::env, environment),
      optional("timeout", &Hook::timeout, positive),
  };
};

template <>
struct json::Schema<Hooks> {
  using H = Hooks;
  static constexpr auto fields = std::tuple{
      optional("prestart", &H::prestart),
      optional("createRuntime", &H::create_runtime),
      optional("createContainer", &H::create_container),
      optional("startContainer", &H::start_container),
      optional("poststart", &H::poststart),
      optional("poststop", &H::poststop),
  };
};

static constexpr std::string_view kElsewhere = "is for another platform, ignoring";

template <>
struct json::Schema<Config> {
  using C = Config;
  static constexpr auto fields = std::tuple{
      required("ociVersion", &C::oci_version, version),
      optional("process", &C::process),
      optional("root", &C::root),
      optional("hostname", &C::hostname),
      optional("domainname", &C::domainname),
      optional("mounts", &C::mounts),
      optional("hooks", &C::hooks),
      optional("annotations", &C::annotations, KeyCheck{annotation_key}),
      optional("linux", &C::linux_),
      ignored("windows", kElsewhere),
      ignored("solaris", kElsewhere),
      ignored("vm", kElsewhere),
      ignored("zos", kElsewhere),
      ignored("freebsd", kElsewhere),
  };
};

namespace json {
template <>
Table table<Config>() {
  return detail::make_table<Config>();
}
template <>
Table table<Process>() {
  return detail::make_table<Process>();
}
template <>
Table table<Hooks>() {
  return detail::make_table<Hooks>();
}
}  // namespace json

// ---- the way in and out ----

namespace oci {

template <class T>
static Result<Checked<T>> parse_checked(std::string_view text, std::string_view name) {
  const json::Document document = TRY(json::parse(text, {.name = name}));
  json::Decoder decoder;
  T value = json::decode<T>(decoder, document.root());
  // What spans fields is looked at only where each of them is sound: no errors about errors.
  if (decoder.problems.empty()) {
    rules::Findings findings = rules::check(value);
    decoder.add(std::move(findings.problems), std::move(findings.warnings));
  }
  if (!decoder.problems.empty()) return json::error(decoder, document);
  return Checked<T>{std::move(value), json::warnings(decoder, document)};
}

// Until 1.3.0 said that 0 is a limit, everybody took it for none (podman 4 still writes it for --pids-limit=-1).
static void read_as_its_version_means(Config& config) {
  const std::vector<std::string_view> parts = str::split(config.oci_version, '.');
  constexpr unsigned kZeroIsLimit = 3;
  const bool since =
      parts[0] != "1" || str::number<unsigned>(parts[1]).value_or(kZeroIsLimit) >= kZeroIsLimit;
  if (since || !config.linux_ || !config.linux_->resources) return;
  std::optional<Pids>& pids = config.linux_->resources->pids;
  if (pids && pids->limit == 0) pids.reset();
}

Result<Checked<Config>> check_config(std::string_view text, std::string_view name) {
  auto checked = TRY(parse_checked<Config>(text, name));
  read_as_its_version_means(checked.value);
  return checked;
}

Result<Checked<Process>> check_process(std::string_view text, std::string_view name) {
  return parse_checked<Process>(text, name);
}

Result<Checked<Resources>> check_resources(std::string_view text, std::string_view name) {
  return parse_checked<Resources>(text, name);
}

Result<Config> parse_config(std::string_view text) { return TRY(check_config(text, "config.json")).value; }

Result<Process> parse_process(std::string_view text) {
  return TRY(check_process(text, "process.json")).value;
}

std::string encode(const Config& config) { return json::encode(config, json::Style::indented); }

std::string encode(const Process& process) { return json::encode(process, json::Style::indented); }

}  // namespace oci
