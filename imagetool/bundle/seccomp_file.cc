#include "imagetool/bundle/seccomp_file.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/text.h"
#include "spec/json.h"
#include "spec/schema.h"
#include "spec/tables.h"

namespace seccomp_file {

namespace {

// Docker's additions to a rule.
struct Conditions {
  std::vector<std::string> architectures, capabilities;
  std::optional<std::string> least_kernel;  // "4.8"
};

// One processor, and the others whose programs it can run.
struct Processor {
  std::string architecture;
  std::vector<std::string> others;
};

std::string kernel_version(const std::string& text) {
  const std::vector<std::string_view> parts = str::split(text, '.');
  const bool good = parts.size() == 2 && str::number<unsigned>(parts[0]) && str::number<unsigned>(parts[1]);
  return good ? "" : str::cat("'", text, "' is not a version of the kernel, as 4.8");
}

}  // namespace

}  // namespace seccomp_file

template <>
struct json::Schema<seccomp_file::Conditions> {
  using C = seccomp_file::Conditions;
  static constexpr auto fields = std::tuple{
      optional("arches", &C::architectures),
      optional("caps", &C::capabilities),
      optional("minKernel", &C::least_kernel, seccomp_file::kernel_version),
  };
};

template <>
struct json::Schema<seccomp_file::Processor> {
  using P = seccomp_file::Processor;
  static constexpr auto fields = std::tuple{
      required("architecture", &P::architecture),
      optional("subArchitectures", &P::others),
  };
};

namespace seccomp_file {

namespace {

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool has_any(const std::vector<std::string>& list, const std::vector<std::string>& of) {
  return std::any_of(of.begin(), of.end(), [&](const std::string& word) { return has(list, word); });
}

bool has_all(const std::vector<std::string>& list, const std::vector<std::string>& of) {
  return std::all_of(of.begin(), of.end(), [&](const std::string& word) { return has(list, word); });
}

// Docker's profiles say x86 where image-spec says 386.
std::string_view docker_name(const seccomp_profile::Machine& machine) {
  return machine.architecture == "386" ? std::string_view("x86") : std::string_view(machine.architecture);
}

bool at_least(const seccomp_profile::Machine& machine, std::string_view version) {
  const std::vector<std::string_view> parts = str::split(version, '.');
  const auto wanted = std::tuple(str::number<unsigned>(parts[0]), str::number<unsigned>(parts[1]));
  return std::tuple(std::optional(machine.kernel_major), std::optional(machine.kernel_minor)) >= wanted;
}

// The object `key` of a rule; no conditions where it has none.
Conditions conditions(json::Decoder& decoder, json::Value rule, std::string_view key) {
  const std::optional<json::Value> object = rule.find(key);
  if (!object || object->is(json::Type::null)) return {};
  return json::decode<Conditions>(decoder, *object);
}

// Whether the rule counts here.  What is wrong with its conditions is noted in `decoder`.
bool counts(json::Decoder& decoder, json::Value rule, const seccomp_profile::Machine& machine,
            const std::vector<std::string>& capabilities) {
  const Conditions with = conditions(decoder, rule, "includes");
  const Conditions without = conditions(decoder, rule, "excludes");
  if (!decoder.problems.empty()) return false;
  if (has(without.architectures, docker_name(machine)) || has_any(capabilities, without.capabilities))
    return false;
  if (without.least_kernel && at_least(machine, *without.least_kernel)) return false;
  if (!with.architectures.empty() && !has(with.architectures, docker_name(machine))) return false;
  if (with.least_kernel && !at_least(machine, *with.least_kernel)) return false;
  return has_all(capabilities, with.capabilities);
}

// From archMap: the row whose first architecture is this machine's.
void choose_architectures(json::Decoder& decoder, json::Value root, const seccomp_profile::Machine& machine,
                          std::vector<std::string>& into) {
  const std::optional<json::Value> map = root.find("archMap");
  if (!map || map->is(json::Type::null)) return;
  if (!into.empty()) return decoder.problem(*map, "a profile has either this or 'architectures'");
  if (!decoder.expect(*map, json::Type::array, "an array")) return;
  const std::vector<std::string> own = seccomp_profile::make(machine, {}).architectures;
  for (const json::Value row : *map) {
    Processor processor = json::decode<Processor>(decoder, row);
    if (own.empty() || processor.architecture != own[0]) continue;
    into.push_back(std::move(processor.architecture));
    into.insert(into.end(), processor.others.begin(), processor.others.end());
  }
}

}  // namespace

Result<oci::Seccomp> parse(std::string_view text, const seccomp_profile::Machine& machine,
                           const std::vector<std::string>& capabilities) {
  const json::Document document =
      TRY(json::parse(text, {.name = "seccomp profile", .bytes = limits::kSeccompProfile}));
  json::Decoder decoder;
  oci::Seccomp profile = json::decode<oci::Seccomp>(decoder, document.root());
  decoder.warnings.clear();  // "unknown property": Docker's additions, which are looked at now
  if (!decoder.problems.empty()) return json::error(decoder, document);
  choose_architectures(decoder, document.root(), machine, profile.architectures);
  std::vector<oci::SeccompSyscall> rules;
  if (const std::optional<json::Value> list = document.root().find("syscalls");
      list && !profile.syscalls.empty()) {
    size_t i = 0;
    for (const json::Value rule : *list) {
      if (counts(decoder, rule, machine, capabilities)) rules.push_back(std::move(profile.syscalls[i]));
      ++i;
    }
  }
  if (!decoder.problems.empty()) return json::error(decoder, document);
  profile.syscalls = std::move(rules);
  return profile;
}

Result<oci::Seccomp> load(std::string_view path, const seccomp_profile::Machine& machine,
                          const std::vector<std::string>& capabilities) {
  const std::string name(path);
  const std::string text = TRY(files::read(Fd::cwd(), name.c_str(), limits::kSeccompProfile));
  return parse(text, machine, capabilities);
}

}  // namespace seccomp_file
