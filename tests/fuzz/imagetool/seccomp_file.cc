// Any bytes as the file of `--security-opt seccomp=FILE`, on machines of several kinds: just those rules are
// left whose conditions hold, in their order, for the architectures that the file has for this machine; and
// config.json says the same.
#include "imagetool/bundle/seccomp_file.h"

#include <algorithm>
#include <optional>

#include "spec/config.h"
#include "spec/json.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

namespace {

using fuzz::must;

constexpr size_t kHead = 1;  // byte before the document: the machine, and what the container may do

struct Host {
  seccomp_profile::Machine machine;
  std::string docker_name, own;  // of its architecture, in the words of Docker's profiles and of libseccomp
};

Host pick_host(size_t which) {
  if (which == 0) return {{"amd64", 6, 1}, "amd64", "SCMP_ARCH_X86_64"};
  if (which == 1) return {{"386", 4, 8}, "x86", "SCMP_ARCH_X86"};
  if (which == 2) return {{"arm64", 5, 0}, "arm64", "SCMP_ARCH_AARCH64"};
  return {{"amd64", 4, 7}, "amd64", "SCMP_ARCH_X86_64"};
}

std::vector<std::string> pick_capabilities(size_t which) {
  if (which == 0) return {};
  if (which == 1) return {"CAP_SYS_ADMIN"};
  return {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_BOOT", "CAP_BPF"};
}

// ---- the conditions, read one by one from the text ----

std::vector<std::string_view> words(std::optional<json::Value> conditions, std::string_view key) {
  std::vector<std::string_view> found;
  if (!conditions) return found;
  if (const auto list = conditions->find(key))
    for (const json::Value word : *list) found.push_back(word.text());
  return found;
}

bool has(std::string_view word, const std::vector<std::string>& list) {
  return std::ranges::find(list, word) != list.end();
}

// nullopt: it asks for none.
std::optional<bool> kernel_holds(std::optional<json::Value> conditions, const Host& host) {
  if (!conditions) return std::nullopt;
  const auto version = conditions->find_string("minKernel");
  if (!version) return std::nullopt;
  const size_t dot = version->find('.');
  const uint64_t major = str::number<uint64_t>(version->substr(0, dot)).value_or(0);
  const uint64_t minor = str::number<uint64_t>(version->substr(dot + 1)).value_or(0);
  if (major != host.machine.kernel_major) return major < host.machine.kernel_major;
  return minor <= host.machine.kernel_minor;
}

bool counts(json::Value rule, const Host& host, const std::vector<std::string>& capabilities) {
  const auto with = rule.find("includes"), without = rule.find("excludes");
  for (const std::string_view name : words(with, "caps"))
    if (!has(name, capabilities)) return false;
  for (const std::string_view name : words(without, "caps"))
    if (has(name, capabilities)) return false;
  const auto only = words(with, "arches"), never = words(without, "arches");
  if (!only.empty() && std::ranges::find(only, host.docker_name) == only.end()) return false;
  if (std::ranges::find(never, host.docker_name) != never.end()) return false;
  return kernel_holds(with, host).value_or(true) && !kernel_holds(without, host).value_or(false);
}

void check_rules(json::Value root, const oci::Seccomp& profile, const Host& host,
                 const std::vector<std::string>& capabilities) {
  size_t next = 0;
  const auto rules = root.find("syscalls");
  if (rules) {
    for (const json::Value rule : *rules) {
      if (!counts(rule, host, capabilities)) continue;
      must(next < profile.syscalls.size(), "a rule whose conditions hold is there");
      std::vector<std::string_view> names = words(rule, "names");
      const std::vector<std::string>& got = profile.syscalls[next++].names;
      must(std::ranges::equal(names, got), "the rules that are left keep their order");
    }
  }
  must(next == profile.syscalls.size(), "a rule whose conditions do not hold is not there");
}

void check_architectures(json::Value root, const oci::Seccomp& profile, const Host& host) {
  const auto map = root.find("archMap");
  if (!map || map->is(json::Type::null)) return;
  std::vector<std::string_view> known = {};
  for (const json::Value row : *map) {
    if (row.find_string("architecture") != host.own) continue;
    known.push_back(host.own);
    for (const std::string_view other : words(row, "subArchitectures")) known.push_back(other);
  }
  must(std::ranges::equal(known, profile.architectures), "the architectures are this machine's");
}

}  // namespace

FUZZ_JSON_BEHIND(kHead)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const Host host = pick_host(choice & 3);
  const std::vector<std::string> capabilities = pick_capabilities((choice >> 2) % 3);
  const auto profile = seccomp_file::parse(input.rest(), host.machine, capabilities);
  if (!profile.ok()) {
    fuzz::must_be_sentence(profile.error(), false);
    return 0;
  }
  const auto document = json::parse(input.rest(), {.name = "seccomp profile"});
  must(document.ok(), "a profile is JSON");
  check_rules(document.value().root(), profile.value(), host, capabilities);
  check_architectures(document.value().root(), profile.value(), host);

  oci::Config config{.oci_version = std::string(oci::kSpecVersion), .root = oci::Root{.path = "rootfs"}};
  config.linux_.emplace();
  config.linux_->seccomp = profile.value();
  const auto again = oci::parse_config(oci::encode(config));
  if (again.ok())
    must(again.value().linux_->seccomp == profile.value(), "config.json says the same");
  else
    must(again.error().message.find("linux.seccomp") != std::string::npos, "config.json says what is wrong",
         again.error().message);
  return 0;
}
