#include <criterion/criterion.h>

#include <cstdlib>

#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/config.h"
#include "spec/defaults.h"
#include "spec/inspection.h"
#include "tests/unit/support/expect.h"

namespace {

constexpr size_t kLimit = size_t{1} << 20;

std::string read(const std::string& path) {
  Result<std::string> text = files::read(Fd::cwd(), path.c_str(), kLimit);
  cr_assert(text.ok(), "%s: %s", path.c_str(), text.ok() ? "" : text.error().message.c_str());
  return std::move(text).take();
}

// The names, without ".json", of the documents in tests/data/config/<dir>.
std::vector<std::string> documents(const std::string& dir) {
  Result<UniqueFd> fd = sys::open(dir.c_str(), O_RDONLY | O_DIRECTORY);
  cr_assert(fd.ok(), "%s must be there: tests run from the top directory", dir.c_str());
  Result<std::vector<sys::Entry>> entries = sys::list(fd.value());
  cr_assert(entries.ok());
  std::vector<std::string> names;
  for (const sys::Entry& entry : entries.value())
    if (entry.name.ends_with(".json")) names.push_back(entry.name.substr(0, entry.name.size() - 5));
  return names;
}

std::string show(const Result<oci::Checked<oci::Config>>& result) {
  if (!result.ok()) return result.error().message + "\n";
  std::string text = "accepted\n";
  for (const std::string& warning : result.value().warnings) text += warning + "\n";
  return text;
}

// Compares with a golden file; UPDATE=1 accepts what there is now.
void expect_golden(const std::string& path, const std::string& text) {
  if (std::getenv("UPDATE")) {
    const size_t slash = path.rfind('/');
    Result<UniqueFd> dir = sys::open(path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY);
    cr_assert(dir.ok());
    cr_assert(files::replace(dir.value(), path.substr(slash + 1).c_str(), text, 0644).ok());
    return;
  }
  const std::string want = read(path);
  expect_text(text, want, path);
}

oci::Config parsed(const std::string& text) {
  Result<oci::Config> config = oci::parse_config(text);
  cr_assert(config.ok(), "%s", config.ok() ? "" : config.error().message.c_str());
  return std::move(config).take();
}

}  // namespace

Test(config, refuses_bad_documents) {
  const std::vector<std::string> names = documents("tests/data/config/bad");
  cr_expect_geq(names.size(), 100u, "only %zu documents", names.size());
  for (const std::string& name : names) {
    const std::string path = "tests/data/config/bad/" + name;
    const auto result = oci::check_config(read(path + ".json"), "config.json");
    cr_expect_not(result.ok(), "%s is accepted", name.c_str());
    if (!result.ok()) cr_expect(result.error().kind == Kind::invalid);
    expect_golden(path + ".err", show(result));
  }
}

// `validate` is told at least what `create` is, at the same places, and of sound documents nothing worse than warnings.
Test(config, inspection_finds_what_parsing_finds) {
  for (const std::string& name : documents("tests/data/config/bad")) {
    const std::string path = "tests/data/config/bad/" + name, text = read(path + ".json");
    const oci::Inspection inspection(text, "config.json");
    std::string found;
    for (const oci::Finding& f : inspection.findings())
      found += str::cat("config.json:", f.at.line, ":", f.at.column, ": ", f.path, f.path.empty() ? "" : ": ",
                        f.message, "\n");
    const std::string expected = read(path + ".err");
    for (const std::string_view line : str::split(str::trim(expected), '\n'))
      if (line.find(": and ") == std::string_view::npos)
        cr_expect(found.find(str::cat(line, "\n")) != std::string::npos, "%s: '%s' is not in:\n%s",
                  name.c_str(), std::string(line).c_str(), found.c_str());
  }
  for (const std::string& name : documents("tests/data/config/good")) {
    const std::string text = read("tests/data/config/good/" + name + ".json");
    const oci::Inspection inspection(text, "config.json");
    for (const oci::Finding& f : inspection.findings())
      cr_expect(f.severity != oci::Severity::error, "%s: %s: %s", name.c_str(), f.path.c_str(),
                f.message.c_str());
  }
}

