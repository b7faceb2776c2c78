// The bytes of a blob's file, read again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"

namespace blob_file {

struct Found {
  oci::Digest digest;
  uint64_t bytes = 0;
};

// `name` in `dir`, whatever it should be.  Kind::os (ENOENT: it is not there; EIO: the disk cannot read it);
// Kind::invalid if it is no regular file.
Result<Found> read(Fd dir, const std::string& name, std::string_view algorithm);

}  // namespace blob_file
