#include "imagetool/repair.h"

#include <algorithm>
#include <set>

#include "imagetool/registry/reference.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/gc.h"
#include "imagetool/store/image.h"
#include "imagetool/store/leases.h"
#include "spec/base/undo.h"

namespace repair {

namespace {

// What an image is called while it is pulled: pulling names what it gets.
constexpr std::string_view kName = "localhost/imagetool-repair:";

// The repositories that may have the image: those of its names, then of the names its bundles were made by.
Result<std::vector<std::string>> repositories(const Store& store, const oci::Digest& manifest) {
  std::vector<std::string> names, found;
  for (const catalog::Entry& entry : TRY(catalog::read(store)))
    if (entry.descriptor.digest == manifest) names.push_back(entry.name);
  for (const Lease& lease : TRY(leases::users_of(store, manifest))) names.push_back(lease.image);
  for (const std::string& name : names) {
    const Result<Reference> parsed = reference::parse(name);
    if (parsed.ok() && std::ranges::find(found, parsed.value().name()) == found.end())
      found.push_back(parsed.value().name());
  }
  return found;
}

Result<> pull_again(const Store& store, const oci::Descriptor& image, pulls::Options options) {
  const std::vector<std::string> from = TRY(repositories(store, image.digest));
  options.name = str::cat(kName, image.digest.short_id());
  const Undo forget([&] {
    (void)catalog::remove(store, {options.name});  // else the next repair does
  });
  Error failed(Kind::not_found, "it has no name to pull it by");
  for (const std::string& repository : from) {
    const std::string reference = str::cat(repository, "@", image.digest.text());
    const std::vector<Result<pulls::Pulled>> pulled = pulls::pull(store, {&reference, 1}, options);
    if (pulled[0].ok()) return {};
    failed = pulled[0].error();
  }
  return failed;
}

// Whether all blobs of the image are here: then what is missing of its layers is unpacked from them.
Result<bool> mend_from_blobs(const Store& store, const oci::Descriptor& manifest,
                             const pulls::Options& options) {
  const UniqueFd hold = TRY(store.share());
  const Result<Image> image = images::load(store, manifest);
  if (!image.ok()) return false;
  const bool whole = std::ranges::all_of(image.value().manifest.layers,
                                         [&](const oci::Descriptor& layer) { return store.has(layer); });
  if (whole && !image.value().unpacked())
    (void)TRY(
        pulls::ensure(store, manifest.digest.text(), options));  // the image; its layers are what we want
  return whole;
}

Result<> mend(const Store& store, const oci::Descriptor& manifest, const pulls::Options& options) {
  if (TRY(mend_from_blobs(store, manifest, options))) return {};
  return pull_again(store, manifest, options);
}

// Names that a repair which was killed has left.
Result<> forget_old_names(const Store& store) {
  std::vector<std::string> names;
  for (const catalog::Entry& entry : TRY(catalog::read(store)))
    if (entry.name.starts_with(kName)) names.push_back(entry.name);
  return names.empty() ? Result<>() : catalog::remove(store, names);
}

}  // namespace

Result<std::vector<std::string>> run(const Store& store, const audit::Report& report,
                                     const pulls::Options& options, int wait_ms) {
  TRY(forget_old_names(store));
  gc::Damaged damaged;
  for (const audit::Problem& problem : report.problems) {
    if (problem.part == audit::Part::blob) damaged.blobs.push_back(problem.digest);
    if (problem.part == audit::Part::layer) damaged.chain_ids.push_back(problem.digest);
  }
  std::vector<std::string> failures = TRY(gc::drop(store, damaged, wait_ms));
  for (const oci::Descriptor& image : report.broken) {
    const Result<> mended = mend(store, image, options);
    if (!mended.ok())
      failures.push_back(str::cat("image ", image.digest.text(),
                                  " cannot be mended: ", mended.error().message,
                                  "; try again later, or remove it with `imagetool rm`"));
  }
  return failures;
}

}  // namespace repair
