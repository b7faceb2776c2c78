#include "spec/defaults.h"

#include <algorithm>

namespace oci {

static Mount mount(const char* destination, const char* type, const char* source,
                   std::vector<std::string> options) {
  return {.destination = destination, .type = type, .source = source, .options = std::move(options)};
}

static std::vector<Mount> default_mounts() {
  return {
      mount("/proc", "proc", "proc", {}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}),
  };
}

static Process default_process() {
  const std::vector<std::string> capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  Process process{
      .terminal = true,
      .args = {"sh"},
      .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"},
      .cwd = "/",
      .capabilities =
          Capabilities{.effective = capabilities, .bounding = capabilities, .permitted = capabilities},
      .no_new_privileges = true,
  };
  process.rlimits = {{.type = "RLIMIT_NOFILE", .soft = 1024, .hard = 1024}};
  return process;
}

static Linux default_linux(bool cgroup_namespace) {
  Linux out;
  out.resources.emplace().devices = {{.allow = false, .access = "rwm"}};
  out.namespaces = {{NamespaceType::pid},
                    {NamespaceType::network},
                    {NamespaceType::ipc},
                    {NamespaceType::uts},
                    {NamespaceType::mount}};
  if (cgroup_namespace) out.namespaces.push_back({NamespaceType::cgroup});
  out.masked_paths = {"/proc/acpi",
                      "/proc/asound",
                      "/proc/interrupts",
                      "/proc/kcore",
                      "/proc/keys",
                      "/proc/latency_stats",
                      "/proc/sched_debug",
                      "/proc/scsi",
                      "/proc/timer_list",
                      "/proc/timer_stats",
                      "/sys/devices/virtual/powercap",
                      "/sys/firmware"};
  out.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return out;
}

Config default_config(bool cgroup_namespace) {
  return {
      .oci_version = std::string(kSpecVersion),
      .root = Root{.path = "rootfs", .readonly = true},
      .mounts = default_mounts(),
      .process = default_process(),
      .hostname = "runtime",
      .linux_ = default_linux(cgroup_namespace),
  };
}

Config default_rootless_config(bool cgroup_namespace, uint32_t uid, uint32_t gid) {
  Config config = default_config(cgroup_namespace);
  for (Mount& m : config.mounts) {
    // The group 5 has no mapping, and a sysfs can only be mounted by who owns the network namespace.
    if (m.destination == "/dev/pts") std::erase(m.options, "gid=5");
    if (m.destination == "/sys")
      m = mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"});
  }
  Linux& linux_part = *config.linux_;
  std::erase_if(linux_part.namespaces, [](const Namespace& n) { return n.type == NamespaceType::network; });
  linux_part.namespaces.push_back({NamespaceType::user});
  linux_part.uid_mappings = {{.container_id = 0, .host_id = uid, .size = 1}};
  linux_part.gid_mappings = {{.container_id = 0, .host_id = gid, .size = 1}};
  linux_part.resources.reset();
  return config;
}

}  // namespace oci
