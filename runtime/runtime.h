// What every command of `runtime` is given: the global options, facts that main has read once, and where results go.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/cli.h"

enum class CgroupManager { cgroupfs, systemd, disabled };
enum class Rootless { automatic, yes, no };

// The environment that the program was started with.  Nothing but main calls getenv.
struct Environment {
  std::vector<std::string> all;  // "NAME=value"
  // nullopt: not set, or set to nothing, which engines mean as the same.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const {
    for (const std::string& entry : all)
      if (entry.size() > name.size() + 1 && entry[name.size()] == '=' && entry.starts_with(name))
        return entry.substr(name.size() + 1);
    return std::nullopt;
  }
};

struct Runtime {
  std::string root;         // where state is kept: <root>/<id>/ (life/state_dir.h)
  bool root_given = false;  // … by --root: whoever names it means one that is there
  CgroupManager cgroup_manager = CgroupManager::cgroupfs;
  Rootless rootless = Rootless::automatic;
  uid_t uid = 0;  // effective
  Environment environment;
  char* const* arguments = nullptr;  // argv as main got it: create, run and exec start themselves again (R4)
  cli::Out& out;
};

using RuntimeCommand = cli::Command<Runtime>;
