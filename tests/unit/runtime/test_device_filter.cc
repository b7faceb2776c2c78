// The eBPF program for device rules, run by a small interpreter and compared with the rules themselves on many random
// rules and requests.
#include <criterion/criterion.h>

#include <random>

#include "runtime/cgroups/device_filter.h"
#include "runtime/plan/cgroup.h"
#include "spec/base/text.h"

namespace {

constexpr int kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE, kMknod = BPF_DEVCG_ACC_MKNOD;

struct Request {
  bool block = false;
  uint32_t accesses = 0, major = 0, minor = 0;
};

// What the kernel would answer: the instructions that compile() uses, and no others.
bool interpret(const std::vector<bpf_insn>& code, const Request& request) {
  const uint32_t type = request.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
  const uint32_t context[3] = {request.accesses << 16 | type, request.major, request.minor};
  uint64_t r[11] = {};
  for (size_t at = 0; at < code.size(); ++at) {
    const bpf_insn& i = code[at];
    const auto k = static_cast<uint32_t>(i.imm);
    switch (i.code) {
      case BPF_LDX | BPF_W | BPF_MEM:
        r[i.dst_reg] = context[i.off / 4];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X:
        r[i.dst_reg] = r[i.src_reg];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        r[i.dst_reg] = static_cast<uint64_t>(int64_t{i.imm});
        break;
      case BPF_LD | BPF_DW | BPF_IMM:
        r[i.dst_reg] = uint64_t{static_cast<uint32_t>(code[at + 1].imm)} << 32 | k;
        ++at;
        break;
      case BPF_ALU64 | BPF_OR | BPF_X:
        r[i.dst_reg] |= r[i.src_reg];
        break;
      case BPF_ALU64 | BPF_RSH | BPF_X:
        r[i.dst_reg] >>= r[i.src_reg] & 63;
        break;
      case BPF_ALU | BPF_SUB | BPF_K:
        r[i.dst_reg] = static_cast<uint32_t>(r[i.dst_reg]) - k;
        break;
      case BPF_ALU | BPF_LSH | BPF_K:
        r[i.dst_reg] = static_cast<uint32_t>(r[i.dst_reg]) << k;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        r[i.dst_reg] = static_cast<uint32_t>(r[i.dst_reg]) & k;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        r[i.dst_reg] = static_cast<uint32_t>(r[i.dst_reg]) >> k;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        at += static_cast<uint32_t>(r[i.dst_reg]) != k ? static_cast<size_t>(i.off) : 0;
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        at += static_cast<uint32_t>(r[i.dst_reg]) == k ? static_cast<size_t>(i.off) : 0;
        break;
      case BPF_JMP32 | BPF_JGT | BPF_K:
        at += static_cast<uint32_t>(r[i.dst_reg]) > k ? static_cast<size_t>(i.off) : 0;
        break;
      case BPF_JMP | BPF_EXIT:
        return r[0] != 0;
      default:
        cr_assert_fail("instruction %zu has the code %#x", at, i.code);
    }
  }
  cr_assert_fail("the program ran past its end");
  return false;
}

bool matches(const oci::DeviceRule& rule, const Request& request, int access) {
  if (rule.type == "b" && !request.block) return false;
  if ((rule.type == "c" || rule.type == "u") && request.block) return false;
  if (rule.major.value_or(-1) >= 0 && *rule.major != int64_t{request.major}) return false;
  if (rule.minor.value_or(-1) >= 0 && *rule.minor != int64_t{request.minor}) return false;
  const char letter = access == kRead ? 'r' : access == kWrite ? 'w' : 'm';
  return !rule.access || rule.access->empty() || rule.access->find(letter) != std::string::npos;
}

// config-linux.md: the rules are applied in their order, so for each access the last that matches decides.
bool wanted(const std::vector<oci::DeviceRule>& rules, const Request& request) {
  for (const int access : {kRead, kWrite, kMknod}) {
    if (!(request.accesses & static_cast<uint32_t>(access))) continue;
    bool allowed = true;
    for (const oci::DeviceRule& rule : rules)
      if (matches(rule, request, access)) allowed = rule.allow;
    if (!allowed) return false;
  }
  return true;
}

}  // namespace

Test(device_filter, random_rules) {
  std::mt19937 random(20250101);
  const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  // The rules name none with the last of them.
  constexpr uint32_t kNumbers[] = {0, 1, 2, 64, 65, 4095, 7};
  constexpr unsigned kCount = std::size(kNumbers);
  const auto number = [&]() -> std::optional<int64_t> {
    const unsigned n = pick(5);
    if (n == 0) return std::nullopt;
    return n == 1 ? -1 : int64_t{kNumbers[pick(std::size(kNumbers) - 1)]};
  };
  constexpr const char* kAccesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm", ""};
  constexpr const char* kTypes[] = {"a", "b", "c", "u"};
  for (int round = 0; round < 2000; ++round) {
    std::vector<oci::DeviceRule> rules(pick(9));
    for (oci::DeviceRule& rule : rules) {
      rule = {pick(2) == 0, std::nullopt, number(), number(), std::nullopt};
      if (pick(5)) rule.type = kTypes[pick(4)];
      if (pick(5)) rule.access = kAccesses[pick(8)];
    }
    const std::vector<bpf_insn> code = device_filter::compile(rules);
    for (uint32_t accesses = 1; accesses < 8; ++accesses)
      for (unsigned device = 0; device < 2 * kCount * kCount; ++device) {
        const Request request{device % 2 == 1, accesses, kNumbers[device / 2 / kCount],
                              kNumbers[device / 2 % kCount]};
        cr_assert(interpret(code, request) == wanted(rules, request), "round %d, access %u of %c %u:%u",
                  round, accesses, request.block ? 'b' : 'c', request.major, request.minor);
      }
  }
}

Test(device_filter, large_numbers) {
  // A minor has 20 bits, a major 12 (MKDEV).
  const std::vector<bpf_insn> code =
      device_filter::compile({{false, {}, {}, {}, {}}, {true, "c", 4095, 1048575, "r"}});
  cr_expect(interpret(code, {false, kRead, 4095, 1048575}));
  cr_expect(!interpret(code, {false, kRead | kWrite, 4095, 1048575}));
  cr_expect(!interpret(code, {true, kRead, 4095, 1048575}));
  cr_expect(!interpret(code, {false, kRead, 4095, 1048574}));
}

// A branch costs the verifier more than all other instructions: what everybody starts with needs few.
Test(device_filter, default_rules_are_few_branches) {
  std::vector<oci::DeviceRule> rules = {{.allow = false}};
  for (oci::DeviceRule& rule : plan::default_device_rules()) rules.push_back(std::move(rule));
  int branches = 0;
  for (const bpf_insn& i : device_filter::compile(rules)) branches += BPF_CLASS(i.code) == BPF_JMP32;
  cr_expect(branches <= 8, "%d branches", branches);
}
