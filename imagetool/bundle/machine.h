// What the making of a bundle asks of this machine and of the caller, read once: everything after it is pure or works
// beneath descriptors.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/bundle/seccomp_profile.h"
#include "imagetool/rootless.h"
#include "spec/base/error.h"

struct Machine {
  rootless::Caller caller;
  std::string cwd;                       // absolute
  std::string program;                   // absolute path of the running imagetool
  std::vector<std::string> environment;  // "K=V"
  seccomp_profile::Machine processor;
  std::vector<std::string> thermal_paths;  // what tells a container of its neighbours' load, to be masked

  [[nodiscard]] bool rootless() const { return caller.uid != 0; }
  // The value of an environment variable; nullopt if it is not set.
  [[nodiscard]] std::optional<std::string_view> variable(std::string_view name) const;
};

namespace machines {

// `environment`: "K=V" of all variables.
Result<Machine> probe(const rootless::Caller& caller, const std::vector<std::string>& environment);

// For uname(2)'s machine and release; pure.  An unknown machine keeps its name, and gets no filters of its own.
seccomp_profile::Machine processor(std::string_view machine, std::string_view release);

}  // namespace machines
