// A profile made from the input, compiled, and judged as the kernel would: the program passes the checks of seccomp(2),
// every jump lands, and for calls of all kinds its decision is the one that reading the rules gives.
//
// Where rules contradict each other (two that match, with different actions) the filter may take either: libseccomp does
// not promise an order.  A rule without conditions comes before all that have some.
#include "runtime/plan/seccomp.h"

#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;
using oci::SeccompAction;
using oci::SeccompOperator;

constexpr const char* kCalls[] = {"read",       "write",       "openat",   "close",       "clone",
                                  "clone3",     "mmap",        "mprotect", "personality", "ioctl",
                                  "prctl",      "getpriority", "kill",     "futex",       "getppid",
                                  "faccessat2", "unshare",     "setns",    "bpf",         "no_such_call"};
constexpr const char* kArchitectures[] = {"SCMP_ARCH_X86",    "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64",
                                          "SCMP_ARCH_X86_64", "SCMP_ARCH_ARM", "SCMP_ARCH_RISCV64",
                                          "SCMP_ARCH_S390X"};
constexpr SeccompAction kActions[] = {SeccompAction::allow,       SeccompAction::error_number,
                                      SeccompAction::kill,        SeccompAction::kill_process,
                                      SeccompAction::kill_thread, SeccompAction::trap,
                                      SeccompAction::trace,       SeccompAction::log};
constexpr SeccompAction kNotify = SeccompAction::notify;  // of single calls only
constexpr SeccompOperator kOperators[] = {SeccompOperator::equal,         SeccompOperator::not_equal,
                                          SeccompOperator::less,          SeccompOperator::less_equal,
                                          SeccompOperator::greater_equal, SeccompOperator::greater,
                                          SeccompOperator::masked_equal};

// ---- profiles ----

uint64_t pick_value(fuzz::Input& input) {
  constexpr uint64_t kValues[] = {0,          1,          2,           0x7e020000, 0x7fffffff,
                                  0x80000000, 0xffffffff, 0x100000000, UINT64_MAX};
  const size_t which = input.below(std::size(kValues) + 3);
  return which < std::size(kValues) ? kValues[which]
                                    : input.number(static_cast<int>(which - std::size(kValues)) * 3 + 1);
}

std::optional<uint32_t> pick_errno(fuzz::Input& input) {
  if (input.flag()) return std::nullopt;
  return static_cast<uint32_t>(input.number(2) % 4096);
}

oci::Seccomp decode(fuzz::Input& input) {
  oci::Seccomp profile;
  profile.default_action = input.one_of(kActions);
  profile.default_errno_ret = pick_errno(input);
  for (size_t n = input.below(3); n > 0; --n)
    profile.architectures.emplace_back(input.one_of(kArchitectures));
  for (size_t n = input.below(8); n > 0; --n) {
    oci::SeccompSyscall rule;
    const size_t action = input.below(std::size(kActions) + 1);
    rule.action = action < std::size(kActions) ? kActions[action] : kNotify;
    rule.errno_ret = pick_errno(input);
    for (size_t names = 1 + input.below(4); names > 0; --names) rule.names.emplace_back(input.one_of(kCalls));
    for (size_t args = input.below(4); args > 0; --args) {
      oci::SeccompArg arg{.index = static_cast<uint32_t>(input.below(6)), .value = pick_value(input)};
      arg.op = input.one_of(kOperators);
      if (arg.op == SeccompOperator::masked_equal || input.flag()) arg.value_two = pick_value(input);
      rule.args.push_back(arg);
    }
    profile.syscalls.push_back(std::move(rule));
  }
  return profile;
}

constexpr uint32_t kX32Bit = 0x40000000;

// ---- the kernel's side ----

// seccomp_check_filter() and bpf_check_classic() of the kernel, for what a filter may consist of.
void verify(const std::vector<sock_filter>& code) {
  must(!code.empty() && code.size() <= BPF_MAXINSNS, "a filter has 1 to 4096 instructions");
  for (size_t at = 0; at < code.size(); ++at) {
    const sock_filter& i = code[at];
    const size_t left = code.size() - at - 1;
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        must(i.k % 4 == 0 && i.k < sizeof(seccomp_data), "a load is of the call's data");
        break;
      case BPF_JMP | BPF_JA:
        must(i.k < left, "a jump lands");
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JGT | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_K:
        must(i.jt < left && i.jf < left, "a branch lands");
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        break;
      case BPF_RET | BPF_K:
        break;
      default:
        must(false, "an instruction is one that filters are made of", str::cat(i.code));
    }
  }
  must(code.back().code == (BPF_RET | BPF_K), "a filter ends with a decision");
}

