#include <criterion/criterion.h>

#include "runtime/plan/cgroup.h"
#include "tests/unit/support/expect.h"

namespace {

enum class Kind3 { v1, v2, hybrid };

plan::CgroupHost host(Kind3 kind) {
  const std::vector<plan::HostHierarchy> v1 = {
      {"/c/memory", {"memory"}, false},   {"/c/cpu", {"cpu", "cpuacct"}, false},
      {"/c/cpuset", {"cpuset"}, false},   {"/c/pids", {"pids"}, false},
      {"/c/devices", {"devices"}, false}, {"/c/blkio", {"blkio"}, false}};
  plan::CgroupHost host;
  if (kind == Kind3::v2) {
    host.hierarchies = {{"/c", {"cpuset", "cpu", "io", "memory", "pids", "hugetlb"}, true}};
    return host;
  }
  host.hierarchies = v1;
  if (kind == Kind3::hybrid) host.hierarchies.push_back({"/c/unified", {"hugetlb"}, true});
  return host;
}

oci::Config config(const oci::Resources& resources, std::optional<std::string> path = "/box") {
  oci::Config config;
  config.linux_ = oci::Linux{};
  config.linux_->resources = resources;
  config.linux_->cgroups_path = std::move(path);
  return config;
}

// Every write as "directory/file=value"; optional ones end with '?'.  Device rules, which every container gets, only
// where they are what is asked about.
std::string show(const Result<plan::Cgroup>& made, bool devices) {
  if (!made.ok()) return "error: " + made.error().message;
  std::string text;
  for (const plan::CgroupDirectory& directory : made.value().directories)
    for (const plan::CgroupWrite& write : directory.writes)
      if (devices || !write.file.starts_with("devices."))
        text += str::cat(directory.mount_point, directory.path, "/", write.file, "=", write.value,
                         write.optional ? "?" : "", "\n");
  return text;
}

std::string make(const oci::Resources& resources, Kind3 kind) {
  const bool devices = !resources.devices.empty();
  return show(plan::make_cgroup(config(resources), "id", host(kind), false), devices);
}

oci::Resources memory(const oci::Memory& memory) {
  oci::Resources resources;
  resources.memory = memory;
  return resources;
}
oci::Resources cpu(const oci::Cpu& cpu) {
  oci::Resources resources;
  resources.cpu = cpu;
  return resources;
}
oci::Resources pids(int64_t limit) {
  oci::Resources resources;
  resources.pids = oci::Pids{limit};
  return resources;
}
oci::Resources throttle(uint64_t rate) {
  oci::Resources resources;
  resources.block_io = oci::BlockIo{};
  resources.block_io->weight = 500;
  resources.block_io->throttle_read_bps_device = {{8, 0, rate}};
  return resources;
}
oci::Resources pages(const char* size) {
  oci::Resources resources;
  resources.hugepage_limits = {{size, 4096}};
  return resources;
}
oci::Resources unified(const char* file, const char* value) {
  oci::Resources resources;
  resources.unified[file] = value;
  return resources;
}

}  // namespace

