#include "runtime/cgroups/device_filter.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace device_filter {

namespace {

constexpr uint32_t kAll = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
constexpr int kMajorBits = 12, kMinorBits = 20;  // of a device number (MKDEV)
constexpr int64_t kUnnamed = -1;                 // stands for all numbers that no rule names

struct Device {
  uint32_t type = BPF_DEVCG_DEV_CHAR;
  int64_t major = kUnnamed, minor = kUnnamed;
};

bool is_of(uint32_t type, const oci::DeviceRule& rule) {
  const std::string_view wanted = rule.type ? std::string_view(*rule.type) : "a";
  if (wanted == "b") return type == BPF_DEVCG_DEV_BLOCK;
  return wanted == "a" || type == BPF_DEVCG_DEV_CHAR;
}

bool matches(const oci::DeviceRule& rule, const Device& device) {
  const auto is = [](const std::optional<int64_t>& number, int64_t n) {
    return number.value_or(-1) < 0 || *number == n;
  };
  return is_of(device.type, rule) && is(rule.major, device.major) && is(rule.minor, device.minor);
}

uint32_t access_bits(const oci::DeviceRule& rule) {
  if (!rule.access || rule.access->empty()) return kAll;
  uint32_t bits = 0;
  for (const char c : *rule.access)
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
  return bits;
}

// The accesses to a device that the rules refuse.  What none of them speaks of a new cgroup allows, if its parents do.
uint32_t refused(const std::vector<oci::DeviceRule>& rules, const Device& device) {
  uint32_t bits = 0, open = kAll;
  for (auto rule = rules.rbegin(); rule != rules.rend() && open; ++rule) {
    if (!matches(*rule, device)) continue;
    const uint32_t decided = access_bits(*rule) & open;
    if (!rule->allow) bits |= decided;
    open &= ~decided;
  }
  return bits;
}

constexpr bpf_insn op(int code, int dst, int src, int16_t offset, int32_t immediate) {
  return {static_cast<uint8_t>(code), static_cast<uint8_t>(dst & 15), static_cast<uint8_t>(src & 15), offset,
          immediate};
}
constexpr bpf_insn load(int dst, size_t offset) {
  return op(BPF_LDX | BPF_W | BPF_MEM, dst, 1, static_cast<int16_t>(offset), 0);
}
constexpr bpf_insn copy(int dst, int src) { return op(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0); }
constexpr bpf_insn change(int operation, int dst, int64_t value) {  // of 32 bits
  return op(BPF_ALU | operation | BPF_K, dst, 0, 0, static_cast<int32_t>(value));
}

// The program: tests of a device's number, each with a verdict behind it; a test that fails jumps to the next one.
// Every branch costs the kernel's verifier several microseconds, so minors that are treated alike share a test.
// Registers: r2 type and major in one, r3 the accesses asked for, r4 type, r5 minor; r0 and r1 are scratch.
class Program {
 public:
  explicit Program(const std::vector<oci::DeviceRule>& rules) : rules_(rules) {
    code_ = {load(4, offsetof(bpf_cgroup_dev_ctx, access_type)),
             copy(3, 4),
             change(BPF_RSH, 3, 16),
             change(BPF_AND, 4, 0xffff),
             copy(2, 4),
             change(BPF_LSH, 2, kMajorBits),
             load(5, offsetof(bpf_cgroup_dev_ctx, major)),
             op(BPF_ALU64 | BPF_OR | BPF_X, 2, 5, 0, 0),
             load(5, offsetof(bpf_cgroup_dev_ctx, minor))};
    for (const uint32_t type : {BPF_DEVCG_DEV_CHAR, BPF_DEVCG_DEV_BLOCK}) {
      for (const int64_t major : majors(type)) add_major(type, major);
      add_minors({type, kUnnamed});
    }
    const uint32_t of_char = refused(rules_, {BPF_DEVCG_DEV_CHAR}),
                   of_block = refused(rules_, {BPF_DEVCG_DEV_BLOCK});
    if (of_char != of_block) add_test({BPF_DEVCG_DEV_CHAR}, {of_char});
    verdict(of_block);
  }

  std::vector<bpf_insn> take() && { return std::move(code_); }