// Precondition: verify() has passed.
uint32_t decide(const std::vector<sock_filter>& code, const seccomp_data& call) {
  uint32_t a = 0;
  for (size_t at = 0;; ++at) {
    const sock_filter& i = code[at];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::copy_n(reinterpret_cast<const char*>(&call) + i.k, sizeof a, reinterpret_cast<char*>(&a));
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= i.k;
        break;
      case BPF_JMP | BPF_JA:
        at += i.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (a & i.k) != 0 ? i.jt : i.jf;
        break;
      default:
        return i.k;
    }
  }
}

// ---- the rules, read one by one ----

uint32_t value_of(SeccompAction action, std::optional<uint32_t> errno_ret) {
  switch (action) {
    case SeccompAction::allow:
      return SECCOMP_RET_ALLOW;
    case SeccompAction::log:
      return SECCOMP_RET_LOG;
    case SeccompAction::trap:
      return SECCOMP_RET_TRAP;
    case SeccompAction::error_number:
      return SECCOMP_RET_ERRNO | errno_ret.value_or(EPERM);
    case SeccompAction::trace:
      return SECCOMP_RET_TRACE | errno_ret.value_or(EPERM);
    case SeccompAction::kill_process:
      return SECCOMP_RET_KILL_PROCESS;
    case SeccompAction::notify:
      return SECCOMP_RET_USER_NOTIF;
    default:
      return SECCOMP_RET_KILL_THREAD;
  }
}

bool holds(const oci::SeccompArg& condition, const seccomp_data& call, bool narrow) {
  uint64_t arg = call.args[condition.index], value = condition.value, two = condition.value_two.value_or(0);
  if (narrow) {
    arg = static_cast<uint32_t>(arg);
    value = static_cast<uint32_t>(value);
    two = static_cast<uint32_t>(two);
  }
  switch (condition.op) {
    case SeccompOperator::not_equal:
      return arg != value;
    case SeccompOperator::less:
      return arg < value;
    case SeccompOperator::less_equal:
      return arg <= value;
    case SeccompOperator::equal:
      return arg == value;
    case SeccompOperator::greater_equal:
      return arg >= value;
    case SeccompOperator::greater:
      return arg > value;
    case SeccompOperator::masked_equal:
      return (arg & value) == (two & value);
  }
  return false;
}

bool repeats_an_argument(const oci::SeccompSyscall& rule) {
  std::set<uint32_t> seen;
  return std::ranges::any_of(rule.args,
                             [&](const oci::SeccompArg& arg) { return !seen.insert(arg.index).second; });
}

bool matches(const oci::SeccompSyscall& rule, const seccomp_data& call, bool narrow) {
  const auto one = [&](const oci::SeccompArg& arg) { return holds(arg, call, narrow); };
  // Several conditions on one argument are alternatives (runtime/plan/seccomp.h).
  return repeats_an_argument(rule) ? std::ranges::any_of(rule.args, one)
                                   : std::ranges::all_of(rule.args, one);
}

class Reading {
 public:
  explicit Reading(const oci::Seccomp& profile) : profile_(profile) {
    fallback_ = value_of(profile.default_action, profile.default_errno_ret);
    architectures_.insert(::seccomp_arch_native());
    for (const std::string& name : profile.architectures) {
      // Of another byte order: no such program runs on this machine, and the profile's line has no effect.
      if (name == "SCMP_ARCH_S390X") continue;
      architectures_.insert(::seccomp_arch_resolve_name(str::lower(name.substr(10)).c_str()));
    }
  }
  [[nodiscard]] const std::set<uint32_t>& architectures() const { return architectures_; }

  // The architecture whose rules count for a call; 0: none of the profile's.
  [[nodiscard]] uint32_t architecture(const seccomp_data& call) const {
    const auto nr = static_cast<uint32_t>(call.nr);
    const bool x32 = call.arch == SCMP_ARCH_X86_64 && nr >= kX32Bit && nr != UINT32_MAX;
    const uint32_t arch = x32 ? SCMP_ARCH_X32 : call.arch;
    return architectures_.contains(arch) ? arch : 0;
  }