Test(config, accepts_what_others_write) {
  const std::vector<std::string> names = documents("tests/data/config/good");
  cr_expect_geq(names.size(), 4u);
  for (const std::string& name : names) {
    const std::string path = "tests/data/config/good/" + name;
    const std::string text = read(path + ".json");
    expect_golden(path + ".out", show(oci::check_config(text, "config.json")));
    const oci::Config config = parsed(text);
    cr_expect(parsed(oci::encode(config)) == config, "%s", name.c_str());
  }
}

// full.json has every property of the specification, each with a value of its own, as encode() writes it.
Test(config, keeps_every_property) {
  const std::string text = read("tests/data/config/full.json");
  const Result<oci::Checked<oci::Config>> config = oci::check_config(text, "full.json");
  cr_assert(config.ok(), "%s", config.ok() ? "" : config.error().message.c_str());
  cr_expect(config.value().warnings.empty());
  const std::string again = oci::encode(config.value().value) + "\n";
  expect_text(again, text);
}

Test(config, puts_properties_where_they_belong) {
  const oci::Config c = parsed(read("tests/data/config/full.json"));
  cr_expect_eq(c.process->user.uid, 1000u);
  cr_expect_eq(c.process->user.gid, 1001u);
  cr_expect(c.process->user.umask == 18u);
  cr_expect((c.process->user.additional_gids == std::vector<uint32_t>{5, 6}));
  cr_expect_eq(c.process->rlimits[0].hard, UINT64_MAX);
  cr_expect_eq(c.process->rlimits[0].soft, 1024u);
  cr_expect(c.process->capabilities->ambient == std::vector<std::string>{"CAP_KILL"});
  cr_expect(c.process->oom_score_adj == -500);
  cr_expect_eq(c.process->console_size->height, 24u);
  cr_expect(c.root->readonly == true);
  cr_expect_eq(c.linux_->namespaces.size(), 8u);
  cr_expect(c.linux_->namespaces[1].type == oci::NamespaceType::network);
  cr_expect(c.linux_->namespaces[1].path == "/proc/1/ns/net");
  cr_expect(c.linux_->resources->memory->limit == INT64_MAX);
  cr_expect(c.linux_->resources->memory->reservation == -1);
  cr_expect(c.linux_->resources->cpu->quota == 50000);
  cr_expect(c.linux_->resources->cpu->period == 100000u);
  cr_expect(c.linux_->resources->pids->limit == 0);
  cr_expect_eq(c.linux_->uid_mappings[0].host_id, 100000u);
  cr_expect_eq(c.linux_->time_offsets.at("monotonic").secs, -172800);
  cr_expect_eq(c.linux_->seccomp->syscalls[0].args[0].value, UINT64_MAX);
  cr_expect(c.linux_->seccomp->syscalls[0].args[0].op == oci::SeccompOperator::masked_equal);
  cr_expect(c.hooks->poststop[0].timeout == 7);
}

