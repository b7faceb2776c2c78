// Columns of text, as `images`, `du` and their like print them.
#pragma once

#include <string>
#include <vector>

#include "spec/base/cli.h"

namespace table {

// Three blanks between columns, the last one not padded.  Precondition: all rows are as long as the first.
void print(const std::vector<std::vector<std::string>>& rows, cli::Out& out);

}  // namespace table