  // Every decision that the rules allow for.
  [[nodiscard]] std::set<uint32_t> decisions(const seccomp_data& call) const {
    const uint32_t arch = architecture(call);
    if (arch == 0) return {SECCOMP_RET_KILL_THREAD};
    if (is_newer(arch, call.nr)) return {SECCOMP_RET_ERRNO | ENOSYS};
    std::set<uint32_t> found;
    for (const oci::SeccompSyscall& rule : profile_.syscalls) {
      const uint32_t value = value_of(rule.action, rule.errno_ret);
      if (value == fallback_ || !names(rule, arch, call.nr)) continue;
      if (rule.args.empty()) return {value};
      if (matches(rule, call, is_narrow(arch))) found.insert(value);
    }
    return found.empty() ? std::set<uint32_t>{fallback_} : found;
  }

 private:
  // Arguments of x32 too are of 32 bits to libseccomp.
  static bool is_narrow(uint32_t arch) { return (arch & __AUDIT_ARCH_64BIT) == 0; }
  static bool names(const oci::SeccompSyscall& rule, uint32_t arch, int nr) {
    if (nr < 0) return false;  // libseccomp's own numbers for what an architecture has not
    return std::ranges::any_of(rule.names, [&](const std::string& name) {
      return ::seccomp_syscall_resolve_name_arch(arch, name.c_str()) == nr;
    });
  }
  [[nodiscard]] bool is_newer(uint32_t arch, int nr) const {
    const bool refuses = fallback_ != SECCOMP_RET_ALLOW && fallback_ != SECCOMP_RET_LOG;
    if (!refuses || fallback_ == (SECCOMP_RET_ERRNO | ENOSYS) || arch == SCMP_ARCH_X32) return false;
    if (arch == SCMP_ARCH_X86_64 && static_cast<uint32_t>(nr) >= kX32Bit) return false;  // -1
    int newest = -1;
    for (const oci::SeccompSyscall& rule : profile_.syscalls)
      for (const std::string& name : rule.names)
        newest = std::max(newest, ::seccomp_syscall_resolve_name_arch(arch, name.c_str()));
    return newest >= 0 && static_cast<uint32_t>(nr) > static_cast<uint32_t>(newest);
  }

  const oci::Seccomp& profile_;
  uint32_t fallback_ = 0;
  std::set<uint32_t> architectures_;
};

// ---- calls to try ----

std::vector<uint64_t> interesting(const oci::Seccomp& profile, uint32_t index) {
  std::vector<uint64_t> values{0, 1, UINT64_MAX, 0x80000000};
  for (const oci::SeccompSyscall& rule : profile.syscalls)
    for (const oci::SeccompArg& arg : rule.args)
      if (arg.index == index)
        for (const uint64_t base : {arg.value, arg.value_two.value_or(0)})
          for (const uint64_t near : {base - 1, base, base + 1, base ^ (uint64_t{1} << 32)})
            values.push_back(near);
  return values;
}

void try_call(const std::vector<sock_filter>& code, const Reading& reading, const seccomp_data& call) {
  const uint32_t got = decide(code, call);
  const std::set<uint32_t> want = reading.decisions(call);
  if (want.contains(got)) return;
  std::string details =
      str::cat("architecture ", call.arch, " call ", call.nr, " is ", got, ", and should be");
  for (const uint32_t value : want) details += str::cat(" ", value);
  for (const uint64_t arg : call.args) details += str::cat(" arg ", arg);
  must(false, "the filter decides as the rules say", details);
}

void try_calls(const std::vector<sock_filter>& code, const Reading& reading, const oci::Seccomp& profile) {
  std::vector<std::vector<uint64_t>> values;
  for (uint32_t index = 0; index < 6; ++index) values.push_back(interesting(profile, index));
  std::set<uint32_t> architectures = reading.architectures();
  architectures.insert(SCMP_ARCH_PPC64LE);  // never of the profile
  for (uint32_t arch : architectures) {
    std::set<int> numbers{-1, 0, 1000, 0x40000000, 0x40000001, 0x7fffffff};
    for (const char* name : kCalls)
      numbers.insert(std::max(0, ::seccomp_syscall_resolve_name_arch(arch, name)));
    for (const int number : numbers)
      for (size_t round = 0; round < 12; ++round) {
        seccomp_data call{.nr = number, .arch = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch};
        for (size_t i = 0; i < 6; ++i) call.args[i] = values[i][(round * (i * 2 + 1)) % values[i].size()];
        try_call(code, reading, call);
      }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const oci::Seccomp profile = decode(input);
  const auto made = plan::make_seccomp(profile);
  if (!made.ok()) {
    fuzz::must_be_sentence(made.error());
    must(made.error().message.starts_with("linux.seccomp"), "an error names the property",
         made.error().message);
    return 0;
  }
  verify(made.value().filter);
  try_calls(made.value().filter, Reading(profile), profile);
  return 0;
}
