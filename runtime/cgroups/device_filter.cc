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

long bpf(int command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

bpf_attr empty() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

Result<UniqueFd> load_program(const std::vector<bpf_insn>& code) {
  char log[2048] = "";
  bpf_attr load = empty();
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insn_cnt = static_cast<uint32_t>(code.size());
  load.insns = reinterpret_cast<uint64_t>(code.data());
  load.license = reinterpret_cast<uint64_t>("Apache-2.0");
  if (const long program = bpf(BPF_PROG_LOAD, load); program >= 0) return UniqueFd(static_cast<int>(program));
  Error error = Error::os("loading the device filter: bpf(BPF_PROG_LOAD)");
  load.log_level = 1;
  load.log_size = sizeof log;
  load.log_buf = reinterpret_cast<uint64_t>(log);
  if (const long again = bpf(BPF_PROG_LOAD, load); again >= 0) ::close(static_cast<int>(again));
  if (log[0]) error.message += str::cat(" (kernel: ", str::printable(str::trim(log)), ")");
  return error;
}

// A cgroup that was there before may have the filter of the container that was in it last.
Result<std::vector<uint32_t>> attached(Fd cgroup) {
  std::vector<uint32_t> ids(64);  // as many as the kernel takes for a cgroup
  bpf_attr query = empty();
  query.query.target_fd = static_cast<uint32_t>(cgroup.raw());
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
  query.query.prog_cnt = static_cast<uint32_t>(ids.size());
  if (bpf(BPF_PROG_QUERY, query) < 0)
    return Error::os("looking for the device filters that are there: bpf(BPF_PROG_QUERY)");
  ids.resize(query.query.prog_cnt);
  return ids;
}

Result<> detach(Fd cgroup, uint32_t id) {
  bpf_attr find = empty();
  find.prog_id = id;
  const long program = bpf(BPF_PROG_GET_FD_BY_ID, find);
  if (program < 0) return Error::os("opening the device filter that was there: bpf(BPF_PROG_GET_FD_BY_ID)");
  const UniqueFd owned(static_cast<int>(program));
  bpf_attr remove = empty();
  remove.target_fd = static_cast<uint32_t>(cgroup.raw());
  remove.attach_bpf_fd = static_cast<uint32_t>(owned.raw());
  remove.attach_type = BPF_CGROUP_DEVICE;
  if (bpf(BPF_PROG_DETACH, remove) < 0)
    return Error::os("removing the device filter that was there: bpf(BPF_PROG_DETACH)");
  return {};
}

Result<> replace(Fd cgroup, const std::vector<bpf_insn>& code) {
  const UniqueFd program = TRY(load_program(code));
  const std::vector<uint32_t> before = TRY(attached(cgroup));
  bpf_attr attach = empty();
  attach.target_fd = static_cast<uint32_t>(cgroup.raw());
  attach.attach_bpf_fd = static_cast<uint32_t>(Fd(program).raw());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attach) < 0) return Error::os("attaching the device filter: bpf(BPF_PROG_ATTACH)");
  for (const uint32_t id : before) TRY(detach(cgroup, id));  // all that are attached have to agree
  return {};
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
  return replace(cgroup, compile(rules)).within("linux.resources.devices");
}

}  // namespace device_filter
