#include "imagetool/bundle/machine.h"

#include <sys/utsname.h>

#include "spec/base/names.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

std::optional<std::string_view> Machine::variable(std::string_view name) const {
  for (const std::string& entry : environment) {
    const std::string_view text = entry;
    if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name))
      return text.substr(name.size() + 1);
  }
  return std::nullopt;
}

namespace machines {

namespace {

constexpr names::Table<std::string_view> kArchitectures[] = {
    // image-spec's word, uname's word
    {"amd64", "x86_64"},    {"386", "i686"},        {"386", "i586"},    {"386", "i386"},
    {"arm64", "aarch64"},   {"arm", "armv8l"},      {"arm", "armv7l"},  {"arm", "armv6l"},
    {"ppc64le", "ppc64le"}, {"riscv64", "riscv64"}, {"s390x", "s390x"}, {"loong64", "loongarch64"},
    {"mips64le", "mips64"},
};

// The number that `text` begins with, which is cut off together with one '.' behind it.
unsigned take_number(std::string_view& text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const unsigned n = str::number<unsigned>(text.substr(0, digits)).value_or(0);
  text.remove_prefix(digits);
  if (text.starts_with('.')) text.remove_prefix(1);
  return n;
}

std::vector<std::string> thermal_paths() {
  constexpr const char* kProcessors = "/sys/devices/system/cpu";
  std::vector<std::string> found;
  Result<UniqueFd> dir = sys::open(kProcessors, O_RDONLY | O_DIRECTORY);
  if (!dir.ok()) return found;  // no sysfs here: nothing to hide
  Result<std::vector<sys::Entry>> entries = sys::list(dir.value());
  if (!entries.ok()) return found;
  for (const sys::Entry& entry : entries.value()) {
    if (!entry.name.starts_with("cpu") || !str::number<unsigned>(entry.name.substr(3))) continue;
    const std::string below = entry.name + "/thermal_throttle";
    if (sys::fstatat(dir.value(), below.c_str(), 0).ok()) found.push_back(str::cat(kProcessors, "/", below));
  }
  return found;
}

}  // namespace

seccomp_profile::Machine processor(std::string_view machine, std::string_view release) {
  seccomp_profile::Machine result;
  const std::optional<std::string_view> known = names::value(kArchitectures, machine);
  result.architecture = known.value_or(machine);
  result.kernel_major = take_number(release);
  result.kernel_minor = take_number(release);
  return result;
}

Result<Machine> probe(const rootless::Caller& caller, const std::vector<std::string>& environment) {
  Machine machine{.caller = caller, .environment = environment};
  machine.cwd = TRY(sys::readlinkat(Fd::cwd(), "/proc/self/cwd").within("finding the current directory"));
  machine.program = TRY(sys::readlinkat(Fd::cwd(), "/proc/self/exe").within("finding this program"));
  struct utsname name {};
  if (::uname(&name) < 0) return Error::os("uname()");
  machine.processor = processor(name.machine, name.release);
  machine.thermal_paths = thermal_paths();
  return machine;
}

}  // namespace machines
