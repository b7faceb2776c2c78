#include <criterion/criterion.h>

#include "runtime/plan/systemd.h"
#include "tests/unit/support/expect.h"

namespace {

plan::CgroupHost host(bool v2) {
  plan::CgroupHost host;
  if (v2)
    host.hierarchies = {{"/c", {"cpuset", "cpu", "io", "memory", "pids"}, true}};
  else
    host.hierarchies = {{"/c/memory", {"memory"}, false},
                        {"/c/cpu", {"cpu"}, false},
                        {"/c/pids", {"pids"}, false},
                        {"/c/blkio", {"blkio"}, false},
                        {"/c/devices", {"devices"}, false}};
  return host;
}

std::string show(const systemd::Property& property) {
  return str::cat(property.name, "=", property.signature, ":",
                  str::join({property.values.begin(), property.values.end()}, ","));
}

std::string unit(const char* path, const char* id = "web",
                 const std::optional<std::string>& user_manager = std::nullopt) {
  const auto made = plan::make_unit(path, id, {}, user_manager);
  if (!made.ok()) return "error: " + made.error().message;
  std::string where;
  for (const systemd::Property& property : made.value().properties)
    if (property.name == "Slice" || property.name == "Wants" || property.name == "Delegate")
      where += " " + show(property);
  return str::cat(made.value().known_as.name, " ", made.value().cgroup, where);
}

std::string annotated(const char* key, const char* value) {
  const auto made = plan::make_unit("", "web", {{key, value}}, std::nullopt);
  return made.ok() ? show(made.value().properties.back()) : "error: " + made.error().message;
}

// What is told to systemd of `resources`, without what every unit gets.
std::string limits(const oci::Resources& resources, bool v2) {
  oci::Config config;
  config.linux_.emplace().resources = resources;
  const auto made = plan::make_cgroup(config, "web", host(v2), true);
  if (!made.ok()) return "error: " + made.error().message;
  std::string text;
  for (const systemd::Property& property : plan::limit_properties(made.value()))
    text += str::cat(text.empty() ? "" : " ", show(property));
  return text;
}

std::string devices(const std::vector<oci::DeviceRule>& rules) {
  std::string text;
  for (const systemd::Property& property : plan::device_properties(rules))
    text += str::cat(text.empty() ? "" : " ", show(property));
  return text;
}

constexpr const char* kExpected =
    "; with the systemd cgroup manager it is SLICE:PREFIX:NAME, such as system.slice:runtime:web";

}  // namespace

Test(systemd, units) {
  expect_text(unit(""),
              "runtime-web.scope /system.slice/runtime-web.scope Slice=s:system.slice Delegate=b:true");
  expect_text(unit("a-b.slice:cri:x"),
              "cri-x.scope /a.slice/a-b.slice/cri-x.scope Slice=s:a-b.slice Delegate=b:true");
  expect_text(unit(":libpod:x"),
              "libpod-x.scope /system.slice/libpod-x.scope Slice=s:system.slice Delegate=b:true");
  expect_text(unit("-.slice::x"), "x.scope /x.scope Slice=s:-.slice Delegate=b:true");
  expect_text(unit("machine.slice:p:pod-1.slice"),
              "pod-1.slice /pod.slice/pod-1.slice Wants=as:machine.slice");
  expect_text(
      unit("", "a+b"),
      "runtime-a\\x2bb.scope /system.slice/runtime-a\\x2bb.scope Slice=s:system.slice Delegate=b:true");
  expect_text(unit("", "web", "/user.slice/user-1.slice/user@1.service"),
              "runtime-web.scope /user.slice/user-1.slice/user@1.service/user.slice/runtime-web.scope "
              "Slice=s:user.slice Delegate=b:true");
}