 private:
  // What is refused to minors that are treated alike: first + n for each bit n.  No bits: all minors.
  struct Minors {
    uint32_t refused = 0;
    int64_t first = 0;
    uint64_t bits = 0;
  };

  std::set<int64_t> majors(uint32_t type) const {
    std::set<int64_t> found;
    for (const oci::DeviceRule& rule : rules_)
      if (const int64_t n = rule.major.value_or(-1); is_of(type, rule) && n >= 0 && n < 1 << kMajorBits)
        found.insert(n);
    return found;
  }

  std::set<int64_t> minors(const Device& device) const {
    std::set<int64_t> found;
    for (const oci::DeviceRule& rule : rules_)
      if (const int64_t n = rule.minor.value_or(-1); n >= 0 && n < 1 << kMinorBits)
        if (matches(rule, {device.type, device.major, n})) found.insert(n);
    return found;
  }

  // Those that are not treated like the minors that no rule names.
  void add_minors(const Device& device) {
    const uint32_t others = refused(rules_, device);
    std::vector<Minors> tests;
    for (const int64_t minor : minors(device)) {
      const uint32_t bits = refused(rules_, {device.type, device.major, minor});
      if (bits == others) continue;
      const auto alike = std::find_if(tests.begin(), tests.end(), [&](const Minors& m) {
        return m.refused == bits && minor - m.first < 64;
      });
      if (alike == tests.end())
        tests.push_back({bits, minor, 1});
      else
        alike->bits |= uint64_t{1} << (minor - alike->first);
    }
    for (const Minors& alike : tests) add_test(device, alike);
  }

  void add_major(uint32_t type, int64_t major) {
    const Device all{type, major};
    add_minors(all);
    // What the tests of all majors would say of it is left to them.
    const uint32_t bits = refused(rules_, all);
    if (bits != refused(rules_, {type}) || !minors({type}).empty()) add_test(all, {bits});
  }

  void add_test(const Device& device, const Minors& minors) {
    std::vector<size_t> to_next;
    const auto jump = [&](int condition, int reg, int64_t value) {
      to_next.push_back(code_.size());
      code_.push_back(op(BPF_JMP32 | condition | BPF_K, reg, 0, 0, static_cast<int32_t>(value)));
    };
    if (device.major == kUnnamed)
      jump(BPF_JNE, 4, device.type);
    else
      jump(BPF_JNE, 2, int64_t{device.type} << kMajorBits | device.major);
    if (const uint64_t bits = minors.bits; bits == 1) {
      jump(BPF_JNE, 5, minors.first);
    } else if (bits) {
      code_.insert(code_.end(), {copy(1, 5), change(BPF_SUB, 1, minors.first)});
      jump(BPF_JGT, 1, static_cast<int64_t>(std::bit_width(bits)) - 1);
      if (!std::has_single_bit(bits + 1)) {  // there are gaps
        code_.insert(code_.end(),
                     {op(BPF_LD | BPF_DW, 0, 0, 0, static_cast<int32_t>(bits)),  // of BPF_IMM, which is 0
                      op(0, 0, 0, 0, static_cast<int32_t>(bits >> 32)),
                      op(BPF_ALU64 | BPF_RSH | BPF_X, 0, 1, 0, 0), change(BPF_AND, 0, 1)});
        jump(BPF_JEQ, 0, 0);
      }
    }
    verdict(minors.refused);
    for (const size_t at : to_next) code_[at].off = static_cast<int16_t>(code_.size() - at - 1);
  }

  void verdict(uint32_t refused) {
    const auto answer = [&](bool allow) {
      code_.push_back(op(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow ? 1 : 0));
      code_.push_back(op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    };
    if (refused == 0 || refused == kAll) return answer(refused == 0);
    code_.push_back(change(BPF_AND, 3, refused));
    code_.push_back(op(BPF_JMP32 | BPF_JNE | BPF_K, 3, 0, 2, 0));
    answer(true);
    answer(false);
  }

  const std::vector<oci::DeviceRule>& rules_;
  std::vector<bpf_insn> code_;
};

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

std::vector<bpf_insn> compile(const std::vector<oci::DeviceRule>& rules) { return Program(rules).take(); }

Result<> attach(Fd cgroup, const std::vector<oci::DeviceRule>& rules) {
  return replace(cgroup, compile(rules)).within("linux.resources.devices");
}

}  // namespace device_filter
