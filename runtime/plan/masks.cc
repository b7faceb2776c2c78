#include "runtime/plan/masks.h"

#include <algorithm>
#include <set>

namespace plan {

namespace {

Result<std::vector<MaskPlan::Path>> make_list(const std::vector<std::string>& paths,
                                              std::string_view property) {
  std::vector<MaskPlan::Path> list;
  list.reserve(paths.size());
  std::set<std::string> seen;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string origin = str::cat("linux.", property, "[", i, "]");
    if (!paths[i].starts_with('/'))
      return Error(Kind::invalid,
                   str::cat(origin, ": '", str::printable(paths[i]), "' is not an absolute path"));
    std::string path;
    for (const std::string_view part : str::split(paths[i], '/'))
      if (!part.empty() && part != ".") {
        if (!path.empty()) path += '/';
        path += part;
      }
    // What configurations are merged from often names the same paths; once is enough.
    if (seen.insert(path).second) list.push_back({std::move(origin), std::move(path)});
  }
  return list;
}

}  // namespace

Result<MaskPlan> make_masks(const oci::Config& config) {
  MaskPlan masks;
  if (!config.linux_) return masks;
  masks.masked = TRY(make_list(config.linux_->masked_paths, "maskedPaths"));
  masks.readonly = TRY(make_list(config.linux_->readonly_paths, "readonlyPaths"));
  for (const MaskPlan::Path& mask : masks.masked)
    if (mask.path.empty())
      return Error(Kind::invalid, str::cat(mask.origin, ": the root itself cannot be masked"));
  for (const MaskPlan::Path& path : masks.readonly)
    if (path.path.empty())
      return Error(Kind::invalid, path.origin + ": for the root itself there is root.readonly");
  return masks;
}

void mark_kept(const MaskPlan& masks, std::vector<MountStep>& steps) {
  for (size_t i = 0; i < steps.size(); ++i) {
    MountStep& step = steps[i];
    const auto holds = [&](const MaskPlan::Path& mask) { return is_beneath(mask.path, step.target); };
    const auto carries = [&](const MountStep& later) { return is_beneath(later.target, step.target); };
    step.kept = is_beneath("dev/pts", step.target) ||
                std::any_of(masks.masked.begin(), masks.masked.end(), holds) ||
                std::any_of(masks.readonly.begin(), masks.readonly.end(), holds) ||
                (step.type == "tmpfs" && std::any_of(&step + 1, steps.data() + steps.size(), carries));
  }
}

}  // namespace plan
