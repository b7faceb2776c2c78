#include "runtime/cgroups/control.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include <cerrno>

#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace cgroups {

static constexpr size_t kMostControl = 1
                                       << 20;  // bytes: cgroup.procs of a container with very many processes

Result<UniqueFd> open_file(const std::string& directory, std::string_view file) {
  return sys::open(str::cat(directory, "/", file).c_str(), O_WRONLY);
}

Result<> write_file(const std::string& directory, std::string_view file, std::string_view value) {
  const UniqueFd fd = TRY(open_file(directory, file));
  return sys::write_all(fd, value);
}

Result<std::string> read_file(const std::string& directory, std::string_view file) {
  return files::read(Fd::cwd(), str::cat(directory, "/", file).c_str(), kMostControl);
}

std::string_view value_of(std::string_view list, std::string_view key) {
  for (const std::string_view line : str::split(list, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return line.substr(key.size() + 1);
  return {};
}

bool is_gone(const Error& error) {
  return error.kind == Kind::not_found || error.errnum == ENOENT || error.errnum == ENODEV;
}

void nap(int64_t microseconds) {
  const timespec time{microseconds / 1000000, (microseconds % 1000000) * 1000};
  (void)::nanosleep(&time, nullptr);  // a shorter nap does no harm
}

bool wait_for_event(const std::string& directory, int64_t most_ms) {
  Result<UniqueFd> events = sys::open(str::cat(directory, "/cgroup.events").c_str(), O_RDONLY);
  if (!events.ok()) return false;
  const UniqueFd fd = std::move(events).take();
  (void)files::read(fd, 4096);  // a change is one since the last read
  pollfd change{fd.raw(), POLLPRI, 0};
  (void)sys::poll(std::span<pollfd>(&change, 1), static_cast<int>(most_ms));
  return true;
}

}  // namespace cgroups