Test(cgroup, writes) {
  const struct {
    oci::Resources resources;
    const char *v1, *v2;
  } cases[] = {
      {memory({.limit = 1024, .reservation = 512, .swap = 4096}),
       "/c/memory/box/memory.limit_in_bytes=1024\n/c/memory/box/memory.soft_limit_in_bytes=512\n"
       "/c/memory/box/memory.memsw.limit_in_bytes=4096\n",
       "/c/box/memory.max=1024\n/c/box/memory.low=512\n/c/box/memory.swap.max=3072\n"},
      {memory({.limit = -1, .swap = -1}),
       "/c/memory/box/memory.limit_in_bytes=-1\n/c/memory/box/memory.memsw.limit_in_bytes=-1\n",
       "/c/box/memory.max=max\n/c/box/memory.swap.max=max?\n"},
      {memory({.limit = 0, .reservation = 0, .swap = 0}), "", ""},
      {memory({.kernel = 5, .kernel_tcp = 6}),
       "/c/memory/box/memory.kmem.limit_in_bytes=5?\n/c/memory/box/memory.kmem.tcp.limit_in_bytes=6?\n", ""},
      {memory({.swappiness = 10}), "/c/memory/box/memory.swappiness=10\n",
       "error: linux.resources.memory.swappiness: exists only in cgroup v1, and this host has 'memory' in "
       "v2"},
      {cpu({.shares = 1024, .period = 100000, .quota = 50000}),
       "/c/cpu/box/cpu.shares=1024\n/c/cpu/box/cpu.cfs_period_us=100000\n/c/cpu/box/cpu.cfs_quota_us=50000\n",
       "/c/box/cpu.weight=100\n/c/box/cpu.max=50000 100000\n"},
      {cpu({.quota = -1}), "/c/cpu/box/cpu.cfs_quota_us=-1\n", "/c/box/cpu.max=max\n"},
      {cpu({.period = 5000}), "/c/cpu/box/cpu.cfs_period_us=5000\n", "/c/box/cpu.max=max 5000\n"},
      {cpu({.shares = 0, .period = 0, .quota = 0}), "", ""},
      {cpu({.cpus = "0-1", .mems = "0"}), "/c/cpuset/box/cpuset.cpus=0-1\n/c/cpuset/box/cpuset.mems=0\n",
       "/c/box/cpuset.cpus=0-1\n/c/box/cpuset.mems=0\n"},
      {pids(0), "/c/pids/box/pids.max=1\n", "/c/box/pids.max=1\n"},
      {pids(-1), "/c/pids/box/pids.max=max\n", "/c/box/pids.max=max\n"},
      {pids(9), "/c/pids/box/pids.max=9\n", "/c/box/pids.max=9\n"},
      {throttle(100), "/c/blkio/box/blkio.weight=500\n/c/blkio/box/blkio.throttle.read_bps_device=8:0 100\n",
       "/c/box/io.bfq.weight=500\n/c/box/io.max=8:0 rbps=100\n"},
      {throttle(0), "/c/blkio/box/blkio.weight=500\n/c/blkio/box/blkio.throttle.read_bps_device=8:0 0\n",
       "/c/box/io.bfq.weight=500\n/c/box/io.max=8:0 rbps=max\n"},
      {pages("2MB"),
       "error: linux.resources.hugepageLimits[0]: this host has no 'hugetlb' cgroup controller; "
       "remove the property or mount the controller",
       "/c/box/hugetlb.2MB.rsvd.max=4096?\n/c/box/hugetlb.2MB.max=4096\n"},
      {unified("memory.high", "7"),
       "error: linux.resources.unified['memory.high']: this host has no cgroup v2", "/c/box/memory.high=7\n"},
  };
  for (const auto& c : cases) {
    expect_text(make(c.resources, Kind3::v1), c.v1, "v1");
    expect_text(make(c.resources, Kind3::v2), c.v2, "v2");
  }
}

Test(cgroup, a_hybrid_host_takes_each_controller_where_it_is) {
  expect_text(make(pids(9), Kind3::hybrid), "/c/pids/box/pids.max=9\n");
  expect_text(make(pages("2MB"), Kind3::hybrid),
              "/c/unified/box/hugetlb.2MB.rsvd.max=4096?\n/c/unified/box/hugetlb.2MB.max=4096\n");
  expect_text(make(unified("memory.high", "7"), Kind3::hybrid),
              "error: linux.resources.unified['memory.high']: the controller 'memory' is not available in "
              "this host's cgroup v2");
}

Test(cgroup, refused_on_v2) {
  expect_text(make(memory({.swap = 4096}), Kind3::v2),
              "error: linux.resources.memory.swap: on cgroup v2 a limit of memory and swap needs "
              "one of memory as well");
  for (const char* name : {"memory", "../memory.max", "a.b/c", ""}) {
    const std::string got = make(unified(name, "1"), Kind3::v2);
    cr_expect(got.starts_with("error: linux.resources.unified['"), "%s: %s", name, got.c_str());
  }
}

