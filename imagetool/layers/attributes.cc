#include "imagetool/layers/attributes.h"

#include <cerrno>

#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace layer {

namespace {

constexpr std::string_view kControls[] = {"trusted.overlay.", "user.overlay."};
constexpr std::string_view kEscape = "overlay.";

bool is_host_label(std::string_view name) { return name == "security.selinux" || name == "security.SMACK64"; }

bool is_mark(std::string_view name) {
  for (const std::string_view control : kControls)
    if (name.starts_with(control) && !name.substr(control.size()).starts_with(kEscape)) return true;
  return false;
}

Result<uint32_t> map_id(uint64_t id, const std::vector<IdRange>& ranges, std::string_view what,
                        std::string_view more_ids) {
  if (id >= UINT32_MAX)
    return Error(Kind::invalid, str::cat("the ", what, " ", id, " is not an id: they end at 4294967294"));
  if (ranges.empty()) return static_cast<uint32_t>(id);
  for (const IdRange& range : ranges)
    if (id >= range.inside && id - range.inside < range.count)
      return static_cast<uint32_t>(range.outside + (id - range.inside));
  return Error(Kind::unsupported, str::cat("the ", what, " ", id, " is not among the ids that this user has",
                                           more_ids.empty() ? "" : ": ", more_ids));
}

}  // namespace

Result<uint32_t> map_uid(uint64_t id, const Options& options) {
  return map_id(id, options.uids, "owner", options.more_ids);
}
Result<uint32_t> map_gid(uint64_t id, const Options& options) {
  return map_id(id, options.gids, "group", options.more_ids);
}

std::optional<std::string> stored_name(std::string_view name, Form form) {
  if (is_host_label(name)) return std::nullopt;
  if (form == Form::overlay)
    for (const std::string_view control : kControls)
      if (name.starts_with(control)) return str::cat(control, kEscape, name.substr(control.size()));
  return std::string(name);
}

const char* opaque_name(Control control) {
  return control == Control::trusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

bool may_skip_attribute(int err) { return err == ENOTSUP || err == EPERM; }

Result<> copy_attributes(Fd from, Fd to) {
  const struct stat st = TRY(sys::fstat(from));
  const struct stat now = TRY(sys::fstat(to));
  if (st.st_uid != now.st_uid || st.st_gid != now.st_gid)
    TRY(sys::fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH));
  TRY(sys::fchmod(to, st.st_mode & 07777));
  const Result<std::vector<std::string>> names = sys::flistxattr(from);
  if (!names.ok()) return may_skip_attribute(names.error().errnum) ? Result<>() : names.error();
  for (const std::string& name : names.value()) {
    if (is_host_label(name) || is_mark(name)) continue;
    const Result<std::string> value = sys::fgetxattr(from, name.c_str());
    if (!value.ok()) continue;  // listed, but not for us: trusted.* of somebody else's store
    const Result<> set = sys::fsetxattr(to, name.c_str(), value.value());
    if (!set.ok() && !may_skip_attribute(set.error().errnum)) return set.error();
  }
  return {};
}

}  // namespace layer
