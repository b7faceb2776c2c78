// What `bundle` and `run` have in common besides their options: the image, and how it is called.
#pragma once

#include <string>
#include <string_view>

#include "imagetool/bundle/bundle.h"
#include "imagetool/cmd/pull_options.h"
#include "imagetool/store/image.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"

namespace image_bundle {

// The image, unpacked; pulled only if the store has not got it.  Progress is shown, and over, when this returns.
// Precondition: the caller holds store.share().
Result<Image> find_or_pull(const Store& store, const std::string& asked, const PullOptions& options,
                           const Imagetool& tool);

// How people call it: `asked` in docker's short form where that is one of its names, else its first name, else its id.
std::string familiar_name(const Image& image, std::string_view asked);

// One warning for each thing of the image that was left out.
void warn(const bundles::Made& made);

}  // namespace image_bundle
