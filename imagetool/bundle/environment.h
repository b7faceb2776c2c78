// The environment of a container's process, from four hands: Docker's defaults, the image, the user, and HOME.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace environment {

struct Sources {
  std::vector<std::string> image;  // as its config has them; entries without '=' are skipped
  std::map<std::string, std::optional<std::string>> wished;  // no value: the variable is taken away
  std::string hostname, home;
  bool terminal = false;
};

// Each name once, at the place where it came first, with the value that came last.
std::vector<std::string> make(const Sources& from, std::vector<std::string>& warnings);

}  // namespace environment