Test(systemd, paths_that_are_none) {
  const struct {
    std::string given, want;
  } cases[] = {
      {"/a/b", "'/a/b' has not the three parts that systemd needs"},
      {"a.slice:b", "'a.slice:b' has not the three parts that systemd needs"},
      {"a.slice:b:c:d", "'a.slice:b:c:d' has not the three parts that systemd needs"},
      {"a.slice:b:../c", "'a.slice:b:../c' has not the three parts that systemd needs"},
      {"a.slice:b:", "'a.slice:b:' has no name behind the last colon"},
      {"a:b:c", "'a:b:c' names no slice ('a')"},
      {"a b.slice:b:c", "'a b.slice:b:c' names no slice ('a b.slice')"},
      {"a--b.slice:b:c", "'a--b.slice:b:c' has a slice that nests in nothing ('a--b.slice')"},
      {"-a.slice:b:c", "'-a.slice:b:c' has a slice that nests in nothing ('-a.slice')"},
  };
  for (const auto& c : cases)
    expect_text(unit(c.given.c_str()), "error: linux.cgroupsPath: " + c.want + kExpected);
  const std::string wanted = unit(("a.slice:b:" + std::string(260, 'x')).c_str());
  cr_expect(wanted.find("would be a unit's name of more than 255 bytes") != std::string::npos, "%s",
            wanted.c_str());
}

Test(systemd, annotations) {
  expect_text(annotated("org.systemd.property.CollectMode", "'inactive-or-failed'"),
              "CollectMode=s:inactive-or-failed");
  expect_text(annotated("org.systemd.property.TimeoutStopUSec", "uint64 123000000"),
              "TimeoutStopUSec=t:123000000");
  expect_text(annotated("org.systemd.property.TimeoutStopSec", "123"), "TimeoutStopUSec=t:123000000");
  expect_text(annotated("org.systemd.property.KillSignal", "15"), "KillSignal=i:15");
  expect_text(annotated("org.systemd.property.SendSIGKILL", "false"), "SendSIGKILL=b:false");
  expect_text(annotated("org.systemd.property.After", "['a.service', 'b.service']"),
              "After=as:a.service,b.service");
  const struct {
    const char *key, *value, *want;
  } wrong[] = {
      {"CollectMode", "inactive", "expected 'text' in quotes, got 'inactive'"},
      {"TimeoutStopUSec", "'7'", "expected uint64 7, got ''7''"},
      {"TimeoutStopUSec", "int64 7", "expected uint64 7, got 'int64 7'"},
      {"TimeoutStopUSec", "-1", "expected uint64 7, got '-1'"},
      {"TimeoutStopSec", "18446744073709551", "expected uint64 7, got '18446744073709551'"},
      {"KillSignal", "4294967296", "expected 7, got '4294967296'"},
      {"SendSIGKILL", "1", "expected true or false, got '1'"},
      {"After", "'a'", "expected ['text', 'text'], got ''a''"},
  };
  for (const auto& w : wrong)
    expect_text(annotated(str::cat("org.systemd.property.", w.key).c_str(), w.value),
                str::cat("error: annotations['org.systemd.property.", w.key, "']: ", w.want));
}

// CVE-2024-3154.
Test(systemd, annotations_that_would_do_something) {
  for (const char* name :
       {"ExecStartPre", "ExecStart", "Requires", "Wants", "Conflicts", "OnFailure", "PIDs", "Slice",
        "Delegate", "DeviceAllow", "DevicePolicy", "User", "RootDirectory", "BindPaths", ""}) {
    const std::string said = annotated(str::cat("org.systemd.property.", name).c_str(), "'x'");
    cr_expect(said.find(str::cat("systemd's property '", name, "' cannot be set by an annotation")) !=
                  std::string::npos,
              "%s", said.c_str());
  }
}

