#include "imagetool/bundle/defaults.h"

#include "spec/base/text.h"

namespace defaults {

namespace {

constexpr std::string_view kCapabilities =
    "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID CAP_SETUID "
    "CAP_SETFCAP "
    "CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE";

constexpr std::string_view kAllCapabilities =  // capability.h, from 0 on
    "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID "
    "CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW "
    "CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT "
    "CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD "
    "CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG "
    "CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE";

constexpr std::string_view kMasked =
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug "
    "/proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware";

constexpr std::string_view kReadonly = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

struct DefaultMount {
  std::string_view destination, type, source, options;  // options: blank between
};
constexpr DefaultMount kMounts[] = {
    {"/proc", "proc", "proc", "nosuid noexec nodev"},
    {"/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k"},
    {"/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"},
    {"/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev"},
    {"/sys", "sysfs", "sysfs", "nosuid noexec nodev ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro"},
};

struct HarmlessDevice {
  int64_t major, minor;
};
constexpr HarmlessDevice kHarmless[] = {{1, 3}, {1, 5}, {1, 7},
                                        {1, 8}, {1, 9}, {5, 0}};  // null … urandom, tty

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> list;
  for (const std::string_view word : str::split(text, ' ')) list.emplace_back(word);
  return list;
}

}  // namespace

std::vector<std::string> capabilities() { return words(kCapabilities); }
std::vector<std::string> all_capabilities() { return words(kAllCapabilities); }
std::vector<std::string> masked_paths() { return words(kMasked); }
std::vector<std::string> readonly_paths() { return words(kReadonly); }

std::vector<oci::Mount> mounts() {
  std::vector<oci::Mount> list;
  for (const DefaultMount& m : kMounts)
    list.push_back({.destination = std::string(m.destination),
                    .type = std::string(m.type),
                    .source = std::string(m.source),
                    .options = words(m.options)});
  return list;
}

std::vector<oci::DeviceRule> device_rules() {
  std::vector<oci::DeviceRule> rules = {{.allow = false, .access = "rwm"},
                                        {.allow = true, .type = "c", .access = "m"},
                                        {.allow = true, .type = "b", .access = "m"}};
  for (const HarmlessDevice& d : kHarmless)
    rules.push_back({.allow = true, .type = "c", .major = d.major, .minor = d.minor, .access = "rwm"});
  return rules;
}

}  // namespace defaults
