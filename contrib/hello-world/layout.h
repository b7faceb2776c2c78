// The hello-world image: an OCI image layout (image-spec, image-layout.md) with an index of one image for each
// architecture, each of one gzip layer with one file, /hello.  The same input gives the same bytes.
//
// Written with no more than text: the build needs the image before it could trust its own JSON code, and the
// tests read this image with that code, so the two check each other.
#pragma once

#include <ctime>
#include <string>

#include "spec/base/error.h"

namespace hello {

// Precondition: `dir` exists and is empty.
Result<> write_image(const std::string& dir, time_t created);

}  // namespace hello
