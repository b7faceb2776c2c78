// What the user of `bundle` and `run` asks for: as it was typed, and as it was understood.
//
// The options are docker run's, with its meanings, so that nobody needs to edit config.json.  Where one is given twice
// the last wins, per variable, capability, limit, device or destination.  What is an engine's job (published ports,
// networks with names, named volumes, restart policies) is not here; what is wrong is one sentence.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/bundle/machine.h"
#include "spec/base/error.h"
#include "spec/base/names.h"
#include "spec/config.h"
#include "spec/linux.h"

enum class RootfsKind { overlay, copy };
inline constexpr names::Table<RootfsKind> kRootfsKinds[] = {{RootfsKind::overlay, "overlay"},
                                                            {RootfsKind::copy, "copy"}};
enum class Network { none, host };
inline constexpr names::Table<Network> kNetworks[] = {{Network::none, "none"}, {Network::host, "host"}};

// As typed: bound to the rows of cmd/bundle_options.h.
struct BundleOptions {
  RootfsKind rootfs = RootfsKind::overlay;
  Network network = Network::none;
  bool tty = false, read_only = false, no_new_privileges = false, trust_labels = false;
  std::optional<std::string> user, workdir, hostname, memory, memory_swap, cpus, cpuset_cpus, shm_size;
  std::vector<std::string> entrypoint;  // the last counts; a vector, because the empty text means something
  std::vector<std::string> env, volumes, mounts, tmpfs, cap_add, cap_drop, security, annotations, labels,
      devices, ulimits;
  std::optional<uint64_t> cpu_shares;
  std::optional<int64_t> pids_limit;
};

enum class SeccompChoice { docker, unconfined, given };

// As understood.
struct Wishes {
  RootfsKind rootfs = RootfsKind::overlay;
  Network network = Network::none;
  bool tty = false, read_only = false, no_new_privileges = false, trust_labels = false;
  std::optional<std::string> entrypoint;  // "": none
  std::optional<std::string> user, workdir, hostname;
  std::map<std::string, std::optional<std::string>> env;  // no value: the image's variable is taken away
  std::vector<oci::Mount> mounts;                         // bind and tmpfs, by destination
  std::vector<std::string> volumes;                       // destinations of volumes of the bundle's own
  std::vector<std::string> capabilities;                  // of the bounding set
  std::map<std::string, std::string> annotations, labels;
  std::vector<oci::Device> devices;
  std::vector<oci::DeviceRule> device_rules;
  std::vector<oci::Rlimit> rlimits;
  oci::Resources resources;  // without devices
  std::optional<std::string> shm_size;
  SeccompChoice seccomp = SeccompChoice::docker;
  std::optional<oci::Seccomp> given_seccomp;
};

namespace options {

// Reads the devices and files it is told of, and the machine's facts.  Kind::invalid, not_found or unsupported, the
// option's name first.
Result<Wishes> understand(const BundleOptions& typed, const Machine& machine);

// "/a//b/../c/" → "/a/c".  Lexical; '..' stops at the root.  nullopt if `path` is not absolute.
std::optional<std::string> clean(std::string_view path);

}  // namespace options
