#include "imagetool/cmd/image_bundle.h"

#include <algorithm>

#include "imagetool/registry/reference.h"
#include "spec/base/log.h"

namespace image_bundle {

Result<Image> find_or_pull(const Store& store, const std::string& asked, const PullOptions& options,
                           const Imagetool& tool) {
  PullSession session = TRY(PullSession::make(options, tool));
  Result<Image> image = pulls::ensure(store, asked, session.options());
  session.finish();
  return image;
}

std::string familiar_name(const Image& image, std::string_view asked) {
  const Result<Reference> typed = reference::parse(asked);
  const bool is_its_name = typed.ok() && std::find(image.names.begin(), image.names.end(),
                                                   typed.value().text()) != image.names.end();
  if (is_its_name) return typed.value().familiar();
  if (image.names.empty()) return image.id().short_id();
  const Result<Reference> first = reference::parse(image.names.front());
  return first.ok() ? first.value().familiar() : image.names.front();
}

void warn(const bundles::Made& made) {
  for (const std::string& warning : made.warnings) logs::warn(warning);
}

}  // namespace image_bundle
