#include "runtime/concerns/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace descriptors {

namespace {

constexpr unsigned kFirst = 3;

int flags_of(unsigned fd) { return ::fcntl(static_cast<int>(fd), F_GETFD); }

bool is_ours(unsigned fd) {
  const int flags = flags_of(fd);
  return flags >= 0 && (flags & FD_CLOEXEC);
}

}  // namespace

Result<> check_given(unsigned listen_fds, unsigned count) {
  const unsigned first = kFirst + listen_fds;
  for (unsigned fd = first; fd - first < count; ++fd)
    if (flags_of(fd) < 0 || is_ours(fd))
      return Error(Kind::invalid, str::cat("--preserve-fds ", count, ": descriptor ", fd, " is not open"));
  return {};
}

Result<> close_own(unsigned preserved, std::initializer_list<Fd> keep) {
  std::vector<unsigned> kept;
  for (const Fd fd : keep)
    if (fd.valid()) kept.push_back(static_cast<unsigned>(fd.raw()));
  std::sort(kept.begin(), kept.end());
  const auto is_kept = [&](unsigned fd) { return std::binary_search(kept.begin(), kept.end(), fd); };
  unsigned next = kFirst;
  for (; next < kFirst + preserved; ++next)
    if (!is_kept(next) && is_ours(next)) TRY(sys::close_range(next, next, 0));
  for (const unsigned fd : kept) {
    if (fd < next) continue;
    if (fd > next) TRY(sys::close_range(next, fd - 1, 0));
    next = fd + 1;
  }
  return sys::close_range(next, ~0u, 0);
}

Result<> close_inherited() {
  const UniqueFd listing = TRY(sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
  for (const sys::Entry& entry : TRY(sys::list(listing))) {
    const auto fd = str::number<unsigned>(entry.name);
    if (fd && *fd >= kFirst && !is_ours(*fd)) TRY(sys::close_range(*fd, *fd, 0));
  }
  return {};
}

}  // namespace descriptors
