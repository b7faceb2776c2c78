#include "runtime/plan/sysctls.h"

#include <algorithm>

#include "spec/base/errors.h"

namespace plan {

namespace {

constexpr std::string_view kIpc[] = {
    "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
    "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced",
};

std::string as_path(std::string_view name) {
  std::string path(name);
  const size_t first = name.find_first_of("./");
  if (first == std::string_view::npos || name[first] == '/') return path;
  for (char& c : path) {
    if (c == '.')
      c = '/';
    else if (c == '/')
      c = '.';
  }
  return path;
}

bool is_plain(std::string_view path) {
  for (const std::string_view part : str::split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return !path.empty();
}

// Why `path` may not be written; empty if it may.
std::string objection(std::string_view path, const SysctlFacts& facts) {
  const auto needs = [](std::string_view kind) {
    return str::cat("it belongs to the host as long as the container has no ", kind, " namespace of its own");
  };
  if (std::find(std::begin(kIpc), std::end(kIpc), path) != std::end(kIpc) || path.starts_with("fs/mqueue/"))
    return facts.ipc ? "" : needs("ipc");
  if (path.starts_with("net/")) return facts.network ? "" : needs("network");
  if (path.starts_with("user/")) return facts.user ? "" : needs("user");
  if (path == "kernel/domainname") return facts.uts ? "" : needs("uts");
  if (path == "kernel/hostname") return "set 'hostname' instead";
  return "no namespace separates it from the host";
}

}  // namespace

Result<std::vector<SysctlStep>> make_sysctls(const oci::Config& config, const SysctlFacts& facts) {
  std::vector<SysctlStep> steps;
  if (!config.linux_) return steps;
  Errors errors;
  for (const auto& [name, value] : config.linux_->sysctl) {
    const std::string path = as_path(name);
    const std::string problem =
        is_plain(path) ? objection(path, facts) : "not the name of a kernel parameter";
    if (!problem.empty())
      errors.add(Error(Kind::invalid, str::cat("linux.sysctl['", str::printable(name), "']: ", problem)));
    steps.push_back({name, path, value});
  }
  TRY(std::move(errors).finish());
  return steps;
}

}  // namespace plan