Test(cgroup, paths) {
  const struct {
    std::optional<std::string> given;
    const char* want;
  } cases[] = {
      {"/a/b", "/a/b"},    {"a/b", "/runtime/a/b"}, {std::nullopt, "/runtime-id"},
      {"", "/runtime-id"}, {"/", nullptr},          {"///", nullptr},
  };
  for (const auto& c : cases) {
    const auto made = plan::make_cgroup(config({}, c.given), "id", host(Kind3::hybrid), false);
    cr_expect(made.ok() == (c.want != nullptr), "%s", c.given.value_or("(none)").c_str());
    if (!made.ok() || !c.want) continue;
    for (const plan::CgroupDirectory& directory : made.value().directories)
      expect_text(directory.path, c.want);
    cr_expect(made.value().directories.size() == 7);
  }
}

Test(cgroup, hierarchy_of_memory) {
  const struct {
    bool wanted;
    Kind3 kind;
    const char* want;
  } cases[] = {
      {true, Kind3::v1, "memory.use_hierarchy=1"},
      {false, Kind3::v1, "memory.use_hierarchy=0"},
      {true, Kind3::v2, ""},
      {false, Kind3::v2, "linux.resources.memory.useHierarchy: on cgroup v2"},
  };
  for (const auto& c : cases) {
    const std::string made = make(memory({.use_hierarchy = c.wanted}), c.kind);
    cr_expect(*c.want ? made.find(c.want) != std::string::npos : made.empty(), "%s", made.c_str());
  }
}

Test(cgroup, entries_that_say_nothing) {
  oci::Resources weights;
  weights.block_io = oci::BlockIo{.weight_device = {{8, 0, {}, {}}}};
  expect_text(make(weights, Kind3::v2),
              "error: linux.resources.blockIO.weightDevice[0]: needs 'weight' or 'leafWeight'");
  oci::Resources rdma;
  rdma.rdma["mlx5_1"] = {};
  expect_text(make(rdma, Kind3::v2),
              "error: linux.resources.rdma['mlx5_1']: needs 'hcaHandles' or 'hcaObjects'");
}

// The kernel takes one device at a time.
Test(cgroup, lines_of_unified) {
  oci::Resources resources;
  resources.unified = {{"memory.high", "1\n"}, {"memory.max", "1 a\n\n2 b"}, {"memory.low", ""}};
  const std::string made = make(resources, Kind3::v2);
  for (const char* want : {"/memory.high=1\n", "/memory.max=1 a\n", "/memory.max=2 b\n", "/memory.low=\n"})
    cr_expect(made.find(want) != std::string::npos, "%s in\n%s", want, made.c_str());
  cr_expect_eq(std::count(made.begin(), made.end(), '\n'), 4, "%s", made.c_str());
}

