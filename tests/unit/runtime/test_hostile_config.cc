// Whole configurations that are as large as they may be, each with one list filled to the brim: all of them are decided in
// linear time, and what nobody needs is refused by a limit that has a name.  The time allowed is a hundred times what
// they take: it catches what grows with the square of the size.
#include <criterion/criterion.h>

#include "runtime/plan/plan.h"
#include "tests/unit/support/expect.h"

namespace {

constexpr size_t kLargest = size_t{16} << 20;
constexpr size_t kMostValues = 499'000;

plan::Host host() {
  plan::Host host;
  host.capabilities = 0x1ffffffffff;
  host.cgroups.writable = true;
  host.cgroups.hierarchies = {
      {.mount_point = "/sys/fs/cgroup", .controllers = {"cpu", "io", "memory", "rdma"}, .v2 = true}};
  return host;
}

// `item` as often as a document can hold it, with '#' as its number; each has so many JSON values.
std::string many(std::string_view item, size_t values, size_t room) {
  std::string text;
  const size_t most = kMostValues / values;
  for (size_t i = 0; i < most && text.size() + item.size() + 8 < room; ++i) {
    if (i > 0) text += ',';
    for (const char c : item)
      if (c == '#')
        text += str::cat(i);
      else
        text += c;
  }
  return text;
}

// The sections of a small good configuration, one of them with something else in its place.
std::string config(std::string_view section, const std::string& content) {
  const std::string_view sections[][2] = {
      {"process", R"("args":["sh"],"cwd":"/")"},
      {"mounts", ""},
      {"linux", R"("namespaces":[{"type":"mount"},{"type":"network"},{"type":"ipc"}])"},
      {"annotations", ""},
  };
  std::string text = R"({"ociVersion":"1.3.0","root":{"path":"r"})";
  for (const auto& [name, usual] : sections) {
    const bool list = name == "mounts";
    text += str::cat(",\"", name, "\":", list ? "[" : "{", usual);
    if (name == section) text += (usual.empty() ? "" : ",") + content;
    text += list ? "]" : "}";
  }
  return text + "}";
}

std::string decide(const std::string& text) {
  const Result<oci::Config> parsed = oci::parse_config(text);
  if (!parsed.ok()) return parsed.error().message;
  const Result<plan::Plan> made = plan::make(parsed.value(), host(), {.id = "x", .bundle = "/bundle"});
  return made.ok() ? "planned" : made.error().message;
}

}  // namespace

