// An image's configuration and its user's wishes → config.json.  Pure: what has to be looked up is in Facts.
//
// The rules are image-spec's conversion.md; where it leaves a choice, Docker's:
//   args       Entrypoint then Cmd; the user's arguments replace Cmd; --entrypoint replaces Entrypoint and drops Cmd
//   env        Docker's PATH, HOSTNAME, TERM with a terminal; then the image's; then the user's; HOME at last, if none
//              is set.  An entry without '=' says nothing and is skipped; it is never looked up in our environment
//   labels     become annotations, but for those that would command a runtime or an engine (CVE-2026-53488)
//   mounts     the overlay of the layers at '/' first, as far as there is one; Docker's; volumes; the user's own
//   rootless   as `runc spec --rootless`: a user namespace with the caller as its root, no limits; with a range of
//              subordinate ids also the image's other users and groups
// What comes from the image is data: none of it names a path on the host or chooses a namespace.
#pragma once

#include <string>
#include <vector>

#include "imagetool/bundle/machine.h"
#include "imagetool/bundle/options.h"
#include "imagetool/bundle/users.h"
#include "spec/base/error.h"
#include "spec/config.h"
#include "spec/image.h"

// A directory of the bundle, or a file of the host, that is bound into the container.
struct BoundPath {
  std::string destination, source;
  bool readonly = false;
};

// What was found out or made for this bundle.
struct Facts {
  std::string image_name;  // as people know it: "hello-world:latest"
  std::string hostname;    // unless the user wishes another
  users::Identity identity;
  std::string bundle;                   // absolute path of its directory
  std::vector<std::string> lower_dirs;  // absolute, highest first; empty: <bundle>/rootfs is the whole tree
  std::vector<BoundPath> volumes;       // of the bundle's own, filled
  std::vector<BoundPath> files;         // /etc/hosts and its kin
  std::vector<std::string> remove_command;  // poststop: the program and its arguments; empty: no hook
};

struct MadeConfig {
  oci::Config config;
  std::vector<std::string> warnings;  // what of the image was left out, and why
};

namespace bundle_config {

// Kind::invalid for an image without a command and such; the message names the image.
Result<MadeConfig> make(const oci::ImageConfig& image, const Wishes& wishes,
                        const std::vector<std::string>& arguments, const Machine& machine,
                        const Facts& facts);

// Volumes to be made for the image: its own, cleaned, and the user's; without those that something else is mounted on.
// Those at or below /proc, /sys and /dev are left out with a warning: they would hide the kernel's (CVE-2019-16884).
std::vector<std::string> volumes(const oci::ImageConfig& image, const Wishes& wishes,
                                 std::vector<std::string>& warnings);

// "my_container!" → "my-container": what a host name may consist of, at most 63 characters; "container" if nothing is left.
std::string hostname(std::string_view name);

// overlayfs's own quoting of a path in its options: ':' ',' and '\' behind a backslash.
std::string overlay_quoted(std::string_view path);

}  // namespace bundle_config