Test(cgroup, owner) {
  oci::Config base = config({});
  base.mounts.push_back(
      {.destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup", .options = {"rw"}});
  base.linux_->namespaces = {{oci::NamespaceType::cgroup, {}}};
  base.process.emplace().user.uid = 5;
  const auto owner = [](const oci::Config& config, Kind3 kind = Kind3::v2) -> std::string {
    const auto made = plan::make_cgroup(config, "id", host(kind), false);
    if (!made.ok()) return made.error().message;
    return made.value().owner ? str::cat(*made.value().owner) : "none";
  };
  expect_text(owner(base), "5");
  expect_text(owner(base, Kind3::hybrid), "none");
  expect_text(owner(base, Kind3::v1), "none");
  oci::Config mapped = base;
  mapped.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
  mapped.linux_->uid_mappings = {{0, 1000, 1}, {1, 200000, 9}};
  expect_text(owner(mapped), "200004");
  oci::Config joined = mapped;
  joined.linux_->namespaces.back().path = "/proc/1/ns/user";
  expect_text(owner(joined), "none");
  mapped.process->user.uid = 50;
  expect_text(owner(mapped), "none");
  oci::Config read_only = base;
  read_only.mounts[0].options.push_back("ro");
  expect_text(owner(read_only), "none");
  oci::Config elsewhere = base;
  elsewhere.mounts[0].destination = "/cgroup";
  expect_text(owner(elsewhere), "none");
  oci::Config shared = base;
  shared.linux_->namespaces[0].path = "/proc/1/ns/cgroup";
  expect_text(owner(shared), "none");
  shared.linux_->namespaces.clear();
  expect_text(owner(shared), "none");
}

Test(cgroup, without_rights) {
  plan::CgroupHost mine = host(Kind3::v2);
  mine.writable = false;
  const auto nothing = plan::make_cgroup(config({}), "id", mine, false);
  cr_assert(nothing.ok());
  cr_expect(nothing.value().directories.empty());
  const auto limit = plan::make_cgroup(config(pids(5)), "id", mine, false);
  cr_assert(!limit.ok());
  cr_expect(limit.error().kind == Kind::denied);
  const auto said = [](Kind3 kind) {
    plan::CgroupHost theirs = host(kind);
    theirs.writable = false;
    return plan::make_cgroup(config(pids(5)), "id", theirs, false).take_error().message;
  };
  cr_expect(said(Kind3::v2).find("systemd-run --user --scope") != std::string::npos);
  cr_expect(said(Kind3::v1).find("systemd.unified_cgroup_hierarchy=1") != std::string::npos);
}

Test(cgroup, a_user_has_what_was_delegated) {
  plan::CgroupHost mine = host(Kind3::v2);
  mine.delegated = "/user.slice/me";
  mine.hierarchies.front() = {"/c/user.slice/me", {"memory", "pids"}, true};
  mine.tolerant = true;
  mine.gives_away = false;
  const auto path = [&](std::optional<std::string> asked) {
    oci::Config from = config(pids(5));
    from.linux_->cgroups_path = std::move(asked);
    const auto made = plan::make_cgroup(from, "id", mine, false);
    return made.ok() ? made.value().directories.front().mount_point + made.value().directories.front().path
                     : made.error().message;
  };
  expect_text(path({}), "/c/user.slice/me/runtime-id");
  expect_text(path("web"), "/c/user.slice/me/runtime/web");
  expect_text(path("/pod/web"), "/c/user.slice/me/pod/web");
  expect_text(path("/user.slice/me/web"), "/c/user.slice/me/web");
  expect_text(path("/user.slice/men/web"), "/c/user.slice/me/user.slice/men/web");
  oci::Resources cpu;
  cpu.cpu = oci::Cpu{.shares = 512};
  const auto refused = plan::make_cgroup(config(cpu), "id", mine, false);
  cr_assert(!refused.ok());
  cr_expect(
      refused.error().message.find("linux.resources.cpu.shares: the controller 'cpu' was not given") == 0,
      "%s", refused.error().message.c_str());
  cr_expect(refused.error().message.find("systemctl edit user@.service") != std::string::npos);
}

Test(cgroup, what_may_not_be_made_is_done_without) {
  plan::CgroupHost confined = host(Kind3::v1);
  cr_expect(!plan::make_cgroup(config({}), "id", confined, false).value().tolerant);
  confined.tolerant = true;
  confined.device_rules = false;
  cr_expect(plan::make_cgroup(config({}), "id", confined, false).value().tolerant);
  cr_expect(!plan::make_cgroup(config(pids(5)), "id", confined, false).value().tolerant,
            "limits have to hold");
  oci::Resources devices;
  devices.devices = {{false, {}, {}, {}, "rwm"}};
  const auto made = plan::make_cgroup(config(devices), "id", confined, false);
  cr_assert(made.ok());
  cr_expect(made.value().tolerant);
  for (const plan::CgroupDirectory& directory : made.value().directories)
    cr_expect(directory.writes.empty(), "%s", directory.mount_point.c_str());
  const size_t all = made.value().directories.size();
  confined.hierarchies.front().writable = false;
  cr_expect(plan::make_cgroup(config({}), "id", confined, false).value().directories.size() == all - 1);
  cr_expect(plan::make_cgroup(config(pids(5)), "id", confined, false).value().directories.size() == all);
}

Test(cgroup, device_lines) {
  const struct {
    oci::DeviceRule rule;
    const char* want;
  } cases[] = {
      {{true, "c", 1, 3, "rw"}, "c 1:3 rw|"},
      {{true, "b", 8, {}, "r"}, "b 8:* r|"},
      {{true, "c", -1, -1, "m"}, "c *:* m|"},
      {{false, {}, {}, {}, "rwm"}, "a|"},
      {{false, "a", {}, {}, {}}, "a|"},
      {{false, "a", {}, {}, "mwr"}, "a|"},
      {{true, {}, 1, 3, "rwm"}, "c 1:3 rwm|b 1:3 rwm|"},
      {{false, "a", {}, {}, "w"}, "c *:* w|b *:* w|"},
  };
  for (const auto& c : cases) {
    std::string got;
    for (const std::string& line : plan::device_lines(c.rule)) got += line + "|";
    expect_text(got, c.want);
  }
}

Test(cgroup, device_rules_come_before_the_default_ones) {
  oci::Resources resources;
  resources.devices = {{false, {}, {}, {}, "rwm"}};
  const std::string v1 = make(resources, Kind3::v1);
  cr_expect(v1.starts_with("/c/devices/box/devices.deny=a\n/c/devices/box/devices.allow=c *:* m\n"), "%s",
            v1.c_str());
  const auto v2 = plan::make_cgroup(config(resources), "id", host(Kind3::v2), false);
  cr_assert(v2.ok() && v2.value().device_filter);
  cr_expect(v2.value().device_filter->size() == 1 + plan::default_device_rules().size());
}

// As with runc: no rules means the default devices and no others.
Test(cgroup, without_device_rules_only_the_default_devices_are_allowed) {
  oci::Resources denied;
  denied.devices = {{.allow = false}};
  const auto none = plan::make_cgroup(config({}), "id", host(Kind3::v2), false);
  const auto same = plan::make_cgroup(config(denied), "id", host(Kind3::v2), false);
  cr_assert(none.ok() && same.ok() && none.value().device_filter);
  cr_expect(*none.value().device_filter == *same.value().device_filter);
  expect_text(show(plan::make_cgroup(config({}), "id", host(Kind3::v1), false), true),
              make(denied, Kind3::v1));
}

Test(cgroup, weight_of_shares) {
  cr_expect(plan::weight_of_shares(0) == 1);
  cr_expect(plan::weight_of_shares(2) == 1);
  cr_expect(plan::weight_of_shares(1024) == 100);
  cr_expect(plan::weight_of_shares(262144) == 10000);
  cr_expect(plan::weight_of_shares(UINT64_MAX) == 10000);
  uint64_t last = 0;
  for (uint64_t shares = 2; shares <= 262144; shares += 7) {
    const uint64_t weight = plan::weight_of_shares(shares);
    cr_assert(weight >= last && weight >= 1 && weight <= 10000, "%lu", static_cast<unsigned long>(shares));
    last = weight;
  }
}

Test(cgroup, shares_that_v1_would_change_are_refused) {
  for (const uint64_t shares : {1ULL, 262145ULL}) {
    const std::string got = make(cpu({.shares = shares}), Kind3::v1);
    const std::string want =
        str::cat("error: linux.resources.cpu.shares: ", shares, " is out of range 2..262144");
    cr_expect_str_eq(got.c_str(), want.c_str());
    cr_expect(plan::make_cgroup(config(cpu({.shares = shares})), "id", host(Kind3::v2), false).ok());
  }
}

Test(cgroup, weights_know_both_schedulers) {
  const struct {
    uint16_t weight;
    const char* v2_other;
  } cases[] = {{10, "1"}, {100, "910"}, {500, "4950"}, {1000, "10000"}};
  for (const auto& c : cases) {
    oci::Resources resources;
    resources.block_io = oci::BlockIo{.weight = c.weight};
    for (const Kind3 kind : {Kind3::v1, Kind3::v2}) {
      const plan::Cgroup made = plan::make_cgroup(config(resources), "id", host(kind), false).take();
      for (const plan::CgroupDirectory& directory : made.directories)
        for (const plan::CgroupWrite& write : directory.writes) {
          if (write.property != "linux.resources.blockIO.weight") continue;
          const std::string same = str::cat(c.weight);
          cr_expect_str_eq(write.other_file.c_str(), kind == Kind3::v1 ? "blkio.bfq.weight" : "io.weight");
          cr_expect_str_eq(write.other_value.c_str(), kind == Kind3::v1 ? same.c_str() : c.v2_other);
        }
    }
  }
}

Test(cgroup, kernel_memory_is_warned_of) {
  const plan::Cgroup made =
      plan::make_cgroup(config(memory({.kernel = 5})), "id", host(Kind3::v2), false).take();
  cr_assert_eq(made.warnings.size(), 1);
  cr_expect(made.warnings[0].starts_with("linux.resources.memory.kernel: "), "%s", made.warnings[0].c_str());
}
