#include "runtime/concerns/mount_tree.h"

#include <cerrno>

#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace mounts {

namespace {

constexpr size_t kMostMountinfo = 16 << 20;  // bytes: some 100,000 mounts, the kernel's own limit

std::string without_escapes(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

Result<UniqueFd> open_mount(const MountLine& line) {
  const Result<UniqueFd> found = sys::open(line.path.c_str(), O_PATH | O_NOFOLLOW);
  if (found.ok() && TRY(sys::mount_id(found.value())) == line.id) return sys::dup(found.value());
  return Error(Kind::unsupported, ENOSYS,
               str::cat("the mount at '", line.path,
                        "' is covered by another, or moves; to change it nevertheless, mount_setattr(2) and "
                        "thus Linux 5.12 is needed"));
}

}  // namespace

MountLine parse_mount_line(std::string_view line) {
  const std::vector<std::string_view> fields = str::split(line, ' ');
  if (fields.size() < 6) return {};
  const auto id = str::number<uint64_t>(fields[0]);
  const auto parent = str::number<uint64_t>(fields[1]);
  if (!id || !parent) return {};
  const size_t dash = line.find(" - ");
  const std::string_view type = dash == std::string_view::npos ? "" : line.substr(dash + 3);
  return {*id, *parent, without_escapes(fields[4]), std::string(type.substr(0, type.find(' ')))};
}

Result<std::vector<MountLine>> read_mount_lines() {
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/mountinfo", kMostMountinfo));
  std::vector<MountLine> lines;
  for (const std::string_view line : str::split(text, '\n')) lines.push_back(parse_mount_line(line));
  return lines;
}

Result<std::vector<UniqueFd>> tree_of(Fd mount) {
  const std::vector<MountLine> lines = TRY(read_mount_lines());
  std::vector<uint64_t> ids = {TRY(sys::mount_id(mount))};
  std::vector<UniqueFd> found;
  found.push_back(TRY(sys::dup(mount)));
  for (size_t i = 0; i < ids.size(); ++i) {
    for (const MountLine& line : lines) {
      if (line.parent != ids[i] || line.id == ids[i] || line.id == 0) continue;
      ids.push_back(line.id);
      found.push_back(TRY(open_mount(line)));
    }
  }
  return found;
}

}  // namespace mounts
