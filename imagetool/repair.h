// Making a store whole again after an audit: what is damaged goes, and what images need of it is pulled again.
//
// The bytes that come are those that were there, or none: an image is asked for by its digest, from the repositories
// that its names say, whatever its tag means there by now.  No name changes.
#pragma once

#include <string>
#include <vector>

#include "imagetool/audit.h"
#include "imagetool/pull.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"

namespace repair {

// Removes the blobs and layers that `report` found damaged, then pulls the images that need them.  A layer that a bundle
// uses stays: its container may be running.  Returns what could not be done, a sentence each; audit again to know.
// Waits `wait_ms` for others to finish with the store; Kind::conflict if they do not: then nothing has changed.
// Precondition: share() is not held.
Result<std::vector<std::string>> run(const Store& store, const audit::Report& report,
                                     const pulls::Options& options, int wait_ms);

}  // namespace repair
