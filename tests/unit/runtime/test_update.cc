#include <criterion/criterion.h>

#include "runtime/plan/update.h"
#include "tests/unit/support/expect.h"

namespace {

std::vector<plan::CgroupDirectory> v1() {
  return {{"/c/memory/web", "", {"memory"}, false, {}},
          {"/c/cpu/web", "", {"cpu"}, false, {}},
          {"/c/pids/web", "", {"pids"}, false, {}},
          {"/c/blkio/web", "", {"blkio"}, false, {}}};
}
std::vector<plan::CgroupDirectory> v2() {
  return {{"/c/web", "", {"memory", "cpu", "pids", "io"}, true, {}}};
}

std::string show(const Result<plan::Update>& made) {
  if (!made.ok()) return "error: " + made.error().message;
  std::string text;
  for (const plan::CgroupDirectory& directory : made.value().cgroup.directories)
    for (const plan::CgroupWrite& write : directory.writes)
      text += str::cat(write.file, "=", write.value, write.optional ? "?" : "", "\n");
  return text;
}

oci::Resources memory(std::optional<int64_t> limit, std::optional<int64_t> swap) {
  oci::Resources resources;
  resources.memory.emplace();
  resources.memory->limit = limit;
  resources.memory->swap = swap;
  return resources;
}
oci::Resources cpu(std::optional<int64_t> quota, std::optional<uint64_t> period) {
  oci::Resources resources;
  resources.cpu.emplace();
  resources.cpu->quota = quota;
  resources.cpu->period = period;
  return resources;
}
oci::Resources cpu_burst(uint64_t burst) {
  oci::Resources resources;
  resources.cpu = oci::Cpu{.burst = burst};
  return resources;
}

}  // namespace

Test(update, writes_what_is_asked_for) {
  const struct {
    oci::Resources recorded, change;
    bool v2;
    const char* want;
  } cases[] = {
      {memory(100, 200), memory(150, {}), false, "memory.limit_in_bytes=150\n"},
      // The difference has to follow.
      {memory(100, 200), memory(150, {}), true, "memory.max=150\nmemory.swap.max=50\n"},
      {memory(100, {}), memory({}, 300), true, "memory.max=100\nmemory.swap.max=200\n"},
      {memory({}, {}), memory({}, 300), true,
       "error: linux.resources.memory.swap: on cgroup v2 a limit of memory and swap needs one of memory as "
       "well"},
      {memory(100, 200), memory(-1, {}), false,
       "memory.limit_in_bytes=-1\nmemory.memsw.limit_in_bytes=-1?\n"},
      {memory(100, 200), memory(-1, {}), true, "memory.max=max\nmemory.swap.max=max?\n"},
      {memory(100, 200), memory(250, {}), false,
       "error: linux.resources.memory.swap: memory and swap together would be limited to 200 bytes, below "
       "the 250 of "
       "memory alone; change both at once"},
      {memory(100, 200), memory(0, 0), false, ""},
      {cpu(5000, 10000), cpu({}, 20000), false, "cpu.cfs_period_us=20000\n"},
      {cpu(5000, 10000), cpu({}, 20000), true, "cpu.max=5000 20000\n"},
      {cpu(5000, 10000), cpu(6000, {}), true, "cpu.max=6000 10000\n"},
      {cpu({}, {}), cpu({}, 20000), true, "cpu.max=max 20000\n"},
      {cpu(5000, 10000), cpu(-1, {}), true, "cpu.max=max 10000\n"},
      {cpu(5000, 10000), cpu(0, 0), true, ""},
      {cpu_burst(7), cpu(5000, {}), true, "cpu.max=5000\ncpu.max.burst=7\n"},
  };
  for (const auto& c : cases) {
    const std::string got = show(plan::make_update(c.recorded, c.change, c.v2 ? v2() : v1()));
    cr_expect_str_eq(got.c_str(), c.want, "%s\n%s", got.c_str(), c.want);
  }
}

// The kernel takes no weight from what is idle.
Test(update, is_idle_or_has_a_weight) {
  const auto cpu_of = [](std::optional<uint64_t> shares, std::optional<int64_t> idle) {
    oci::Resources resources;
    resources.cpu = oci::Cpu{.shares = shares, .idle = idle};
    return resources;
  };
  const auto unified = [](std::map<std::string, std::string> files) {
    oci::Resources resources;
    resources.unified = std::move(files);
    return resources;
  };
  const struct {
    oci::Resources recorded, change;
    bool v2;
    const char* want;
  } cases[] = {
      {cpu_of({}, {}), cpu_of(1024, {}), true, "cpu.idle=0?\ncpu.weight=100\n"},
      {cpu_of({}, 1), cpu_of(1024, {}), false, "cpu.idle=0?\ncpu.shares=1024\n"},
      {cpu_of({}, {}), cpu_of(1024, 1), true, "cpu.idle=1\n"},
      {cpu_of({}, {}), cpu_of(1024, 1), false, "cpu.idle=1\n"},
      {cpu_of(1024, {}), cpu_of({}, 1), true, "cpu.idle=1\n"},
      {cpu_of(1024, 1), cpu_of({}, 0), true, "cpu.idle=0\ncpu.weight=100\n"},
      {cpu_of({}, 1), cpu_of({}, 0), true, "cpu.idle=0\n"},
      {cpu_of({}, {}), unified({{"cpu.idle", "1"}, {"cpu.weight", "8"}}), true, "cpu.idle=1\n"},
      {unified({{"cpu.idle", "1"}}), unified({{"cpu.weight", "8"}}), true, "cpu.idle=0?\ncpu.weight=8\n"},
  };
  for (const auto& c : cases) {
    const std::string got = show(plan::make_update(c.recorded, c.change, c.v2 ? v2() : v1()));
    cr_expect_str_eq(got.c_str(), c.want, "%s\n%s", got.c_str(), c.want);
  }
  const plan::Update both = plan::make_update({}, cpu_of(1024, 1), v2()).take();
  cr_assert_eq(both.cgroup.warnings.size(), 1U);
  cr_expect_str_eq(
      both.cgroup.warnings.front().c_str(),
      "linux.resources.cpu.shares: unable to apply both this and linux.resources.cpu.idle, as what is idle "
      "has no weight of its own, ignoring");
  cr_expect(plan::make_update(cpu_of({}, 1), cpu_of(1024, {}), v2()).take().resources.cpu->idle == 0);
  cr_expect(plan::make_update(unified({{"cpu.idle", "1"}}), cpu_of(1024, {}), v2())
                .take()
                .resources.unified.empty());
}

