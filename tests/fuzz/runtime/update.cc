// Any bytes as the document of `update --resources`, for containers with different limits on hosts of every
// kind: refused with the property, or planned.  The container keeps its cgroups, what was not asked for keeps
// its value, and the same change once more changes nothing of what is recorded.  What systemd is told of it
// arrives there as it was said.
#include "runtime/plan/update.h"

#include "runtime/plan/systemd.h"
#include "spec/config.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/planned.h"

namespace {

using fuzz::must;

constexpr size_t kHead = 1;  // bytes before the document: the host, and what the container has

oci::Resources recorded(size_t kind) {
  oci::Resources has;
  if (kind == 0) return has;
  has.memory.emplace();
  has.memory->limit = 64 << 20;
  has.memory->swap = 128 << 20;
  has.pids = oci::Pids{100};
  has.devices = plan::default_device_rules();
  has.unified["memory.high"] = "1048576";
  if (kind == 1) return has;
  has.memory->disable_oom_killer = has.memory->check_before_update = true;
  has.cpu.emplace();
  has.cpu->shares = 512;
  has.cpu->quota = 50'000;
  has.cpu->period = 100'000;
  has.cpu->cpus = "0-3";
  has.hugepage_limits = {{.page_size = "2MB", .limit = 1 << 21}};
  has.network = oci::NetworkResources{.class_id = 7, .priorities = {{.name = "eth0", .priority = 3}}};
  return has;
}

std::vector<plan::CgroupDirectory> directories(size_t kind) {
  std::vector<plan::CgroupDirectory> all;
  for (const plan::HostHierarchy& hierarchy : fuzz::hierarchies(kind))
    all.push_back({.mount_point = hierarchy.mount_point,
                   .path = "/runtime-web",
                   .controllers = hierarchy.controllers,
                   .v2 = hierarchy.v2,
                   .writes = {}});
  return all;
}

std::string name(std::string_view property) { return std::string(property); }

void check_systemd(const plan::Cgroup& cgroup) {
  const systemd::Request request{
      .verb = systemd::Verb::set, .unit = "runtime-web.scope", .properties = plan::limit_properties(cgroup)};
  const auto read = systemd::parse_request(systemd::encode(request));
  must(read.ok() && read.value() == request, "systemd is told what was said");
  for (const systemd::Property& property : request.properties)
    for (const std::string& value : property.values)
      must(value.find_first_of(std::string("\0\n", 2)) == std::string::npos, "a property is one line", value);
}

void check(const plan::Update& update, const oci::Resources& had, const oci::Resources& change, size_t host) {
  fuzz::must_be_sound(update.cgroup);
  check_systemd(update.cgroup);
  for (const std::string& warning : update.cgroup.warnings)
    fuzz::must_be_sentence(Error(Kind::invalid, warning));
  const auto same = directories(host);
  must(update.cgroup.directories.size() == same.size(), "the container keeps its cgroups");
  for (size_t i = 0; i < same.size(); ++i)
    must(update.cgroup.directories[i].mount_point == same[i].mount_point &&
             update.cgroup.directories[i].path == same[i].path,
         "a cgroup stays where it is");
  must(change.pids || update.resources.pids == had.pids, "what was not asked for stays");
  must(change.cpu || update.resources.cpu == had.cpu, "what was not asked for stays");
  must(change.memory || update.resources.memory == had.memory, "what was not asked for stays");
  must(update.resources.devices == had.devices, "the rules for devices stay");
}

}  // namespace

FUZZ_JSON_BEHIND(kHead)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const auto change = oci::check_resources(input.rest(), "resources.json");
  if (!change.ok()) {
    fuzz::must_be_sentence(change.error(), false);
    return 0;
  }
  for (const std::string& warning : change.value().warnings)
    fuzz::must_be_sentence(Error(Kind::invalid, warning));
  const oci::Resources& asked = change.value().value;
  const size_t host = choice & 3;
  const oci::Resources had = recorded((choice >> 2) % 3);
  const auto update = plan::make_update(had, asked, directories(host), name);
  if (!update.ok()) {
    fuzz::must_name_property(update.error());
    return 0;
  }
  check(update.value(), had, asked, host);
  const auto again = plan::make_update(update.value().resources, asked, directories(host), name);
  must(again.ok() && again.value().resources == update.value().resources,
       "the same change once more changes nothing of what is recorded");
  return 0;
}
