#include "runtime/concerns/mount_tree.h"

#include <cerrno>

#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace mounts {

namespace {

constexpr size_t kMostMountinfo = 16 << 20;  // bytes: some 100,000 mounts, the kernel's own limit

Result<UniqueFd> open_mount(const proc::MountLine& line) {
  const Result<UniqueFd> found = sys::open(line.path.c_str(), O_PATH | O_NOFOLLOW);
  if (found.ok() && TRY(sys::mount_id(found.value())) == line.id) return sys::dup(found.value());
  return Error(Kind::unsupported, ENOSYS,
               str::cat("the mount at '", line.path,
                        "' is covered by another, or moves; to change it nevertheless, mount_setattr(2) and "
                        "thus Linux 5.12 is needed"));
}

}  // namespace

Result<std::vector<proc::MountLine>> read_mount_lines() {
  const std::string text = TRY(files::read(Fd::cwd(), "/proc/self/mountinfo", kMostMountinfo));
  std::vector<proc::MountLine> lines;
  for (const std::string_view line : str::split(text, '\n')) lines.push_back(proc::parse_mount_line(line));
  return lines;
}

Result<std::vector<UniqueFd>> tree_of(Fd mount) {
  const std::vector<proc::MountLine> lines = TRY(read_mount_lines());
  std::vector<uint64_t> ids = {TRY(sys::mount_id(mount))};
  std::vector<UniqueFd> found;
  found.push_back(TRY(sys::dup(mount)));
  for (size_t i = 0; i < ids.size(); ++i) {
    for (const proc::MountLine& line : lines) {
      if (line.parent != ids[i] || line.id == ids[i] || line.id == 0) continue;
      ids.push_back(line.id);
      found.push_back(TRY(open_mount(line)));
    }
  }
  return found;
}

}  // namespace mounts
