#include "runtime/cgroups/device_filter.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace device_filter {

namespace {

// Registers: r2 type, r3 the accesses not yet granted, r4 major, r5 minor, r1 scratch, r0 the verdict.
constexpr bpf_insn op(int code, int dst, int src, int16_t offset, int32_t immediate) {
  return {static_cast<uint8_t>(code), static_cast<uint8_t>(dst & 15), static_cast<uint8_t>(src & 15), offset,
          immediate};
}
constexpr bpf_insn load(int dst, size_t offset) {
  return op(BPF_LDX | BPF_W | BPF_MEM, dst, 1, static_cast<int16_t>(offset), 0);
}
constexpr bpf_insn jump_unless_equal(int reg, int64_t value) {
  return op(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, static_cast<int32_t>(value));
}

int32_t access_bits(const oci::DeviceRule& rule) {
  int32_t bits = 0;
  for (const char c : rule.access && !rule.access->empty() ? *rule.access : std::string("rwm"))
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
  return bits;
}

void verdict(std::vector<bpf_insn>& code, bool allow) {
  code.push_back(op(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow ? 1 : 0));
  code.push_back(op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

void add_rule(std::vector<bpf_insn>& code, const oci::DeviceRule& rule) {
  std::vector<size_t> to_next;  // jumps that leave the rule
  const auto check = [&](bpf_insn jump) {
    to_next.push_back(code.size());
    code.push_back(jump);
  };
  const std::string type = rule.type.value_or("a");
  if (type == "c" || type == "u") check(jump_unless_equal(2, BPF_DEVCG_DEV_CHAR));
  if (type == "b") check(jump_unless_equal(2, BPF_DEVCG_DEV_BLOCK));
  if (rule.major.value_or(-1) >= 0) check(jump_unless_equal(4, *rule.major));
  if (rule.minor.value_or(-1) >= 0) check(jump_unless_equal(5, *rule.minor));
  const int32_t bits = access_bits(rule);
  if (rule.allow) {
    code.push_back(op(BPF_ALU | BPF_AND | BPF_K, 3, 0, 0, ~bits));
    check(jump_unless_equal(3, 0));
  } else {
    code.push_back(op(BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0));
    code.push_back(op(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, bits));
    check(op(BPF_JMP32 | BPF_JEQ | BPF_K, 1, 0, 0, 0));
  }
  verdict(code, rule.allow);
  for (const size_t at : to_next) code[at].off = static_cast<int16_t>(code.size() - at - 1);
}

}  // namespace

std::vector<bpf_insn> compile(const std::vector<oci::DeviceRule>& rules) {
  std::vector<bpf_insn> code = {
      load(2, offsetof(bpf_cgroup_dev_ctx, access_type)), op(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0),
      op(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),     op(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),
      load(4, offsetof(bpf_cgroup_dev_ctx, major)),       load(5, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) add_rule(code, *rule);
  verdict(code, true);  // no rule speaks of it: a new cgroup allows what its parents allow
  return code;
}

Result<> attach(Fd cgroup, const std::vector<oci::DeviceRule>& rules) {
  const std::vector<bpf_insn> code = compile(rules);
  char log[2048] = "";
  bpf_attr load_attr;
  std::memset(&load_attr, 0, sizeof load_attr);
  load_attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load_attr.insn_cnt = static_cast<uint32_t>(code.size());
  load_attr.insns = reinterpret_cast<uint64_t>(code.data());
  load_attr.license = reinterpret_cast<uint64_t>("Apache-2.0");
  const long program = ::syscall(SYS_bpf, BPF_PROG_LOAD, &load_attr, sizeof load_attr);
  if (program < 0) {
    Error error = Error::os("linux.resources.devices: loading the device filter: bpf(BPF_PROG_LOAD)");
    load_attr.log_level = 1;
    load_attr.log_size = sizeof log;
    load_attr.log_buf = reinterpret_cast<uint64_t>(log);
    const long again = ::syscall(SYS_bpf, BPF_PROG_LOAD, &load_attr, sizeof load_attr);
    if (again >= 0) ::close(static_cast<int>(again));
    if (log[0]) error.message += str::cat(" (kernel: ", str::printable(str::trim(log)), ")");
    return error;
  }
  const UniqueFd owned(static_cast<int>(program));
  bpf_attr attach_attr;
  std::memset(&attach_attr, 0, sizeof attach_attr);
  attach_attr.target_fd = static_cast<uint32_t>(cgroup.raw());
  attach_attr.attach_bpf_fd = static_cast<uint32_t>(owned.raw());
  attach_attr.attach_type = BPF_CGROUP_DEVICE;
  attach_attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach_attr, sizeof attach_attr) < 0)
    return Error::os("linux.resources.devices: attaching the device filter: bpf(BPF_PROG_ATTACH)");
  return {};
}

}  // namespace device_filter
