#include "runtime/plan/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <set>

#include "runtime/plan/seccomp_choice.h"
#include "spec/base/names.h"
#include "spec/base/sys.h"

namespace plan {

namespace {

using oci::SeccompAction;
using oci::SeccompOperator;

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

constexpr names::Table<unsigned> kFlags[] = {
    {SECCOMP_FILTER_FLAG_TSYNC, "SECCOMP_FILTER_FLAG_TSYNC"},
    {SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG"},
    {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"},
    {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
};

constexpr names::Table<uint32_t> kArchitectures[] = {
    {SCMP_ARCH_X86, "SCMP_ARCH_X86"},
    {SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64"},
    {SCMP_ARCH_X32, "SCMP_ARCH_X32"},
    {SCMP_ARCH_ARM, "SCMP_ARCH_ARM"},
    {SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64"},
    {SCMP_ARCH_MIPS, "SCMP_ARCH_MIPS"},
    {SCMP_ARCH_MIPS64, "SCMP_ARCH_MIPS64"},
    {SCMP_ARCH_MIPS64N32, "SCMP_ARCH_MIPS64N32"},
    {SCMP_ARCH_MIPSEL, "SCMP_ARCH_MIPSEL"},
    {SCMP_ARCH_MIPSEL64, "SCMP_ARCH_MIPSEL64"},
    {SCMP_ARCH_MIPSEL64N32, "SCMP_ARCH_MIPSEL64N32"},
    {SCMP_ARCH_PPC, "SCMP_ARCH_PPC"},
    {SCMP_ARCH_PPC64, "SCMP_ARCH_PPC64"},
    {SCMP_ARCH_PPC64LE, "SCMP_ARCH_PPC64LE"},
    {SCMP_ARCH_S390, "SCMP_ARCH_S390"},
    {SCMP_ARCH_S390X, "SCMP_ARCH_S390X"},
    {SCMP_ARCH_PARISC, "SCMP_ARCH_PARISC"},
    {SCMP_ARCH_PARISC64, "SCMP_ARCH_PARISC64"},
    {SCMP_ARCH_RISCV64, "SCMP_ARCH_RISCV64"},
};
// In the specification, unknown to libseccomp 2.5: a filter for them would never match on a host that runs us.
constexpr std::string_view kForeignArchitectures[] = {"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
                                                      "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"};

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

uint32_t action_value(SeccompAction action, uint32_t errno_ret) {
  switch (action) {
    case SeccompAction::kill:
    case SeccompAction::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case SeccompAction::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case SeccompAction::trap:
      return SCMP_ACT_TRAP;
    case SeccompAction::error_number:
      return SCMP_ACT_ERRNO(errno_ret);
    case SeccompAction::trace:
      return SCMP_ACT_TRACE(errno_ret);
    case SeccompAction::allow:
      return SCMP_ACT_ALLOW;
    case SeccompAction::log:
      return SCMP_ACT_LOG;
    case SeccompAction::notify:
      return SCMP_ACT_NOTIFY;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare compare_value(SeccompOperator op) {
  switch (op) {
    case SeccompOperator::not_equal:
      return SCMP_CMP_NE;
    case SeccompOperator::less:
      return SCMP_CMP_LT;
    case SeccompOperator::less_equal:
      return SCMP_CMP_LE;
    case SeccompOperator::equal:
      return SCMP_CMP_EQ;
    case SeccompOperator::greater_equal:
      return SCMP_CMP_GE;
    case SeccompOperator::greater:
      return SCMP_CMP_GT;
    case SeccompOperator::masked_equal:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

scmp_arg_cmp condition(const oci::SeccompArg& arg) {
  // valueTwo is the second operand of the masked comparison only: (argument & value) == valueTwo.
  return {arg.index, compare_value(arg.op), arg.value,
          arg.op == SeccompOperator::masked_equal ? arg.value_two.value_or(0) : 0};
}

bool repeats_an_argument(const std::vector<scmp_arg_cmp>& conditions) {
  std::set<unsigned> seen;
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const scmp_arg_cmp& c) { return !seen.insert(c.arg).second; });
}

Result<> add_rule(scmp_filter_ctx context, uint32_t action, int number,
                  const std::vector<scmp_arg_cmp>& conditions) {
  const auto add = [&](unsigned count, const scmp_arg_cmp* list) -> Result<> {
    const int failed = ::seccomp_rule_add_array(context, action, number, count, list);
    // EDOM: the call does not exist on one of the architectures; EEXIST: the same rule twice.
    if (failed == 0 || failed == -EDOM || failed == -EEXIST) return {};
    return Error::os("seccomp_rule_add()", -failed);
  };
  if (!repeats_an_argument(conditions))
    return add(static_cast<unsigned>(conditions.size()), conditions.data());
  for (const scmp_arg_cmp& one : conditions) TRY(add(1, &one));
  return {};
}

Result<std::vector<uint32_t>> add_architectures(scmp_filter_ctx context, const oci::Seccomp& config) {
  std::vector<uint32_t> added{::seccomp_arch_native()};
  for (size_t i = 0; i < config.architectures.size(); ++i) {
    const std::string& name = config.architectures[i];
    const auto arch = names::value(kArchitectures, name);
    if (!arch) {
      if (std::find(std::begin(kForeignArchitectures), std::end(kForeignArchitectures), name) !=
          std::end(kForeignArchitectures))
        continue;
      const auto guess = str::did_you_mean(name, names::all(kArchitectures));
      return Error(Kind::invalid,
                   str::cat("linux.seccomp.architectures[", i, "]: unknown value '", str::printable(name),
                            "'", guess ? str::cat(" (did you mean '", *guess, "'?)") : std::string()));
    }
    const int failed = ::seccomp_arch_add(context, *arch);
    if (failed == 0)
      added.push_back(*arch);
    else if (failed != -EEXIST && failed != -EDOM)
      return Error::os(str::cat("linux.seccomp.architectures[", i, "]: seccomp_arch_add(", name, ")"),
                       -failed);
  }
  return added;
}

// seccomp(2): a listener beside TSYNC wants TSYNC_ESRCH, and WAIT_KILLABLE_RECV is about a listener's calls, so that it
// means nothing where there is none, and the kernel would refuse it.
unsigned with_listener(unsigned flags, bool notifies) {
  if (!notifies) return flags & ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  return flags & SECCOMP_FILTER_FLAG_TSYNC ? flags | SECCOMP_FILTER_FLAG_TSYNC_ESRCH : flags;
}

Result<unsigned> make_flags(const oci::Seccomp& config) {
  unsigned flags = 0;
  for (size_t i = 0; i < config.flags.size(); ++i) {
    const auto flag = names::value(kFlags, config.flags[i]);
    if (!flag)
      return Error(Kind::invalid, str::cat("linux.seccomp.flags[", i, "]: unknown value '",
                                           str::printable(config.flags[i]), "'"));
    flags |= *flag;
  }
  const bool notifies = std::any_of(config.syscalls.begin(), config.syscalls.end(),
                                    [](const auto& rule) { return rule.action == SeccompAction::notify; });
  return with_listener(flags, notifies);
}

// ---- calls that libseccomp is not trusted with (seccomp_choice.h) ----

struct Choice {
  std::string name;
  std::vector<SeccompCase> cases;
  bool unconditional = false;
  bool ours = false;  // decided by our code
};

// One argument compared with some values for equality is what most profiles have, and what libseccomp gets right.
bool is_simple(const std::vector<SeccompCase>& cases) {
  return std::all_of(cases.begin(), cases.end(), [&](const SeccompCase& one) {
    const scmp_arg_cmp& first = one.conditions[0];
    return one.conditions.size() == 1 && first.op == SCMP_CMP_EQ && first.arg == cases[0].conditions[0].arg;
  });
}

void add_choices(const oci::SeccompSyscall& rule, uint32_t action, std::map<int, Choice>& choices) {
  std::vector<scmp_arg_cmp> conditions;
  for (const oci::SeccompArg& arg : rule.args) conditions.push_back(condition(arg));
  for (const std::string& name : rule.names) {
    const int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    Choice& choice = choices[number];
    choice.name = name;
    choice.unconditional |= conditions.empty();
    if (repeats_an_argument(conditions))
      for (const scmp_arg_cmp& one : conditions) choice.cases.push_back({action, {one}});
    else if (!conditions.empty())
      choice.cases.push_back({action, conditions});
  }
}

// By the number of the call on this machine.
using Choices = std::map<int, Choice>;

Choices make_choices(const oci::Seccomp& config, uint32_t default_action) {
  Choices choices;
  for (const oci::SeccompSyscall& rule : config.syscalls) {
    const uint32_t action = action_value(rule.action, rule.errno_ret.value_or(EPERM));
    if (action != default_action) add_choices(rule, action, choices);
  }
  for (auto& [number, choice] : choices)
    choice.ours = !choice.unconditional && choice.cases.size() > 1 && !is_simple(choice.cases);
  return choices;
}

// Whether one of them has the call also behind another's number, as socketcall(2) and ipc(2) have: libseccomp knows how.
bool is_multiplexed(const std::string& name, const std::vector<uint32_t>& architectures) {
  constexpr int kFirstMissing =
      -10000;  // what an architecture has not at all is numbered from here downwards
  return std::any_of(architectures.begin(), architectures.end(), [&](uint32_t arch) {
    const int number = ::seccomp_syscall_resolve_name_arch(arch, name.c_str());
    return number < __NR_SCMP_ERROR && number > kFirstMissing;
  });
}

Result<> add_rules(scmp_filter_ctx context, const oci::Seccomp& config, uint32_t default_action,
                   const Choices& choices, const std::vector<uint32_t>& architectures) {
  for (size_t i = 0; i < config.syscalls.size(); ++i) {
    const oci::SeccompSyscall& rule = config.syscalls[i];
    const uint32_t action = action_value(rule.action, rule.errno_ret.value_or(EPERM));
    if (action == default_action) continue;  // libseccomp refuses what changes nothing
    std::vector<scmp_arg_cmp> conditions;
    for (const oci::SeccompArg& arg : rule.args) conditions.push_back(condition(arg));
    for (const std::string& name : rule.names) {
      const int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      const Choice& choice = choices.at(number);
      if (!conditions.empty() && choice.unconditional) continue;  // which decides alone
      if (choice.ours && !is_multiplexed(name, architectures)) continue;
      TRY(add_rule(context, action, number, conditions)
              .within("linux.seccomp.syscalls[", i, "]: '", name, "'"));
    }
  }
  return {};
}

std::vector<sock_filter> decide_choices(const Choices& choices, uint32_t default_action,
                                        const std::vector<uint32_t>& architectures) {
  std::vector<sock_filter> code;
  for (const auto& [number, choice] : choices) {
    if (!choice.ours) continue;
    const std::vector<sock_filter> decision =
        decide_call(choice.name, choice.cases, default_action, architectures);
    code.insert(code.end(), decision.begin(), decision.end());
  }
  return code;
}

// The newest call (the highest number) of `arch` that the profile names; negative: none.
int newest_named(const oci::Seccomp& config, uint32_t arch) {
  int newest = -1;
  for (const oci::SeccompSyscall& rule : config.syscalls)
    for (const std::string& name : rule.names)
      newest = std::max(newest, ::seccomp_syscall_resolve_name_arch(arch, name.c_str()));
  return newest;
}

// In front of libseccomp's program: for each architecture, a call above the newest named one answers ENOSYS.
std::vector<sock_filter> newer_calls_are_unknown(const oci::Seccomp& config,
                                                 const std::vector<uint32_t>& architectures) {
  constexpr uint32_t kX32Bit = 0x40000000;
  std::vector<sock_filter> code;
  const auto load = [&](size_t offset) {
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
  };
  for (const uint32_t arch : architectures) {
    const int newest = newest_named(config, arch);
    // x32 shares its audit value with x86_64 and marks its numbers instead; it has no calls of its own to come.
    if (newest < 0 || arch == SCMP_ARCH_X32) continue;
    const bool shared_with_x32 = arch == SCMP_ARCH_X86_64;
    load(offsetof(seccomp_data, arch));
    code.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, static_cast<uint8_t>(shared_with_x32 ? 4 : 3)));
    load(offsetof(seccomp_data, nr));
    if (shared_with_x32) code.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 2, 0));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, static_cast<uint32_t>(newest), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  return code;
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
  UniqueFd file = TRY(sys::memfd_create("seccomp", 0));
  const int failed = ::seccomp_export_bpf(context, file.raw());
  if (failed) return Error::os("linux.seccomp: seccomp_export_bpf()", -failed);
  const struct stat st = TRY(sys::fstat(file));
  std::vector<sock_filter> program(static_cast<size_t>(st.st_size) / sizeof(sock_filter));
  const size_t n = TRY(sys::pread(file, program.data(), program.size() * sizeof(sock_filter), 0));
  if (n != program.size() * sizeof(sock_filter))
    return Error(Kind::os, "linux.seccomp: the compiled filter was cut short");
  return program;
}

}  // namespace

Result<SeccompProgram> make_seccomp(const oci::Seccomp& config) {
  const uint32_t default_errno = config.default_errno_ret.value_or(EPERM);
  const uint32_t default_action = action_value(config.default_action, default_errno);
  const Context context(::seccomp_init(default_action), &::seccomp_release);
  if (!context)
    return Error(Kind::unsupported,
                 "linux.seccomp.defaultAction: libseccomp or this kernel does not know it");
  SeccompProgram program;
  program.flags = TRY(make_flags(config));
  const std::vector<uint32_t> architectures = TRY(add_architectures(context.get(), config));
  const Choices choices = make_choices(config, default_action);
  TRY(add_rules(context.get(), config, default_action, choices, architectures));
  (void)::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE,
                           2);  // libseccomp < 2.5 keeps the list form
  std::vector<sock_filter> compiled = TRY(export_program(context.get()));
  const bool default_refuses =
      config.default_action != SeccompAction::allow && config.default_action != SeccompAction::log;
  if (default_refuses && !(config.default_action == SeccompAction::error_number && default_errno == ENOSYS))
    program.filter = newer_calls_are_unknown(config, architectures);
  const std::vector<sock_filter> decided = decide_choices(choices, default_action, architectures);
  program.filter.insert(program.filter.end(), decided.begin(), decided.end());
  program.filter.insert(program.filter.end(), compiled.begin(), compiled.end());
  if (program.filter.size() > BPF_MAXINSNS)
    return Error(Kind::unsupported, str::cat("linux.seccomp: the filter has ", program.filter.size(),
                                             " instructions, more than the kernel's ", BPF_MAXINSNS));
  return program;
}

std::vector<std::string> unknown_calls(const oci::SeccompSyscall& rule) {
  std::vector<std::string> unknown;
  for (const std::string& name : rule.names)
    if (::seccomp_syscall_resolve_name(name.c_str()) == __NR_SCMP_ERROR) unknown.push_back(name);
  return unknown;
}

unsigned seccomp_flag(std::string_view name) { return names::value(kFlags, name).value_or(0); }

std::string seccomp_key(const oci::Seccomp& config) {
  std::string key;
  const auto text = [&](std::string_view s) { key += str::cat(s.size(), ":", s); };
  const auto number = [&](uint64_t n) { key += str::cat(n, ","); };
  const auto list = [&](const std::vector<std::string>& l) {
    number(l.size());
    for (const std::string& s : l) text(s);
  };
  const auto maybe = [&](const auto& optional) {
    key += optional ? str::cat("=", *optional, ",") : std::string("-,");
  };
  number(static_cast<uint64_t>(config.default_action));
  maybe(config.default_errno_ret);
  list(config.architectures);
  list(config.flags);
  number(config.syscalls.size());
  for (const oci::SeccompSyscall& rule : config.syscalls) {
    list(rule.names);
    number(static_cast<uint64_t>(rule.action));
    maybe(rule.errno_ret);
    number(rule.args.size());
    for (const oci::SeccompArg& arg : rule.args) {
      number(arg.index);
      number(arg.value);
      maybe(arg.value_two);
      number(static_cast<uint64_t>(arg.op));
    }
  }
  return key;
}

}  // namespace plan