// Two properties of one type could be swapped in a table, and still survive the way there and back.
Test(config, does_not_swap_twins) {
  const oci::Config c = parsed(read("tests/data/config/full.json"));
  const oci::Process& p = *c.process;
  cr_expect_eq(p.console_size->width, 80u);
  cr_expect((p.capabilities->bounding == std::vector<std::string>{"CAP_CHOWN", "CAP_KILL"}));
  cr_expect(p.capabilities->effective == std::vector<std::string>{"CAP_CHOWN"});
  cr_expect(p.capabilities->inheritable == std::vector<std::string>{"CAP_FOWNER"});
  cr_expect(p.capabilities->permitted == std::vector<std::string>{"CAP_SETUID"});
  cr_expect(p.apparmor_profile == "docker-default" && p.selinux_label->starts_with("system_u:"));
  cr_expect(p.scheduler->nice == -20 && p.scheduler->priority == 0);
  cr_expect(p.scheduler->runtime == 1u && p.scheduler->deadline == 2u && p.scheduler->period == 3u);
  cr_expect(p.exec_cpu_affinity->initial == "0-3" && p.exec_cpu_affinity->final == "1,2");
  cr_expect(c.hostname == "web" && c.domainname == "example.org");
  cr_expect(c.mounts[1].source == "/srv" && c.mounts[1].type == "none");
  cr_expect((c.mounts[1].uid_mappings == std::vector<oci::IdMapping>{{0, 1, 2}}));
  cr_expect((c.mounts[1].gid_mappings == std::vector<oci::IdMapping>{{3, 4, 5}}));
  const oci::Hooks& h = *c.hooks;
  cr_expect(h.prestart[0].timeout == 1 && h.create_runtime[0].timeout == 2 &&
            h.create_container[0].timeout == 3);
  cr_expect(h.start_container[0].timeout == 4 && h.poststart[0].timeout == 5);

  const oci::Linux& l = *c.linux_;
  cr_expect_eq(l.gid_mappings[0].host_id, 200000u);
  cr_expect(l.devices[0].major == 10 && l.devices[0].minor == 229 && l.devices[0].file_mode == 438u);
  cr_expect(l.devices[0].uid == 1u && l.devices[0].gid == 2u);
  cr_expect(l.masked_paths == std::vector<std::string>{"/proc/kcore"});
  cr_expect(l.readonly_paths == std::vector<std::string>{"/proc/sys"});
  cr_expect(l.seccomp->default_errno_ret == 38u && l.seccomp->syscalls[0].errno_ret == 1u);
  cr_expect(l.seccomp->listener_path == "/run/seccomp.sock" && l.seccomp->listener_metadata == "meta");
  cr_expect(l.seccomp->syscalls[0].args[0].index == 5 && l.seccomp->syscalls[0].args[0].value_two == 7u);
  cr_expect(l.intel_rdt->l3_cache_schema == "L3:0=7f0;1=1f" && l.intel_rdt->mem_bw_schema == "MB:0=20;1=70");
  cr_expect(l.memory_policy->mode == "MPOL_INTERLEAVE" && l.memory_policy->nodes == "0-1");
}

Test(config, does_not_swap_twins_in_resources) {
  const oci::Config c = parsed(read("tests/data/config/full.json"));
  const oci::Resources& r = *c.linux_->resources;
  cr_expect(r.memory->swap == INT64_MAX && r.memory->kernel == -1 && r.memory->kernel_tcp == 4);
  cr_expect(r.memory->disable_oom_killer == false && r.memory->use_hierarchy == true);
  cr_expect(r.cpu->shares == 1024u && r.cpu->burst == 1000u && r.cpu->realtime_period == 1000000u);
  cr_expect(r.cpu->realtime_runtime == 950000 && r.cpu->cpus == "0-1" && r.cpu->mems == "0");
  const oci::BlockIo& b = *r.block_io;
  cr_expect(b.weight == 10 && b.leaf_weight == 11);
  cr_expect(b.weight_device[0].weight == 500 && b.weight_device[0].leaf_weight == 300);
  cr_expect_eq(b.throttle_read_bps_device[0].rate, 600u);
  cr_expect_eq(b.throttle_write_bps_device[0].rate, 700u);
  cr_expect_eq(b.throttle_read_iops_device[0].rate, 800u);
  cr_expect_eq(b.throttle_write_iops_device[0].rate, UINT64_MAX);
  cr_expect_eq(b.throttle_write_iops_device[0].major, 8);
  cr_expect_eq(b.throttle_write_iops_device[0].minor, 4);
  cr_expect(r.rdma.at("mlx5_1").hca_handles == 3u && r.rdma.at("mlx5_1").hca_objects == 10000u);
}

