// Any config.json on hosts of every kind: planned, or refused with sentences that name the property; and whatever it says,
// what comes out of it stays beneath the container's root, its cgroups and its own kernel parameters.  Its resources
// are then asked for once more, as `update` does.
#include "runtime/plan/plan.h"

#include <sched.h>

#include <algorithm>

#include "runtime/plan/update.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/planned.h"

namespace {

using fuzz::must;

constexpr size_t kHead = 1;  // bytes before the document: the host and the command line

plan::Host make_host(uint8_t choice) {
  plan::Host host;
  host.cgroups.hierarchies = fuzz::hierarchies(choice & 3);
  const bool ordinary = (choice & 4) != 0;
  host.euid = host.egid = ordinary ? 1000 : 0;
  host.capabilities = ordinary ? 0 : 0x1ffffffffff;
  host.cgroups.writable = host.cgroups.device_rules = !ordinary;
  host.cgroups.tolerant = (choice & 8) != 0;
  host.mount_labels = (choice & 16) != 0;
  host.listen_fds = (choice & 32) != 0 ? 2 : 0;
  if (ordinary) host.cgroups.user_manager = "/user.slice/user-1000.slice/user@1000.service";
  return host;
}

void check(const plan::Namespaces& spaces) {
  constexpr uint64_t kAll = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                            CLONE_NEWNET | 0x00000080 /* CLONE_NEWTIME */;
  must((spaces.clone_flags & ~kAll) == 0, "clone is asked for namespaces alone");
  for (const plan::NamespaceJoin& join : spaces.joins) {
    must(join.path.starts_with('/'), "a namespace has an absolute path", join.path);
    must((spaces.clone_flags & plan::clone_flag(join.type)) == 0, "a namespace is new or joined, not both");
  }
  const bool maps = !spaces.uid_mappings.empty() || !spaces.gid_mappings.empty();
  must(!maps || spaces.user(), "maps are those of a user namespace");
}

void check_files(const plan::Plan& plan) {
  must(plan.rootfs.path.starts_with('/'), "the root is absolute", plan.rootfs.path);
  for (const plan::MountStep& step : plan.mounts) {
    must(!step.target.starts_with('/') && !step.target.ends_with('/'), "a target is relative", step.target);
    must(step.kind != plan::MountKind::bind || step.source.starts_with('/'), "a bind's source is absolute",
         step.source);
    must((step.superblock & step.superblock_clear) == 0, "no flag is both set and cleared");
  }
  for (const plan::DeviceStep& device : plan.devices)
    must(!device.path.empty() && !device.path.starts_with('/') && !device.path.ends_with('/'),
         "a device is beneath the root", device.path);
  for (const auto* list : {&plan.masks.masked, &plan.masks.readonly})
    for (const plan::MaskPlan::Path& path : *list)
      must(!path.path.starts_with('/') && !path.path.ends_with('/'), "a mask is beneath the root", path.path);
}

void check_kernel(const plan::Plan& plan) {
  constexpr std::string_view kOwn[] = {"net/", "kernel/", "fs/mqueue/", "user/"};
  for (const plan::SysctlStep& step : plan.sysctls) {
    must(fuzz::goes_down(step.path), "a parameter is beneath /proc/sys", step.path);
    must(std::ranges::any_of(kOwn, [&](std::string_view own) { return step.path.starts_with(own); }),
         "a parameter is one of a namespace", step.path);
    must(plan.namespaces.has(step.space), "a parameter is one of a namespace of the container's own",
         step.path);
  }
  for (const plan::NetDevice& device : plan.net_devices) {
    fuzz::must_be_file(device.host, "a network device has a name");
    fuzz::must_be_file(device.inside, "a network device keeps a name");
  }
  must(plan.intel_rdt.group.empty() || plan.intel_rdt.group.find('/') == std::string::npos,
       "a resctrl group is beneath its root", plan.intel_rdt.group);
}

void check(const plan::Plan& plan) {
  for (const std::string& warning : plan.warnings) fuzz::must_be_sentence(Error(Kind::invalid, warning));
  check(plan.namespaces);
  fuzz::must_be_sound(plan.cgroup);
  check_files(plan);
  check_kernel(plan);
}

void check_update(const oci::Config& config, const plan::Plan& plan) {
  if (!config.linux_->resources) return;
  for (const oci::Resources& recorded : {oci::Resources{}, *config.linux_->resources}) {
    const auto update = plan::make_update(recorded, *config.linux_->resources, plan.cgroup.directories);
    if (update.ok())
      fuzz::must_be_sound(update.value().cgroup);
    else
      fuzz::must_name_property(update.error());
  }
}

}  // namespace

FUZZ_JSON_BEHIND(kHead)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const auto config = oci::parse_config(input.rest());
  if (!config.ok()) return 0;
  const plan::CreateArgs args{.id = "web",
                              .bundle = "/bundle",
                              .systemd_cgroup = (choice & 64) != 0,
                              .preserve_fds = (choice & 128) != 0 ? 3U : 0U};
  const plan::Draft draft = plan::draft(config.value(), make_host(choice), args);
  if (!draft.wrong.ok()) {
    fuzz::must_name_property(draft.wrong.error());
    return 0;
  }
  check(draft.plan);
  check_update(config.value(), draft.plan);
  return 0;
}
