#include "imagetool/bundle/environment.h"

#include <algorithm>
#include <string_view>

#include "imagetool/bundle/defaults.h"
#include "spec/base/text.h"

namespace environment {

namespace {

class Variables {
 public:
  void set(std::string_view name, std::string_view value) {
    std::string entry = str::cat(name, "=", value);
    const auto at = find(name);
    if (at == entries_.end())
      entries_.push_back(std::move(entry));
    else
      *at = std::move(entry);
  }
  void unset(std::string_view name) {
    const auto at = find(name);
    if (at != entries_.end()) entries_.erase(at);
  }
  [[nodiscard]] bool has(std::string_view name) { return find(name) != entries_.end(); }
  [[nodiscard]] std::vector<std::string> take() && { return std::move(entries_); }

 private:
  std::vector<std::string>::iterator find(std::string_view name) {
    return std::find_if(entries_.begin(), entries_.end(), [&](std::string_view entry) {
      return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
    });
  }
  std::vector<std::string> entries_;
};

}  // namespace

std::vector<std::string> make(const Sources& from, std::vector<std::string>& warnings) {
  Variables variables;
  const size_t path_begins = defaults::kPath.find('=') + 1;
  variables.set("PATH", defaults::kPath.substr(path_begins));
  variables.set("HOSTNAME", from.hostname);
  if (from.terminal) variables.set("TERM", "xterm");
  for (const std::string& entry : from.image) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0)
      warnings.push_back(
          str::cat("variable '", str::printable(entry), "' of the image is not NAME=VALUE, ignoring"));
    else
      variables.set(std::string_view(entry).substr(0, equals), std::string_view(entry).substr(equals + 1));
  }
  for (const auto& [name, value] : from.wished) {
    if (value)
      variables.set(name, *value);
    else
      variables.unset(name);
  }
  const bool taken_away = from.wished.contains("HOME") && !from.wished.at("HOME");
  if (!variables.has("HOME") && !taken_away) variables.set("HOME", from.home);
  return std::move(variables).take();
}

}  // namespace environment
