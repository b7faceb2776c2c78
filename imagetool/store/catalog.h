// index.json: the names of the store's images.  image.h says how a name is written there.
//
// Readers take it as they find it, since it is only ever replaced by rename.  Writers hold a lock on index.lock from
// reading to renaming, so of two at the same time none loses its entry.  skopeo does not know that lock; umoci neither.
// What other tools wrote is kept: entries, annotations, platforms.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"
#include "spec/image.h"

namespace catalog {

struct Entry {
  std::string name;  // in full; as it stands in ref.name if that is no reference; empty: it has none
  oci::Descriptor descriptor;
  oci::Digest index;  // the index it was chosen from; empty if there was none
};

Result<std::vector<Entry>> read(const Store& store);
// `name` means this manifest from now on, whatever it meant before.  `index` may be empty.
Result<> put(const Store& store, const std::string& name, const oci::Descriptor& manifest,
             const oci::Digest& index);
// Takes these names away; those that are not there are no error.
Result<> remove(const Store& store, const std::vector<std::string>& names);
// Takes all entries of these manifests and indexes away, with a name or without.
Result<> remove_manifests(const Store& store, const std::set<oci::Digest>& manifests);

// The name as it goes into ref.name.
std::string ref_name(std::string_view name);
// What an entry of an index.json is, here or in another layout.
Entry interpret(const oci::Descriptor& entry);

}  // namespace catalog
