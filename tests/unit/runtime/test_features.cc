#include <criterion/criterion.h>
#include <linux/seccomp.h>

#include <algorithm>

#include "runtime/plan/features.h"
#include "runtime/plan/mount_options.h"

static bool only_tsync(unsigned flag) { return flag == SECCOMP_FILTER_FLAG_TSYNC; }

static bool holds(const oci::Recognized& names, std::string_view name) {
  return names && std::find(names->begin(), names->end(), name) != names->end();
}

// What it says of itself is what the document types know, and nothing is said twice.
Test(features, is_a_features_document) {
  const oci::Features features = plan::make_features(only_tsync);
  const Result<oci::Features> again = oci::parse_features(oci::encode(features));
  cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
  cr_expect(again.value() == features);
  const oci::LinuxFeatures& l = *features.linux_;
  for (const oci::Recognized& list :
       {features.hooks, features.mount_options, l.namespaces, l.capabilities, l.seccomp->actions,
        l.seccomp->operators, l.seccomp->archs, l.seccomp->known_flags, l.seccomp->supported_flags}) {
    cr_assert(list && !list->empty());
    std::vector<std::string> sorted = *list;
    std::sort(sorted.begin(), sorted.end());
    cr_expect(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  }
}

// "The runtime MUST recognize the elements in this array": none of them may end up as data for a file system.
Test(features, mount_options_are_recognized) {
  const oci::Features features = plan::make_features(only_tsync);
  for (const std::string& option : *features.mount_options)
    cr_expect(plan::parse_options({option}).data.empty(), "%s", option.c_str());
}

Test(features, what_the_specification_asks_for) {
  const oci::Features features = plan::make_features(only_tsync);
  const oci::LinuxFeatures& l = *features.linux_;
  for (const char* name :
       {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})
    cr_expect(holds(features.hooks, name), "%s", name);
  for (const char* name : {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"})
    cr_expect(holds(l.namespaces, name), "%s", name);
  for (const char* name : {"CAP_CHOWN", "CAP_AUDIT_READ", "CAP_CHECKPOINT_RESTORE"})
    cr_expect(holds(l.capabilities, name), "%s", name);
  for (const char* name :
       {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_LOG", "SCMP_ACT_TRAP"})
    cr_expect(holds(l.seccomp->actions, name), "%s", name);
  cr_expect(l.seccomp->operators->size() == 7);
  cr_expect(*l.cgroup->v1 && *l.cgroup->v2 && *l.cgroup->rdma && *l.cgroup->systemd &&
            *l.cgroup->systemd_user);
  cr_expect(*l.apparmor->enabled && *l.selinux->enabled && *l.mount_extensions->idmap->enabled);
  cr_expect(*l.net_devices->enabled && *l.intel_rdt->enabled && *l.intel_rdt->schemata &&
            *l.intel_rdt->monitoring);
  cr_expect(l.memory_policy->modes->size() == 7 && l.memory_policy->flags->size() == 3);
  cr_expect(l.seccomp->actions->size() == 9, "every action of the specification");
  cr_expect(*features.potentially_unsafe_config_annotations ==
            std::vector<std::string>{"org.systemd.property."});
}

Test(features, supported_flags_are_the_kernels) {
  const oci::SeccompFeatures seccomp = *plan::make_features(only_tsync).linux_->seccomp;
  cr_expect(seccomp.known_flags->size() > 1);
  cr_expect(*seccomp.supported_flags == std::vector<std::string>{"SECCOMP_FILTER_FLAG_TSYNC"});
}
