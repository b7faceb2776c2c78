#include "imagetool/store/blob_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "imagetool/layers/sink.h"
#include "spec/base/sys.h"

namespace blob_file {

Result<Found> read(Fd dir, const std::string& name, std::string_view algorithm) {
  const UniqueFd file = TRY(sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!S_ISREG(TRY(sys::fstat(file)).st_mode)) return Error(Kind::invalid, "it is not a regular file");
  Found found;
  Hasher hasher(algorithm);
  std::string buffer(1 << 20, '\0');
  while (const size_t n = TRY(sys::read(file, buffer.data(), buffer.size()))) {
    hasher.update(std::string_view(buffer).substr(0, n));
    found.bytes += n;
  }
  found.digest = TRY(hasher.finish());
  return found;
}

}  // namespace blob_file