Test(update, is_recorded) {
  oci::Resources recorded = memory(100, 200);
  recorded.block_io.emplace();
  recorded.block_io->throttle_read_bps_device = {{8, 0, 1}, {8, 16, 2}, {8, 0, 3}};
  recorded.block_io->weight_device = {{8, 0, 100, 200}};
  oci::Resources change = memory({}, {});
  change.memory->reservation = 50;
  change.pids = oci::Pids{0};
  change.block_io.emplace();
  change.block_io->throttle_read_bps_device = {{8, 0, 7}, {8, 32, 9}};
  change.block_io->weight_device = {{8, 0, {}, 300}};
  const plan::Update update = plan::make_update(recorded, change, v1()).take();
  cr_expect(update.resources.memory->limit == 100);
  cr_expect(update.resources.memory->reservation == 50);
  cr_expect(update.resources.pids->limit == 0);
  const std::vector<oci::ThrottleDevice> rates = {{8, 0, 1}, {8, 16, 2}, {8, 0, 7}, {8, 32, 9}};
  cr_expect(update.resources.block_io->throttle_read_bps_device == rates,
            "the last of two is the one that counts");
  const std::vector<oci::WeightDevice> weights = {{8, 0, 100, 300}};
  cr_expect(update.resources.block_io->weight_device == weights);
  cr_expect(!plan::make_update(recorded, memory(-1, {}), v1()).take().resources.memory->swap,
            "both limits have gone");
}

Test(update, device_rules_stay) {
  oci::Resources recorded, change;
  recorded.devices = {{.allow = false}};
  change.devices = {{.allow = true}};
  const std::string refused = show(plan::make_update(recorded, change, v1()));
  cr_expect(refused.starts_with("error: linux.resources.devices: the rules of a container"), "%s",
            refused.c_str());
  cr_expect(plan::make_update(recorded, recorded, v1()).ok());
}

Test(update, the_oom_killer_comes_back) {
  oci::Resources recorded, change;
  recorded.memory.emplace();
  change.memory.emplace();
  change.memory->disable_oom_killer = false;
  const std::string nothing = show(plan::make_update(recorded, change, v1()));
  cr_expect_str_eq(nothing.c_str(), "");
  recorded.memory->disable_oom_killer = true;
  const std::string on = show(plan::make_update(recorded, change, v1()));
  cr_expect_str_eq(on.c_str(), "memory.oom_control=0\n");
}

Test(update, asks_what_is_in_use_before_v2_takes_it) {
  oci::Resources change = memory(100, 300);
  cr_expect(!plan::make_update({}, change, v2()).take().check);
  change.memory->check_before_update = true;
  const auto check = plan::make_update({}, change, v2()).take().check;
  cr_assert(check.has_value());
  cr_expect_str_eq(check->directory.c_str(), "/c/web");
  cr_expect_eq(check->limit, 100);
  cr_expect_eq(check->memory_and_swap, 300);
  cr_expect(!plan::make_update({}, change, v1()).take().check, "v1 refuses by itself");
}

Test(update, long_lists_are_merged_entry_by_entry, .timeout = 300) {
  constexpr int64_t kMany = 120'000;
  oci::Resources recorded, change;
  auto& old = recorded.block_io.emplace().throttle_read_bps_device;
  auto& fresh = change.block_io.emplace().throttle_read_bps_device;
  for (int64_t i = 0; i < kMany; ++i) {
    old.push_back({8, i, 1});
    fresh.push_back({8, kMany / 2 + i, 2});
  }
  const auto made = plan::make_update(recorded, change, v1());
  cr_assert(made.ok(), "%s", made.ok() ? "" : made.error().message.c_str());
  const auto& all = made.value().resources.block_io->throttle_read_bps_device;
  cr_assert_eq(all.size(), static_cast<size_t>(kMany + kMany / 2));
  cr_expect(all.front() == (oci::ThrottleDevice{8, 0, 1}));
  cr_expect(all[kMany - 1] == (oci::ThrottleDevice{8, kMany - 1, 2}));
  cr_expect(all.back() == (oci::ThrottleDevice{8, kMany / 2 + kMany - 1, 2}));
}
