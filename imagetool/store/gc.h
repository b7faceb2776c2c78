// Taking away: names, and what no name and no bundle needs any more.
//
// remove_name() only unties a name; sweep() marks from index.json and the leases, and removes every blob and layer that
// was not marked, with the leftovers of pulls that were killed; prune() unties names first.  They are alone in the store
// while they decide: whoever uses a part holds Store::share() from looking it up to leasing it.  Trees are renamed away
// under the lock and removed after it, so a large one holds nobody up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/leases.h"
#include "imagetool/store/store.h"
#include "spec/base/error.h"
#include "spec/digest.h"

namespace gc {

struct Untagged {
  std::vector<std::string> names;  // in full
  oci::Digest manifest;
  std::vector<Lease> users;  // with `force`: who goes on using it
};

// `what` as for images::find.  A name unties that name; an id all names of the image, with `force` if there are several.
// Kind::conflict while a bundle uses an image that would lose its last name, unless `force`; the message names the
// bundles and how to remove them.  Nothing but names is removed: call sweep().
Result<Untagged> remove_name(const Store& store, std::string_view what, bool force);

struct Freed {
  std::vector<oci::Digest> blobs, chain_ids;
  uint64_t left_overs = 0;  // files and trees of pulls that were interrupted: staged, partial, half-made
  uint64_t bytes = 0;       // on the disk, of all of that
};

// What pulls that were interrupted have left saves the next ones their work.  What is staged is kept for a day, a
// partial download for a week.
enum class LeftOvers { stay_for_a_time, go };

struct Options {
  int wait_ms = 0;  // for others to finish with the store; Kind::conflict if they do not
  LeftOvers left_overs = LeftOvers::stay_for_a_time;
  bool dry_run = false;  // nothing is removed: what would be is told
};

// Kind::invalid: an index.json entry's manifest or a lease cannot be read; then nothing has been removed.
Result<Freed> sweep(const Store& store, const Options& options);

struct Damaged {
  std::vector<oci::Digest> blobs, chain_ids;
};

// Removes these parts, for good reason: names that need them stay.  What is whole by now stays too, as far as that can
// be told (blobs), and layers that a bundle uses.  Returns a sentence for each of those layers.
Result<std::vector<std::string>> drop(const Store& store, const Damaged& damaged, int wait_ms);

struct Pruned {
  std::vector<std::string> names;   // in full, that were untied
  std::vector<oci::Digest> images;  // manifests: with these names, or without any
  Freed freed;
};

enum class Which { nameless, all };
// Removes images that no bundle uses, those without a name or all of them, and sweeps.
Result<Pruned> prune(const Store& store, Which which, const Options& options);

}  // namespace gc
