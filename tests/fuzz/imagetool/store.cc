// Any bytes as what a store keeps besides blobs, index.json and the lease of a bundle: other tools write the
// one, a disk may break both.  All that asks the store for its images gets them, or one sentence, and nothing
// that a sweep goes by is guessed: a lease that cannot be read stops it.
#include "imagetool/store/store.h"

#include <algorithm>

#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"
#include "imagetool/store/leases.h"
#include "imagetool/store/marks.h"
#include "spec/base/log.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/scratch.h"

namespace {

using fuzz::must;

constexpr size_t kHead = 1;  // byte before the document: which of them it is
constexpr std::string_view kMark = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kEmptyIndex = R"({"schemaVersion":2,"manifests":[]})";

template <class T>
bool answered(const Result<T>& asked) {
  if (!asked.ok()) fuzz::must_be_sentence(asked.error(), false);
  return asked.ok();
}

void check_catalog(const Store& store) {
  const auto entries = catalog::read(store);
  if (!answered(entries)) return;
  for (const catalog::Entry& entry : entries.value()) {
    if (entry.name.empty()) continue;
    const auto located = images::locate(store, entry.name);
    if (answered(located))
      must(std::ranges::any_of(entries.value(),
                               [&](const catalog::Entry& e) { return e.descriptor == located.value(); }),
           "what is found by a name is an entry", entry.name);
    (void)answered(images::find(store, entry.name));
  }
}

void check_leases(const Store& store) {
  const auto all = leases::all(store);
  const bool readable = answered(all);
  if (readable)
    for (const Lease& lease : all.value())
      must(oci::Digest::parse(lease.manifest.digest.text()).ok() && !lease.bundle.empty(),
           "a lease that counts names a bundle and a manifest", lease.bundle);
  const auto needed = marks::all(store);
  must(readable || !needed.ok(), "a lease that cannot be read stops a sweep");
  (void)answered(needed);
  const auto found = images::all(store);
  if (answered(found)) must(found.value().empty(), "a store without blobs has no image");
}

}  // namespace

FUZZ_JSON_BEHIND(kHead)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const bool is_lease = (input.byte() & 1) != 0;
  logs::redirect([](logs::Level, std::string_view text) {
    fuzz::must_be_sentence(Error(Kind::invalid, std::string(text)));
  });
  const fuzz::Scratch scratch;
  const UniqueFd dir = scratch.make("store");
  (void)fuzz::put(dir, "oci-layout", kMark);
  (void)fuzz::put(dir, "index.json", is_lease ? kEmptyIndex : input.rest());
  const auto store = Store::open(dir.get().proc_path());
  must(store.ok(), "a store opens");
  if (is_lease) (void)fuzz::put(store.value().leases(), "0.json", input.rest());
  check_catalog(store.value());
  check_leases(store.value());
  scratch.check_outside();
  return 0;
}
