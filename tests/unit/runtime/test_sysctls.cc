#include <criterion/criterion.h>

#include "runtime/plan/masks.h"
#include "runtime/plan/sysctls.h"
#include "tests/unit/support/expect.h"

namespace {

std::string make(const char* name, plan::SysctlFacts facts) {
  oci::Config config;
  config.linux_ = oci::Linux{};
  config.linux_->sysctl[name] = "1";
  const auto steps = plan::make_sysctls(config, facts);
  return steps.ok() ? steps.value().front().path : "error: " + steps.error().message;
}

std::string masks(const std::vector<std::string>& masked, const std::vector<std::string>& readonly) {
  oci::Config config;
  config.linux_ = oci::Linux{};
  config.linux_->masked_paths = masked;
  config.linux_->readonly_paths = readonly;
  const auto plan = plan::make_masks(config);
  if (!plan.ok()) return "error: " + plan.error().message;
  std::string text;
  for (const auto& path : plan.value().masked) text += path.origin + " " + path.path + "\n";
  for (const auto& path : plan.value().readonly) text += path.origin + " " + path.path + "\n";
  return text;
}

constexpr plan::SysctlFacts kAll{true, true, true, true};

}  // namespace

Test(sysctls, names) {
  const struct {
    const char* name;
    const char* want;
  } cases[] = {
      {"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
      {"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
      {"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"},
      {"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"},
      {"kernel.shm_rmid_forced", "kernel/shm_rmid_forced"},
      {"fs.mqueue.msg_max", "fs/mqueue/msg_max"},
      {"user.max_user_namespaces", "user/max_user_namespaces"},
      {"kernel.domainname", "kernel/domainname"},
      {"kernel.hostname", "error: linux.sysctl['kernel.hostname']: set 'hostname' instead"},
      {"kernel.panic", "error: linux.sysctl['kernel.panic']: no namespace separates it from the host"},
      {"vm.swappiness", "error: linux.sysctl['vm.swappiness']: no namespace separates it from the host"},
      {"net/../kernel/panic",
       "error: linux.sysctl['net/../kernel/panic']: not the name of a kernel parameter"},
      {"net.ipv4..x", "error: linux.sysctl['net.ipv4..x']: not the name of a kernel parameter"},
      {"/net/x", "error: linux.sysctl['/net/x']: not the name of a kernel parameter"},
      {"", "error: linux.sysctl['']: not the name of a kernel parameter"},
      {"a\nb", "error: linux.sysctl['a\\nb']: no namespace separates it from the host"},
  };
  for (const auto& c : cases) expect_text(make(c.name, kAll), c.want, c.name);
}

Test(sysctls, only_with_a_namespace_of_its_own) {
  const struct {
    const char* name;
    plan::SysctlFacts facts;
    const char* kind;
  } cases[] = {
      {"net.ipv4.ip_forward", {true, false, true, true}, "network"},
      {"kernel.sem", {false, true, true, true}, "ipc"},
      {"fs.mqueue.msg_max", {false, true, true, true}, "ipc"},
      {"kernel.domainname", {true, true, false, true}, "uts"},
      {"user.max_net_namespaces", {true, true, true, false}, "user"},
  };
  for (const auto& c : cases) {
    const std::string want = str::cat("error: linux.sysctl['", c.name,
                                      "']: it belongs to the host as long as the container has no ", c.kind,
                                      " namespace of its own");
    expect_text(make(c.name, c.facts), want);
  }
}

Test(masks, paths) {
  expect_text(masks({"/proc/kcore", "//sys/./firmware/"}, {"/proc/sys"}),
              "linux.maskedPaths[0] proc/kcore\nlinux.maskedPaths[1] sys/firmware\n"
              "linux.readonlyPaths[0] proc/sys\n");
  expect_text(masks({"/a", "proc/kcore"}, {}),
              "error: linux.maskedPaths[1]: 'proc/kcore' is not an absolute path");
  expect_text(masks({}, {"x"}), "error: linux.readonlyPaths[0]: 'x' is not an absolute path");
  expect_text(masks({}, {"/x", "//."}),
              "error: linux.readonlyPaths[1]: for the root itself there is root.readonly");
  expect_text(masks({"/"}, {}), "error: linux.maskedPaths[0]: the root itself cannot be masked");
}
