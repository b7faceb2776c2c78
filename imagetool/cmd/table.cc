#include "imagetool/cmd/table.h"

#include <algorithm>

namespace table {

void print(const std::vector<std::vector<std::string>>& rows, cli::Out& out) {
  std::vector<size_t> widths(rows.empty() ? 0 : rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string text;
    for (size_t i = 0; i + 1 < row.size(); ++i)
      text += row[i] + std::string(widths[i] - row[i].size() + 3, ' ');
    out.line(text, row.back());
  }
}

}  // namespace table