Test(hostile_config, lists_filled_to_the_brim, .timeout = 300) {
  const struct {
    std::string_view section, before, item, after;
    size_t values;
    std::string_view want;  // how the answer begins, or holds; "": whatever
  } cases[] = {
      {"annotations", "", R"("k#":"v")", "", 1, "planned"},
      {"process", R"("env":[)", R"("A#=b")", "]", 1, "planned"},
      {"process", R"("unknown":[)", R"({"a#":1})", "]", 2, "planned"},
      {"process", "", R"("colour of number #":1)", "", 1, "planned"},
      {"process", R"("capabilities":{"bounding":[)", R"("CAP_#")", "]}", 1, "planned"},
      {"process", R"("rlimits":[)", R"({"type":"RLIMIT_NOFILEX#","hard":1,"soft":1})", "]", 4,
       "config.json:1:"},
      {"process", R"("rlimits":[)", R"({"type":"RLIMIT_NOFILE","hard":1,"soft":2})", "]", 4,
       "config.json:1:"},
      {"process", R"("user":{"additionalGids":[)", "#", "]}", 1, "config.json:1:"},
      {"process", R"("execCPUAffinity":{"initial":")", "0-8191", "\"}", 1, "config.json:1:"},
      {"mounts", "", R"({"destination":"/a#","type":"tmpfs"})", "", 3, "mounts: more than the 100000 mounts"},
      {"mounts", "", R"({"destination":"/sys/fs/cgroup","type":"cgroup"})", "", 3,
       "mounts: more than the 100000 mounts"},
      {"mounts", R"({"destination":"/a","type":"tmpfs","options":[)", R"("o#=1")", "]}", 1, "planned"},
      {"mounts", R"({"destination":"/a","type":"tmpfs","options":[")", "o", "\"]}", 1,
       "mounts[0].options[0]: longer than 65536 bytes"},
      {"mounts",
       R"({"destination":"/a","type":"bind","source":"/b","options":["bind","idmap"],"gidMappings":[{"containerID":1,"hostID":1,"size":1}],"uidMappings":[)",
       R"({"containerID":#,"hostID":#,"size":1})", "]}", 4, "config.json:1:"},
      {"linux", R"("uidMappings":[)", R"({"containerID":1,"hostID":1,"size":9})", "]", 4, "config.json:1:"},
      {"linux", R"("devices":[)", R"({"path":"/dev/n#","type":"c","major":1,"minor":3})", "]", 5, "planned"},
      {"linux", R"("maskedPaths":[)", R"("/a/#")", "]", 1, "planned"},
      {"linux", R"("sysctl":{)", R"("net.a#":"1")", "}", 1, "planned"},
      {"linux", R"("netDevices":{)", R"("eth#":{})", "}", 1, ""},
      {"linux", R"("seccomp":{"defaultAction":"SCMP_ACT_ALLOW","architectures":[)", R"("SCMP_ARCH_X#")", "]}",
       1, "config.json:1:"},
      {"linux", R"("resources":{"devices":[)", R"({"allow":true,"type":"c","major":3,"minor":#})", "]}", 5,
       "planned"},
      {"linux", R"("resources":{"unified":{)", R"("memory.x#":"1")", "}}", 1, "planned"},
      {"linux", R"("resources":{"rdma":{)", R"("d#":{"hcaHandles":1})", "}}", 2, "planned"},
      {"linux", R"("resources":{"hugepageLimits":[)", R"({"pageSize":"#MB","limit":1})", "]}", 3, ""},
      {"linux", R"("resources":{"blockIO":{"throttleReadBpsDevice":[)", R"({"major":1,"minor":#,"rate":1})",
       "]}}", 4, "planned"},
  };
  for (const auto& c : cases) {
    const std::string list = many(c.item, c.values, kLargest - 1000);
    const std::string answer = decide(config(c.section, str::cat(c.before, list, c.after)));
    cr_expect(answer.starts_with(c.want), "%s%s%s: %s", c.before.data(), c.item.data(), c.after.data(),
              answer.substr(0, 300).c_str());
    cr_expect_lt(answer.size(), 100'000u);
  }
}

// Mappings of one mount are compared with each other; of many mounts they are many comparisons, and may be as many reports.
Test(hostile_config, mappings_that_all_overlap, .timeout = 120) {
  const std::string_view map = R"({"containerID":1,"hostID":1,"size":9})";
  std::string maps(map);
  for (int i = 1; i < 340; ++i) maps += str::cat(",", map);
  const std::string mount =
      str::cat(R"({"destination":"/a","source":"/b","options":["bind","idmap"],"uidMappings":[)", maps,
               R"(],"gidMappings":[)", maps, "]}");
  std::string mounts = mount;
  for (size_t i = 1; i < 170; ++i) mounts += "," + mount;
  const std::string answer = decide(config("mounts", mounts));
  cr_expect(answer.find("overlaps mounts[0].uidMappings[0]") != std::string::npos, "%s",
            answer.substr(0, 300).c_str());
}

Test(hostile_config, more_values_than_a_document_may_have, .timeout = 300) {
  std::string text = "[1";
  for (int i = 0; i < 1'000'000; ++i) text += ",1";
  const std::string answer = decide(text + "]");
  cr_expect(answer.find("more than 500000 values") != std::string::npos, "%s", answer.substr(0, 300).c_str());
}
