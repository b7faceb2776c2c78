// Decides which kernel parameters are written: linux.sysctl, only those that belong to a namespace of the container.
// Anything else would change the host (CVE-2022-0811), and is refused.
#pragma once

#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/config.h"

namespace plan {

struct SysctlStep {
  std::string name;  // as written, for messages
  std::string path;  // beneath /proc/sys: "net/ipv4/ip_forward"
  std::string value;
  oci::NamespaceType space{};  // the kind of namespace that it belongs to
};

// The namespaces that the container does not share with the host: new ones, or others joined by path.
struct SysctlFacts {
  bool ipc = false, network = false, uts = false, user = false;
};

// Names are written with '.' or with '/', as sysctl(8) takes them: the first of the two separates, the other one is
// part of a component with '.' and '/' exchanged ("net.ipv4.conf.eth0/100.forwarding").
// Kind::invalid: "linux.sysctl['kernel.panic']: …".
Result<std::vector<SysctlStep>> make_sysctls(const oci::Config& config, const SysctlFacts& facts);

}  // namespace plan