Test(config, takes_null_for_absent) {
  const oci::Config c =
      parsed(R"({"ociVersion":"1.0.0","root":{"path":"r","readonly":null},"mounts":null,"hostname":null,
    "process":{"user":{"uid":1,"gid":2,"additionalGids":null},"args":["sh"],"env":null,"cwd":"/","capabilities":null,
    "rlimits":null},"hooks":null,"annotations":null,"linux":{"resources":{"memory":null},"seccomp":null}})");
  cr_expect(!c.root->readonly && !c.hostname && !c.hooks && !c.process->capabilities);
  cr_expect(c.mounts.empty() && c.annotations.empty() && c.process->user.additional_gids.empty());
  cr_expect(!c.linux_->resources->memory);
  const auto required = oci::parse_config(R"({"ociVersion":null,"root":{"path":"r"}})");
  cr_assert_not(required.ok());
  expect_text(required.error().message, "config.json:1:1: ociVersion: required, but missing");
}

Test(config, a_pids_limit_of_0_is_none_before_1_3) {
  const auto limit = [](std::string_view version) {
    const auto config =
        oci::parse_config(str::cat(R"({"ociVersion":")", version,
                                   R"(","root":{"path":"r"},"linux":{"resources":{"pids":{"limit":0}}}})"));
    return config.value().linux_->resources->pids.has_value();
  };
  cr_expect_not(limit("1.0.2-dev"));
  cr_expect_not(limit("1.2.1"));
  cr_expect(limit("1.3.0"));
  cr_expect(limit("1.3.1+dev"));
}

Test(config, warns_about_what_it_ignores) {
  const auto result = oci::check_config(R"({"ociVersion":"1.4.0","root":{"path":"r","readonli":true},
"windows":{"x":1},"process":{"user":{"uid":0,"gid":0,"username":"x"},"args":["a"],"cwd":"/"},"x-ours":{}})",
                                        "c");
  const std::string want =
      "accepted\n"
      "c:1:53: root.readonli: unknown property (did you mean 'readonly'?), ignoring\n"
      "c:2:11: windows: is for another platform, ignoring\n"
      "c:2:103: x-ours: unknown property, ignoring\n"
      "c:1:15: ociVersion: this program knows versions up to 1.3.0, not 1.4.0, going on\n";
  const std::string is = show(result);
  expect_text(is, want);
}

