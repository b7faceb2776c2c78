#include <criterion/criterion.h>

#include <set>
#include <string>
#include <vector>

#include "imagetool/bundle/defaults.h"
#include "imagetool/bundle/seccomp_file.h"
#include "imagetool/bundle/seccomp_profile.h"
#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/text.h"

namespace {

// One line for each system call, action and condition, so that the order and the grouping of rules do not matter.
std::set<std::string> effect(const oci::Seccomp& profile) {
  std::set<std::string> lines;
  size_t i = 0;
  for (const std::string& a : profile.architectures) lines.insert(str::cat("arch ", i++, " ", a, "\n"));
  for (const oci::SeccompSyscall& rule : profile.syscalls) {
    std::string conditions;
    for (const oci::SeccompArg& arg : rule.args)
      conditions += str::cat(" ", arg.index, " ", names::text(oci::kSeccompOperators, arg.op), " ", arg.value,
                             " ", arg.value_two.value_or(0));
    for (const std::string& name : rule.names)
      lines.insert(str::cat(name, " ", names::text(oci::kSeccompActions, rule.action), " ",
                            rule.errno_ret.value_or(0), conditions, "\n"));
  }
  return lines;
}

std::string summary(const oci::Seccomp& profile) {
  const std::set<std::string> lines = effect(profile);
  Hasher hasher("sha256");
  for (const std::string& line : lines) hasher.update(line);
  return str::cat(lines.size(), " ", hasher.finish().take().hex());
}

std::vector<std::string> capabilities(std::string_view word) {
  if (word == "docker") return defaults::capabilities();
  if (word == "all") return defaults::all_capabilities();
  if (word == "none") return {};
  return {std::string(word)};
}

seccomp_profile::Machine machine(std::string_view architecture, unsigned major, unsigned minor) {
  return {.architecture = std::string(architecture), .kernel_major = major, .kernel_minor = minor};
}

const seccomp_profile::Machine kAmd64 = {.architecture = "amd64", .kernel_major = 6, .kernel_minor = 1};

std::string show(const Result<oci::Seccomp>& r) {
  if (!r.ok()) return "error: " + r.error().message;
  std::string text;
  for (const std::string& line : effect(r.value())) text += line;
  return text;
}

}  // namespace

Test(seccomp_profile, is_dockers) {
  const std::string text = files::read(Fd::cwd(), "tests/data/bundle/seccomp.effects", 1 << 20).take();
  int rows = 0;
  for (const std::string_view line : str::split(text, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string_view> words = str::split(line, ' ');
    cr_assert_eq(words.size(), 5u);
    const std::vector<std::string_view> kernel = str::split(words[1], '.');
    const oci::Seccomp made = seccomp_profile::make(
        machine(words[0], *str::number<unsigned>(kernel[0]), *str::number<unsigned>(kernel[1])),
        capabilities(words[2]));
    const std::string got = summary(made);
    const std::string want = str::cat(words[3], " ", words[4]);
    cr_expect_str_eq(got.c_str(), want.c_str(), "%s %s", std::string(words[0]).c_str(),
                     std::string(words[2]).c_str());
    ++rows;
  }
  cr_expect_gt(rows, 90);
}

Test(seccomp_profile, default_is_to_refuse) {
  const oci::Seccomp made = seccomp_profile::make(kAmd64, defaults::capabilities());
  cr_expect(made.default_action == oci::SeccompAction::error_number);
  cr_expect_eq(made.default_errno_ret.value_or(0), 1u);
  const std::set<std::string> lines = effect(made);
  for (const char* forbidden :
       {"mount", "bpf", "keyctl", "unshare", "setns", "init_module", "reboot", "acct", "swapon"})
    cr_expect_not(lines.contains(str::cat(forbidden, " SCMP_ACT_ALLOW 0\n")), "%s", forbidden);
  cr_expect(lines.contains("clone3 SCMP_ACT_ERRNO 38\n"));
  cr_expect(lines.contains("chroot SCMP_ACT_ALLOW 0\n"));  // CAP_SYS_CHROOT is among Docker's
}

Test(seccomp_file, conditions) {
  const std::string profile =
      R"({"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}],
      "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null, "includes": {}, "excludes": {}},
        {"names": ["capable"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_CHOWN", "CAP_KILL"]}},
        {"names": ["incapable"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_CHOWN", "CAP_BPF"]}},
        {"names": ["excluded"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_BPF", "CAP_KILL"]}},
        {"names": ["here"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["x86", "amd64"]}},
        {"names": ["elsewhere"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
        {"names": ["not_here"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
        {"names": ["old"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.19"}},
        {"names": ["new"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.2"}},
        {"names": ["until"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.1"}}]})";
  const std::string got = show(seccomp_file::parse(profile, kAmd64, defaults::capabilities()));
  cr_expect_str_eq(
      got.c_str(),
      "arch 0 SCMP_ARCH_X86_64\narch 1 SCMP_ARCH_X86\ncapable SCMP_ACT_ALLOW 0\nhere SCMP_ACT_ALLOW 0\n"
      "old SCMP_ACT_ALLOW 0\nread SCMP_ACT_ALLOW 0\n");
}

Test(seccomp_file, mistakes) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"[]", "error: seccomp profile:1:1: expected an object, got an array"},
      {R"({"defaultAction": "SCMP_ACT_ALOW"})",
       "error: seccomp profile:1:19: defaultAction: unknown value 'SCMP_ACT_ALOW' (did you mean "
       "'SCMP_ACT_ALLOW'?)"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW",
 "includes": "amd64"}]})",
       "error: seccomp profile:2:14: syscalls[0].includes: expected an object, got the string 'amd64'"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW",
 "excludes": {"minKernel": "new"}}]})",
       "error: seccomp profile:2:28: syscalls[0].excludes.minKernel: 'new' is not a version of the kernel, "
       "as 4.8"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": []})",
       "error: seccomp profile:1:84: archMap: a profile has either this or 'architectures'"},
  };
  for (const auto& c : cases) {
    const std::string got = show(seccomp_file::parse(c.in, kAmd64, {}));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
  const std::string large =
      show(seccomp_file::parse(std::string(limits::kSeccompProfile + 1, ' '), kAmd64, {}));
  cr_expect(large.find("larger than 1048576 bytes") != std::string::npos, "%s", large.c_str());
}
