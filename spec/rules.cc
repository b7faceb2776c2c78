#include "spec/rules.h"

#include <limits.h>

#include <algorithm>
#include <map>

#include "spec/rules_report.h"

namespace rules {

using oci::Config;
using oci::Linux;
using oci::NamespaceType;
using oci::Process;

const oci::Namespace* find(const Linux& l, NamespaceType type) {
  const auto found =
      std::find_if(l.namespaces.begin(), l.namespaces.end(), [&](const auto& n) { return n.type == type; });
  return found == l.namespaces.end() ? nullptr : &*found;
}

bool is_new(const oci::Namespace* n) { return n && n->path.value_or("").empty(); }

bool is_joined(const oci::Namespace* n) { return n && !is_new(n); }

bool has_option(const oci::Mount& m, std::string_view option) {
  return std::find(m.options.begin(), m.options.end(), option) != m.options.end();
}

namespace {

// ---- process ----

void needs_args(const Process& p, const std::string& at, Report& report) {
  if (p.command_line.value_or("").empty()) {
    if (p.args.empty()) report.problem(at + "args", "required, but missing or empty");
  } else {
    report.problem(at + "commandLine", "is for Windows; write the command into 'args'");
  }
}

void rlimits_are_sound(const Process& p, const std::string& at, Report& report) {
  std::map<std::string_view, size_t> seen;
  for (size_t i = 0; i < p.rlimits.size(); ++i) {
    const oci::Rlimit& limit = p.rlimits[i];
    const std::string here = str::cat(at, "rlimits[", i, "]");
    if (limit.soft > limit.hard)
      report.problem(here + ".soft", "the soft limit ", limit.soft, " is above the hard limit ", limit.hard);
    const auto [first, is_first] = seen.emplace(limit.type, i);
    if (!is_first)
      report.problem(here + ".type", "'", limit.type, "' is set twice, first at ", at, "rlimits[",
                     first->second, "]");
  }
}

void scheduler_fits_policy(const Process& p, const std::string& at, Report& report) {
  if (!p.scheduler) return;
  const oci::Scheduler& s = *p.scheduler;
  const std::string here = at + "scheduler.";
  const bool realtime = s.policy == "SCHED_FIFO" || s.policy == "SCHED_RR";
  const bool deadline = s.policy == "SCHED_DEADLINE";
  if (realtime && (s.priority.value_or(0) < 1 || s.priority.value_or(0) > 99))
    report.problem(here + "priority", s.policy, " needs a priority of 1..99");
  if (!realtime && s.priority.value_or(0) != 0)
    report.problem(here + "priority", "is only for SCHED_FIFO and SCHED_RR, not for ", s.policy);
  const uint64_t runtime = s.runtime.value_or(0), relative = s.deadline.value_or(0);
  if (!deadline && (runtime != 0 || relative != 0 || s.period.value_or(0) != 0))
    report.problem(at + "scheduler",
                   "'runtime', 'deadline' and 'period' are only for SCHED_DEADLINE, not for ", s.policy);
  // sched(7); a period of 0 is taken for the deadline.
  if (deadline && (runtime == 0 || runtime > relative || (s.period.value_or(0) != 0 && relative > *s.period)))
    report.problem(at + "scheduler", "SCHED_DEADLINE needs 0 < runtime <= deadline <= period");
}

// struct winsize has 16 bits for each (ioctl_tty(2)).
void console_size_fits(const Process& p, const std::string& at, Report& report) {
  if (!p.console_size || !p.terminal.value_or(false)) return;  // without a terminal it must be ignored
  const auto fits = [&](const char* name, uint32_t n) {
    if (n > UINT16_MAX)
      report.problem(str::cat(at, "consoleSize.", name), n, " is out of range 0..", UINT16_MAX);
  };
  fits("height", p.console_size->height);
  fits("width", p.console_size->width);
}

// setgroups(2)
void groups_fit(const Process& p, const std::string& at, Report& report) {
  if (p.user.additional_gids.size() > NGROUPS_MAX)
    report.problem(at + "user.additionalGids", "has ", p.user.additional_gids.size(),
                   " groups; the kernel takes at most ", NGROUPS_MAX);
}

void check_process(const Process& p, const std::string& at, Report& report) {
  needs_args(p, at, report);
  groups_fit(p, at, report);
  rlimits_are_sound(p, at, report);
  scheduler_fits_policy(p, at, report);
  console_size_fits(p, at, report);
}

// ---- the document ----

// Compatible within a major version (config.md, "Specification version"); what a later minor version adds is unknown here,
// and unknown properties are warnings of their own.
void version_is_known(const Config& c, Report& report) {
  const std::vector<std::string_view> parts = str::split(c.oci_version, '.');
  if (parts.size() < 2) return;  // the field table has said so
  const auto minor = str::number<unsigned>(parts[1]);
  if (parts[0] != "0" && parts[0] != "1")
    report.problem("ociVersion", "this program knows versions up to ", oci::kSpecVersion, ", not ",
                   str::printable(c.oci_version), ", which need not be compatible");
  else if (parts[0] == "1" && minor.value_or(UINT32_MAX) > oci::kSpecMinor)
    report.warning("ociVersion", "this program knows versions up to ", oci::kSpecVersion, ", not ",
                   str::printable(c.oci_version), ", going on");
}

void root_is_given(const Config& c, Report& report) {
  if (!c.root) report.problem("root", "required, but missing");
}

void bind_mounts_say_so(const Config& c, Report& report) {
  for (size_t i = 0; i < c.mounts.size(); ++i) {
    const oci::Mount& m = c.mounts[i];
    const bool bind = has_option(m, "bind") || has_option(m, "rbind");
    if (m.type.value_or("") == "bind" && !bind)
      report.problem(
          str::cat("mounts[", i, "]"),
          "needs 'bind' or 'rbind' in options (the type 'bind' alone is ignored by the specification)");
    if (bind && m.source.value_or("").empty() && !has_option(m, "remount"))
      report.problem(str::cat("mounts[", i, "].source"), "required for a bind mount, but missing");
  }
}

void names_need_uts(const Config& c, Report& report) {
  const bool uts = c.linux_ && find(*c.linux_, NamespaceType::uts);
  if (uts) return;
  if (!c.hostname.value_or("").empty())
    report.problem("hostname", "needs a namespace of type 'uts' in linux.namespaces");
  if (!c.domainname.value_or("").empty())
    report.problem("domainname", "needs a namespace of type 'uts' in linux.namespaces");
}

// sethostname(2): the kernel keeps 64 bytes of either.
void names_fit(const Config& c, Report& report) {
  constexpr size_t kMost = 64;
  const auto fits = [&](const char* path, const std::optional<std::string>& name) {
    if (name && name->size() > kMost)
      report.problem(path, "has ", name->size(), " bytes; the kernel takes at most ", kMost);
  };
  fits("hostname", c.hostname);
  fits("domainname", c.domainname);
}

// ---- linux ----

void namespaces_differ(const Linux& l, Report& report) {
  std::map<NamespaceType, size_t> seen;
  for (size_t i = 0; i < l.namespaces.size(); ++i) {
    const NamespaceType type = l.namespaces[i].type;
    const auto [first, is_first] = seen.emplace(type, i);
    if (!is_first)
      report.problem(str::cat("linux.namespaces[", i, "]"), "'", names::text(oci::kNamespaceTypes, type),
                     "' is listed twice, first at linux.namespaces[", first->second, "]");
  }
}

void time_offsets_need_new_namespace(const Linux& l, Report& report) {
  if (l.time_offsets.empty()) return;
  const oci::Namespace* time = find(l, NamespaceType::time);
  if (!time) report.problem("linux.timeOffsets", "needs a namespace of type 'time' in linux.namespaces");
  if (is_joined(time))
    report.problem("linux.timeOffsets", "cannot be set in a time namespace that is joined by path");
}

void devices_have_numbers(const Linux& l, Report& report) {
  for (size_t i = 0; i < l.devices.size(); ++i) {
    const oci::Device& d = l.devices[i];
    if (d.type == "p") continue;
    const std::string here = str::cat("linux.devices[", i, "]");
    if (!d.major) report.problem(here + ".major", "required for type '", d.type, "', but missing");
    if (!d.minor) report.problem(here + ".minor", "required for type '", d.type, "', but missing");
  }
}

// memory.memsw.limit_in_bytes counts memory and swap together.
void swap_holds_memory(const oci::Resources& resources, std::string_view at, Report& report) {
  if (!resources.memory) return;
  const oci::Memory& m = *resources.memory;
  if (m.limit.value_or(0) > 0 && m.swap.value_or(0) > 0 && *m.swap < *m.limit)
    report.problem(str::cat(at, "memory.swap"), *m.swap, " is below the memory limit ", *m.limit,
                   " (swap counts memory and swap together)");
}

// The filter's descriptor goes to the listener before the process starts; without one, a notified call hangs forever.
void seccomp_notify_has_listener(const Linux& l, Report& report) {
  if (!l.seccomp) return;
  const oci::Seccomp& s = *l.seccomp;
  const auto notify = oci::SeccompAction::notify;
  // An agent would have to answer for all that comes before the container's program; runc refuses it as well.
  if (s.default_action == notify)
    report.problem("linux.seccomp.defaultAction", "'SCMP_ACT_NOTIFY' is not possible for every system call");
  if (!s.listener_path.value_or("").empty()) return;
  if (!s.listener_metadata.value_or("").empty())
    report.problem("linux.seccomp.listenerMetadata", "needs a listenerPath");
  for (size_t i = 0; i < s.syscalls.size(); ++i)
    if (s.syscalls[i].action == notify)
      report.problem(str::cat("linux.seccomp.syscalls[", i, "].action"),
                     "'SCMP_ACT_NOTIFY' needs a listenerPath");
}

// config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error and fail."
void seccomp_errnos_fit(const Linux& l, Report& report) {
  if (!l.seccomp) return;
  const auto fits = [&](const std::string& path, oci::SeccompAction action,
                        const std::optional<uint32_t>& number) {
    if (number && action != oci::SeccompAction::error_number && action != oci::SeccompAction::trace)
      report.problem(path, "is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for ",
                     names::text(oci::kSeccompActions, action));
  };
  const oci::Seccomp& s = *l.seccomp;
  fits("linux.seccomp.defaultErrnoRet", s.default_action, s.default_errno_ret);
  for (size_t i = 0; i < s.syscalls.size(); ++i)
    fits(str::cat("linux.seccomp.syscalls[", i, "].errnoRet"), s.syscalls[i].action, s.syscalls[i].errno_ret);
}

// set_mempolicy(2): the kernel answers EINVAL to all of these.
void memory_policy_fits_mode(const Linux& l, Report& report) {
  if (!l.memory_policy) return;
  const oci::MemoryPolicy& p = *l.memory_policy;
  const auto has = [&](std::string_view flag) {
    return std::find(p.flags.begin(), p.flags.end(), flag) != p.flags.end();
  };
  const bool without = p.mode == "MPOL_DEFAULT" || p.mode == "MPOL_LOCAL";
  if (without && !p.nodes.empty()) report.problem("linux.memoryPolicy.nodes", p.mode, " takes no nodes");
  if (!without && p.nodes.empty() && p.mode != "MPOL_PREFERRED")
    report.problem("linux.memoryPolicy.nodes", p.mode, " needs at least one node");
  if (has("MPOL_F_STATIC_NODES") && has("MPOL_F_RELATIVE_NODES"))
    report.problem("linux.memoryPolicy.flags",
                   "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
  if (p.nodes.empty() && (has("MPOL_F_STATIC_NODES") || has("MPOL_F_RELATIVE_NODES")))
    report.problem("linux.memoryPolicy.flags", "there are no nodes for them to be about");
  if (has("MPOL_F_NUMA_BALANCING") && p.mode != "MPOL_BIND" && p.mode != "MPOL_PREFERRED_MANY")
    report.problem("linux.memoryPolicy.flags", "MPOL_F_NUMA_BALANCING is not for ", p.mode);
}

void net_devices_differ(const Linux& l, Report& report) {
  std::map<std::string, std::string> seen;
  for (const auto& [host, device] : l.net_devices) {
    const std::string inside = device.name.value_or("").empty() ? host : *device.name;
    if (inside.find('%') != std::string::npos) continue;  // the kernel chooses
    const auto [first, is_first] = seen.emplace(inside, host);
    if (!is_first)
      report.problem(json::join_path("linux.netDevices", host), "would be '", inside,
                     "' in the container, as '", first->second, "' is");
  }
}

void net_devices_need_namespace(const Linux& l, Report& report) {
  if (!l.net_devices.empty() && !find(l, NamespaceType::network))
    report.problem("linux.netDevices", "needs a namespace of type 'network' in linux.namespaces");
}

void check_linux(const Linux& l, Report& report) {
  namespaces_differ(l, report);
  time_offsets_need_new_namespace(l, report);
  devices_have_numbers(l, report);
  if (l.resources) swap_holds_memory(*l.resources, "linux.resources.", report);
  seccomp_notify_has_listener(l, report);
  seccomp_errnos_fit(l, report);
  net_devices_need_namespace(l, report);
  net_devices_differ(l, report);
  memory_policy_fits_mode(l, report);
}

}  // namespace

Findings check(const oci::Resources& resources) {
  Report report;
  swap_holds_memory(resources, "", report);
  return std::move(report).take();
}

Findings check(const Process& process) {
  Report report;
  check_process(process, "", report);
  return std::move(report).take();
}

Findings check(const Config& config) {
  Report report;
  version_is_known(config, report);
  root_is_given(config, report);
  if (config.process) check_process(*config.process, "process.", report);
  bind_mounts_say_so(config, report);
  check_ids(config, report);
  names_need_uts(config, report);
  names_fit(config, report);
  if (config.linux_) check_linux(*config.linux_, report);
  return std::move(report).take();
}

}  // namespace rules