// What lies just inside the rules of tests/data/config/bad.
Test(config, accepts_the_edges) {
  const char* cases[] = {
      R"("hostname":"h","linux":{"namespaces":[{"type":"uts","path":"/proc/1/ns/uts"}]})",
      R"("hostname":"")",
      R"("linux":{"namespaces":[{"type":"user"}],"uidMappings":[{"containerID":0,"hostID":0,"size":4294967295}],
          "gidMappings":[{"containerID":0,"hostID":5,"size":5},{"containerID":5,"hostID":0,"size":5}]})",
      R"("linux":{"namespaces":[{"type":"user","path":"/proc/1/ns/user"}]})",
      R"("linux":{"namespaces":[{"type":"time"}],"timeOffsets":{"monotonic":{"secs":-1,"nanosecs":999999999}}})",
      R"("linux":{"resources":{"memory":{"limit":5,"swap":5}}})",
      R"("linux":{"resources":{"memory":{"limit":5,"swap":-1}}})",
      R"("linux":{"resources":{"memory":{"limit":-1,"swap":5}}})",
      R"("linux":{"resources":{"devices":[{"allow":true,"type":"a","major":-1,"minor":-1,"access":"mwr"}]}})",
      R"("linux":{"resources":{"blockIO":{"weight":65535}}})",
      R"("linux":{"devices":[{"type":"p","path":"/dev/fifo","fileMode":8630}]})",
      R"("linux":{"devices":[{"type":"b","path":"/dev/last","major":4095,"minor":1048575}]})",
      R"("process":{"args":["x"],"cwd":"/","user":{"uid":4,"gid":9,"additionalGids":[9]}},"linux":{"namespaces":[{"type":"user"}],
          "uidMappings":[{"containerID":0,"hostID":5,"size":5}],"gidMappings":[{"containerID":9,"hostID":5,"size":1}]})",
      R"("linux":{"cgroupsPath":"system.slice:docker:abc..d"})",
      R"("linux":{"sysctl":{"net/ipv4/ip_forward":"1"}})",
      R"("mounts":[{"destination":"rel","source":"/a","options":["bind"]},{"destination":"/x","type":"tmpfs"}])",
      R"("mounts":[{"destination":"/x","type":"none","options":["remount","bind","ro"]}])",
      R"("process":{"args":[""],"cwd":"/","env":["A=","B==c"],"terminal":false,"consoleSize":{"height":0,"width":65535}})",
      R"("process":{"args":["x"],"cwd":"/","consoleSize":{"height":65536,"width":70000}})",
      R"("process":{"args":["x"],"cwd":"/","scheduler":{"policy":"SCHED_DEADLINE","runtime":2,"deadline":2}})",
      R"("linux":{"memoryPolicy":{"mode":"MPOL_PREFERRED"},"intelRdt":{"closID":"/"}})",
      R"("linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_NUMA_BALANCING"]}})",
      R"("process":{"args":["x"],"cwd":"/","user":{"uid":4294967294,"gid":0},"oomScoreAdj":-1000})",
      R"("process":{"args":["x"],"cwd":"/","rlimits":[{"type":"RLIMIT_AS","soft":18446744073709551615,"hard":18446744073709551615}]})",
      R"("process":{"args":["x"],"cwd":"/","scheduler":{"policy":"SCHED_RR","priority":99}})",
      R"("process":{"args":["x"],"cwd":"/","scheduler":{"policy":"SCHED_DEADLINE","runtime":1,"deadline":2,"period":3}})",
  };
  for (const char* members : cases) {
    const std::string text = str::cat(R"({"ociVersion":"1.3.0","root":{"path":"r"},)", members, "}");
    const Result<oci::Config> config = oci::parse_config(text);
    cr_expect(config.ok(), "%s\n%s", members, config.ok() ? "" : config.error().message.c_str());
  }
}

Test(config, defaults_are_valid_and_survive) {
  for (const oci::Config& config : {oci::default_config(false), oci::default_config(true),
                                    oci::default_rootless_config(true, 1000, 1001)}) {
    const std::string text = oci::encode(config);
    const auto again = oci::check_config(text, "default");
    cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
    cr_expect(again.value().warnings.empty());
    cr_expect(again.value().value == config);
  }
}

Test(config, rootless_default_maps_the_user) {
  const oci::Config config = oci::default_rootless_config(true, 1000, 1001);
  cr_expect((config.linux_->uid_mappings == std::vector<oci::IdMapping>{{0, 1000, 1}}));
  cr_expect((config.linux_->gid_mappings == std::vector<oci::IdMapping>{{0, 1001, 1}}));
  bool network = false, user = false;
  for (const oci::Namespace& n : config.linux_->namespaces) {
    network = network || n.type == oci::NamespaceType::network;
    user = user || n.type == oci::NamespaceType::user;
  }
  cr_expect(user && !network);
  cr_expect_not(config.linux_->resources);
}

Test(process, has_paths_of_its_own) {
  const auto bad =
      oci::parse_process(R"({"args":[],"cwd":"/","rlimits":[{"type":"RLIMIT_AS","soft":2,"hard":1}]})");
  cr_assert_not(bad.ok());
  expect_text(bad.error().message,
              "process.json:1:9: args: required, but missing or empty\n"
              "process.json:1:60: rlimits[0].soft: the soft limit 2 is above the hard limit 1");
  const auto good = oci::parse_process(R"({"args":["sh"],"cwd":"/","user":{"uid":7,"gid":8}})");
  cr_assert(good.ok());
  cr_expect_eq(good.value().user.uid, 7u);
  cr_expect(oci::parse_process(oci::encode(good.value())).value() == good.value());
}
