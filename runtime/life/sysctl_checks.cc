#include "runtime/life/sysctl_checks.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "spec/base/sys.h"

namespace sysctl_checks {

namespace {

constexpr uint64_t kSpaces = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

// "net/ipv4/conf/eth0/forwarding": where the name of a device stands in the path of a parameter.
struct DevicePart {
  size_t at = 0, size = 0;  // size 0: nowhere
};
DevicePart device_part(std::string_view path) {
  for (const std::string_view list : {"/conf/", "/neigh/"}) {
    const size_t before = path.find(list);
    if (!path.starts_with("net/") || before == std::string_view::npos) continue;
    const size_t at = before + list.size();
    return {at, std::min(path.find('/', at), path.size()) - at};
  }
  return {};
}

// A parameter that is there if and only if that of the step will be.
std::string witness(const plan::SysctlStep& step) {
  std::string path = step.path;
  const DevicePart device = device_part(path);
  const std::string_view name = std::string_view(path).substr(device.at, device.size);
  if (device.size && name != "all" && name != "default") path.replace(device.at, device.size, "lo");
  return path;
}

// A byte for each step.
Result<std::string> look_here(const plan::Plan& plan) {
  const UniqueFd procfs = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
  std::string seen;
  for (const plan::SysctlStep& step : plan.sysctls)
    seen += static_cast<char>(sysctls::presence(procfs, witness(step)));
  return seen;
}

bool is_first_only(const plan::SysctlStep& step) {
  return step.path.starts_with("net/") && step.path.find("/neigh/default/") != std::string::npos;
}

Result<> look_there(const plan::Plan& plan, const std::vector<namespaces::Joined>& joined, Fd answer) {
  TRY(namespaces::join(joined));
  TRY(sys::unshare(static_cast<int>(plan.namespaces.clone_flags & kSpaces)));
  return sys::write_all(answer, TRY(look_here(plan)));
}

// Shorter than plan.sysctls: it could not look.
Result<std::string> ask_child(const plan::Plan& plan, const std::vector<namespaces::Joined>& joined) {
  sys::SocketPair ends = TRY(sys::pipe());
  const pid_t child = TRY(sys::fork());
  if (child == 0) {
    (void)look_there(plan, joined, ends.right);  // who gets no answer looks by himself
    ::_exit(0);
  }
  ends.right.reset();
  std::string seen(plan.sysctls.size(), '\0');
  size_t size = 0;
  while (size < seen.size()) {
    const size_t got = TRY(sys::read(ends.left, seen.data() + size, seen.size() - size));
    if (got == 0) break;
    size += got;
  }
  (void)TRY(sys::waitpid(child, 0));
  seen.resize(size);
  return seen;
}

}  // namespace

std::vector<sysctls::Presence> look(const plan::Plan& plan, std::vector<namespaces::Joined> joined) {
  if (plan.sysctls.empty()) return {};
  // In another mount namespace /proc would be another's.
  std::erase_if(joined,
                [](const namespaces::Joined& j) { return (plan::clone_flag(j.type) & kSpaces) == 0; });
  Result<std::string> seen = ask_child(plan, joined);
  const bool known = seen.ok() && seen.value().size() == plan.sysctls.size();
  if (!known) seen = look_here(plan);
  std::vector<sysctls::Presence> found;
  for (size_t i = 0; seen.ok() && i < plan.sysctls.size(); ++i) {
    const bool elsewhere = !known && is_first_only(plan.sysctls[i]);
    found.push_back(elsewhere ? sysctls::Presence::absent : static_cast<sysctls::Presence>(seen.value()[i]));
  }
  return found;
}

}  // namespace sysctl_checks
