#include "runtime/plan/seccomp_choice.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <bit>
#include <cstddef>

namespace plan {

namespace {

using Code = std::vector<sock_filter>;

// Where the jumps of a condition lead, until it is known how far that is.
constexpr uint8_t kHolds = 0xfe, kFails = 0xff;

void load(Code& code, size_t offset) {
  code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
}

// Half of an argument; a filter's values are of 32 bits.
void load_half(Code& code, unsigned argument, bool upper) {
  const bool second = upper == (std::endian::native == std::endian::little);
  load(code, offsetof(seccomp_data, args) + argument * sizeof(uint64_t) + (second ? sizeof(uint32_t) : 0));
}

void jump(Code& code, uint16_t test, uint32_t value, uint8_t yes, uint8_t no) {
  code.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, yes, no));
}

void add_masked(Code& code, const scmp_arg_cmp& c, bool upper) {
  const int shift = upper ? 32 : 0;
  const auto mask = static_cast<uint32_t>(c.datum_a >> shift);
  load_half(code, c.arg, upper);
  code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
  jump(code, BPF_JEQ, static_cast<uint32_t>(c.datum_b >> shift) & mask, upper ? 0 : kHolds, kFails);
}

// `test` of the lower halves where the upper ones are equal; above: the answer where they are greater, below: where less.
void add_compared(Code& code, const scmp_arg_cmp& c, bool narrow, uint16_t test, bool negated, bool ordered) {
  const uint8_t yes = negated ? kFails : kHolds, no = negated ? kHolds : kFails;
  if (!narrow) {
    const auto upper = static_cast<uint32_t>(c.datum_a >> 32);
    load_half(code, c.arg, true);
    if (ordered) jump(code, BPF_JGT, upper, yes, 0);
    jump(code, BPF_JEQ, upper, 0, no);
  }
  load_half(code, c.arg, false);
  jump(code, test, static_cast<uint32_t>(c.datum_a), yes, no);
}

// `narrow`: a call of an architecture of 32 bits, which has no upper halves.
Code condition(const scmp_arg_cmp& c, bool narrow) {
  Code code;
  switch (c.op) {
    case SCMP_CMP_MASKED_EQ:
      if (!narrow) add_masked(code, c, true);
      add_masked(code, c, false);
      break;
    case SCMP_CMP_GT:
    case SCMP_CMP_LE:
      add_compared(code, c, narrow, BPF_JGT, c.op == SCMP_CMP_LE, true);
      break;
    case SCMP_CMP_GE:
    case SCMP_CMP_LT:
      add_compared(code, c, narrow, BPF_JGE, c.op == SCMP_CMP_LT, true);
      break;
    default:
      add_compared(code, c, narrow, BPF_JEQ, c.op == SCMP_CMP_NE, false);
  }
  return code;
}

// Marks of conditions become distances: to the next condition, or behind the rule.  There are at most 6 of 5 instructions.
void resolve(uint8_t& target, size_t to_next, size_t to_end) {
  if (target == kHolds) target = static_cast<uint8_t>(to_next);
  if (target == kFails) target = static_cast<uint8_t>(to_end);
}

void add_case(Code& code, const SeccompCase& one, bool narrow) {
  std::vector<size_t> ends;
  Code tests;
  for (const scmp_arg_cmp& c : one.conditions) {
    const Code test = condition(c, narrow);
    tests.insert(tests.end(), test.begin(), test.end());
    ends.push_back(tests.size());
  }
  size_t which = 0;
  for (size_t at = 0; at < tests.size(); ++at) {
    if (at == ends[which]) ++which;
    if (BPF_CLASS(tests[at].code) != BPF_JMP) continue;
    for (uint8_t* target : {&tests[at].jt, &tests[at].jf})
      resolve(*target, ends[which] - at - 1, tests.size() - at);  // behind the rule's own return
  }
  code.insert(code.end(), tests.begin(), tests.end());
  code.push_back(BPF_STMT(BPF_RET | BPF_K, one.action));
}

}  // namespace

std::vector<sock_filter> decide_call(const std::string& name, const std::vector<SeccompCase>& cases,
                                     uint32_t default_action, const std::vector<uint32_t>& architectures) {
  Code all;
  for (const uint32_t arch : architectures) {
    const int number = ::seccomp_syscall_resolve_name_arch(arch, name.c_str());
    if (number < 0) continue;  // it has no such call, or not by a number of its own
    Code decision;
    for (const SeccompCase& one : cases) add_case(decision, one, (arch & __AUDIT_ARCH_64BIT) == 0);
    decision.push_back(BPF_STMT(BPF_RET | BPF_K, default_action));
    load(all, offsetof(seccomp_data, arch));
    // x32 is told apart by its numbers.
    jump(all, BPF_JEQ, arch == SCMP_ARCH_X32 ? uint32_t{SCMP_ARCH_X86_64} : arch, 0, 2);
    load(all, offsetof(seccomp_data, nr));
    jump(all, BPF_JEQ, static_cast<uint32_t>(number), 1, 0);
    all.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(decision.size())));
    all.insert(all.end(), decision.begin(), decision.end());
  }
  return all;
}

}  // namespace plan