Test(systemd, limits_follow_from_the_files) {
  oci::Resources r;
  r.memory = oci::Memory{.limit = 1000, .reservation = 500, .swap = 3000};
  expect_text(limits(r, true), "MemoryMax=t:1000 MemoryLow=t:500 MemorySwapMax=t:2000");
  expect_text(limits(r, false), "MemoryLimit=t:1000");
  r.memory = oci::Memory{.limit = -1};
  expect_text(limits(r, true), "MemoryMax=t:18446744073709551615 MemorySwapMax=t:18446744073709551615");
  r = {};
  r.cpu = oci::Cpu{.shares = 1024, .period = 100000, .quota = 12345};
  expect_text(limits(r, true), "CPUWeight=t:100 CPUQuotaPerSecUSec=t:130000 CPUQuotaPeriodUSec=t:100000");
  expect_text(limits(r, false), "CPUShares=t:1024 CPUQuotaPerSecUSec=t:130000 CPUQuotaPeriodUSec=t:100000");
  r.cpu = oci::Cpu{.quota = -1};
  expect_text(limits(r, true), "CPUQuotaPerSecUSec=t:18446744073709551615 CPUQuotaPeriodUSec=t:100000");
  r.cpu = oci::Cpu{.idle = 1};
  expect_text(limits(r, true), "CPUWeight=t:0");
  r.cpu = oci::Cpu{.idle = 0};
  expect_text(limits(r, true), "CPUWeight=t:18446744073709551615");
  r.cpu = oci::Cpu{.shares = 1024, .idle = 0};
  expect_text(limits(r, true), "CPUWeight=t:100");
  r.cpu = oci::Cpu{.cpus = "0-2,9", .mems = "0"};
  expect_text(limits(r, true), "AllowedCPUs=ay:7,2 AllowedMemoryNodes=ay:1");
  r = {};
  r.pids = oci::Pids{-1};
  expect_text(limits(r, true), "TasksMax=t:18446744073709551615");
  r.pids = oci::Pids{7};
  expect_text(limits(r, false), "TasksMax=t:7");
  r = {};
  r.block_io.emplace().throttle_read_bps_device = {{8, 0, 1000}, {8, 16, 0}};
  expect_text(limits(r, true),
              "IOReadBandwidthMax=a(st):/dev/block/8:0,1000 "
              "IOReadBandwidthMax=a(st):/dev/block/8:16,18446744073709551615");
  r.block_io = oci::BlockIo{.weight = 1000};
  expect_text(limits(r, true), "IOWeight=t:10000");
  r = {};
  r.unified = {{"memory.high", "max"}, {"memory.min", "77"}, {"memory.oom.group", "1"}};
  expect_text(limits(r, true), "MemoryHigh=t:18446744073709551615 MemoryMin=t:77");
}

Test(systemd, quotas_are_whole_percents) {
  const struct {
    const char *in, *want;
  } cases[] = {
      {"12345 100000", "13000 100000"},
      {"500000 900000", "504000 900000"},
      {"13000 100000", "13000 100000"},
      {"33333", "34000 100000"},
      {"max 50000", "max 50000"},
      {"max", "max"},
      {"7 0", "7 0"},
      {"18446744073709551615 100000", "18446744073709551615 100000"},
  };
  for (const auto& c : cases) {
    plan::Cgroup cgroup;
    cgroup.directories = {{"/c", "/web", {"cpu"}, true, {{.file = "cpu.max", .value = c.in}}}};
    plan::count_as_systemd(cgroup);
    expect_text(cgroup.directories.front().writes.front().value, c.want);
  }
}

Test(systemd, device_rules) {
  const oci::DeviceRule nothing{.allow = false}, null{true, "c", 1, 3, "rw"}, pts{true, "c", 136, -1, "rwm"},
      nodes{true, "b", -1, -1, "m"}, both{true, "a", 10, 200, ""};
  expect_text(
      devices({nothing, null, pts, nodes, both}),
      "DevicePolicy=s:strict DeviceAllow=a(ss): DeviceAllow=a(ss):/dev/char/1:3,rw,char-136,rwm,block-*,m,"
      "/dev/char/10:200,rwm,/dev/block/10:200,rwm");
  // What was said before everything was forbidden counts no more.
  expect_text(devices({null, nothing, nodes}),
              "DevicePolicy=s:strict DeviceAllow=a(ss): DeviceAllow=a(ss):block-*,m");
  // Not to be said: everything but one; a minor of any major.
  expect_text(devices({nothing, null, {false, "c", 1, 3, "w"}}), "");
  expect_text(devices({null}), "");
  expect_text(devices({nothing, {true, "c", -1, 3, "rw"}}), "");
}

Test(systemd, requests_are_read_as_they_were_written) {
  const systemd::Request request{.verb = systemd::Verb::set,
                                 .unit = "a\\x2b.scope",
                                 .user = true,
                                 .pid = 7,
                                 .properties = {{"MemoryMax", "t", {"18446744073709551615"}, 0},
                                                {"DeviceAllow", "a(ss)", {"/dev/null", "rw"}, 252}},
                                 .limit_ms = 30000};
  const auto read = systemd::parse_request(systemd::encode(request));
  cr_assert(read.ok());
  cr_expect(read.value() == request);
}
