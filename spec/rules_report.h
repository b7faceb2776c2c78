// What the chapters of spec/rules share: where findings go, and what many of them ask of a configuration.
// Not for others: rules.h is what callers include.
#pragma once

#include <string>
#include <utility>

#include "spec/rules.h"

namespace rules {

class Report {
 public:
  template <class... Parts>
  void problem(std::string path, const Parts&... parts) {
    findings_.problems.push_back({std::move(path), str::cat(parts...)});
  }
  template <class... Parts>
  void warning(std::string path, const Parts&... parts) {
    findings_.warnings.push_back({std::move(path), str::cat(parts...)});
  }
  [[nodiscard]] size_t problems() const { return findings_.problems.size(); }
  Findings take() && { return std::move(findings_); }

 private:
  Findings findings_;
};

// The entry of linux.namespaces, or none; made for the container, or joined by path.
const oci::Namespace* find(const oci::Linux& l, oci::NamespaceType type);
bool is_new(const oci::Namespace* n);
bool is_joined(const oci::Namespace* n);

bool has_option(const oci::Mount& m, std::string_view option);

// rules_ids.cc: mappings of user namespaces and of idmapped mounts, and the ids that need one.
void check_ids(const oci::Config& config, Report& report);

}  // namespace rules
