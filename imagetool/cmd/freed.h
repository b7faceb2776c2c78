// What `rm`, `prune` and `gc` print of what they removed.
#pragma once

#include "imagetool/store/gc.h"
#include "spec/base/cli.h"

namespace freed {

// A line for each blob and layer.
void print(const gc::Freed& freed, cli::Out& out);

}  // namespace freed
