#include "runtime/life/interfaces.h"

#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace interfaces {

static constexpr size_t kMostInterfaces = 4 << 20;  // bytes

// Two lines of titles; then "  eth0: " and sixteen numbers, of which the 1st to 4th are received and the 9th to 12th sent
// bytes, packets, errors and drops.
std::vector<oci::InterfaceStats> parse(std::string_view net_dev) {
  constexpr size_t kNumbers = 16;
  std::vector<oci::InterfaceStats> found;
  for (const std::string_view line : str::split(net_dev, '\n')) {
    const size_t colon = line.rfind(':');  // old-style aliases have one in their names
    if (colon == std::string_view::npos) continue;
    std::vector<uint64_t> n;
    for (const std::string_view word : str::split(line.substr(colon + 1), ' '))
      if (const auto number = str::number<uint64_t>(word)) n.push_back(*number);
    if (n.size() < kNumbers) continue;
    found.push_back({.name = std::string(str::trim(line.substr(0, colon))),
                     .rx_bytes = n[0],
                     .rx_packets = n[1],
                     .rx_errors = n[2],
                     .rx_dropped = n[3],
                     .tx_bytes = n[8],
                     .tx_packets = n[9],
                     .tx_errors = n[10],
                     .tx_dropped = n[11]});
  }
  return found;
}

Result<std::vector<oci::InterfaceStats>> of_process(pid_t pid) {
  const std::string theirs = str::cat("/proc/", pid);
  if (TRY(sys::readlinkat(Fd::cwd(), (theirs + "/ns/net").c_str())) ==
      TRY(sys::readlinkat(Fd::cwd(), "/proc/self/ns/net")))
    return std::vector<oci::InterfaceStats>();
  return parse(TRY(files::read(Fd::cwd(), (theirs + "/net/dev").c_str(), kMostInterfaces)));
}

}  // namespace interfaces
