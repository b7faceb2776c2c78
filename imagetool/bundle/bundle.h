// A bundle on disk: what `imagetool bundle` and `imagetool run` make, and `unbundle` removes.
//
//   DIR/                0700
//     config.json       runs as it stands under runtime, crun and runc
//     rootfs/           overlay: empty, the mount point; copy: the whole tree
//     upper/, work/     overlay: what the container writes, and overlayfs's own directory
//     volumes/N/        the image's volumes, each filled from the image
//     etc/              hosts and hostname of the container
//     .imagetool        says that the bundle is ours, and of which store
//
// An overlay is not mounted here.  It is the first entry of config.json's `mounts`, at '/': the runtime mounts it inside
// the container's own mount namespace, so nothing is left on the host whatever happens, and a bundle costs milliseconds.
// runc (1.1.5 and newer) and crun (1.22 and newer) take this form as we do.  crun before 1.22 goes on to use the
// directory below such a mount, and fails: it needs --rootfs=copy.  crun and runc hand the options to mount(2) in one
// page, which is enough for some 35 layers; our runtime gives them to fsconfig(2) one by one.
//
// A lease (store/leases.h) keeps the image's layers while the bundle exists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/bundle/machine.h"
#include "imagetool/bundle/options.h"
#include "imagetool/store/image.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"

namespace bundles {

struct Request {
  std::string dir;         // absolute or relative; made where it is missing, else it must be empty
  std::string image_name;  // as the user wrote it, in docker's short form: "hello-world:latest"
  std::string container;   // the container's name where `run` chose it; empty: unknown
  std::vector<std::string> arguments;  // replace the image's Cmd
  // What `run` adds, so that the bundle goes when its container goes: program and arguments, to which the bundle's path
  // is appended.  Empty: the bundle stays.
  std::vector<std::string> remover;
};

struct Made {
  std::string dir;                    // absolute
  std::vector<std::string> warnings;  // what of the image was left out
};

// Precondition: image.unpacked(), and the caller holds Store::share() since it was looked up.
// Kind::conflict where `dir` is in use; Kind::invalid, not_found for a command, user or option that does not fit the image.
// After an error nothing is left of the bundle.
Result<Made> make(const Store& store, const Image& image, const Wishes& wishes, const Machine& machine,
                  const Request& request);

// Which store the bundle at `dir` belongs to; empty: a power failure has taken that.  Kind::not_found if there is no such
// directory; Kind::invalid if it is not a bundle of ours.
Result<std::string> store_of(std::string_view dir);

// Removes the bundle and its lease.  What is mounted inside is an error, and stays.  Precondition: store_of() named it.
Result<> remove(const Store& store, std::string_view dir);

}  // namespace bundles
