#include "runtime/plan/sysctls.h"

#include <algorithm>
#include <optional>

#include "runtime/plan/namespaces.h"
#include "spec/base/errors.h"

namespace plan {

using oci::NamespaceType;

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

std::optional<NamespaceType> space_of(std::string_view path) {
  if (std::find(std::begin(kIpc), std::end(kIpc), path) != std::end(kIpc) || path.starts_with("fs/mqueue/"))
    return NamespaceType::ipc;
  if (path.starts_with("net/")) return NamespaceType::network;
  if (path.starts_with("user/")) return NamespaceType::user;
  if (path == "kernel/domainname") return NamespaceType::uts;
  return std::nullopt;
}

bool is_separate(NamespaceType space, const SysctlFacts& facts) {
  return (space == NamespaceType::ipc && facts.ipc) || (space == NamespaceType::network && facts.network) ||
         (space == NamespaceType::user && facts.user) || (space == NamespaceType::uts && facts.uts);
}

// Why `path` may not be written; empty if it may.
std::string objection(std::string_view path, const std::optional<NamespaceType>& space,
                      const SysctlFacts& facts) {
  if (!is_plain(path)) return "not the name of a kernel parameter";
  if (path == "kernel/hostname") return "set 'hostname' instead";
  if (!space) return "no namespace separates it from the host";
  if (is_separate(*space, facts)) return {};
  return str::cat("it belongs to the host as long as the container has no ", text(*space),
                  " namespace of its own");
}

}  // namespace

Result<std::vector<SysctlStep>> make_sysctls(const oci::Config& config, const SysctlFacts& facts) {
  std::vector<SysctlStep> steps;
  if (!config.linux_) return steps;
  Errors errors;
  for (const auto& [name, value] : config.linux_->sysctl) {
    const std::string path = as_path(name);
    const std::optional<NamespaceType> space = space_of(path);
    const std::string problem = objection(path, space, facts);
    if (!problem.empty())
      errors.add(Error(Kind::invalid, str::cat("linux.sysctl['", str::printable(name), "']: ", problem)));
    else
      steps.push_back({name, path, value, *space});
  }
  TRY(std::move(errors).finish());
  return steps;
}

}  // namespace plan
