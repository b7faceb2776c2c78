#include "imagetool/store/holders.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <optional>
#include <set>
#include <vector>

#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace holders {

namespace {

constexpr size_t kLocks = 4 << 20;  // some 60,000 locks on the whole machine
constexpr size_t kMostNamed = 5;
const char* const kUnknown = "another process";

// proc_locks(5): "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; one who waits has "->" behind the number.
std::optional<pid_t> holder_in(std::string_view line, const std::string& file) {
  std::vector<std::string_view> words = str::split(line, ' ');
  std::erase(words, std::string_view());
  if (words.size() < 6 || words[1] != "FLOCK" || words[5] != file) return std::nullopt;
  return str::number<pid_t>(words[4]);
}

// Two hex digits and more for each half of the device, as the kernel prints them.
std::string hex(unsigned n) {
  std::string text;
  do text.insert(text.begin(), "0123456789abcdef"[n % 16]);
  while ((n /= 16) > 0);
  return text.size() < 2 ? "0" + text : text;
}

}  // namespace

std::string describe(Fd file) {
  const Result<struct stat> st = sys::fstat(file);
  const Result<std::string> locks = files::read(Fd::cwd(), "/proc/locks", kLocks);
  if (!st.ok() || !locks.ok()) return kUnknown;
  const dev_t device = st.value().st_dev;
  const std::string wanted = str::cat(hex(major(device)), ":", hex(minor(device)), ":", st.value().st_ino);
  std::set<pid_t> pids;
  for (const std::string_view line : str::split(locks.value(), '\n'))
    if (const auto pid = holder_in(line, wanted); pid && *pid > 0) pids.insert(*pid);
  std::vector<std::string> texts;
  for (const pid_t pid : pids) {
    if (texts.size() == kMostNamed) {
      texts.push_back(str::cat("and ", pids.size() - kMostNamed, " more"));
      break;
    }
    const Result<std::string> name = files::read(Fd::cwd(), str::cat("/proc/", pid, "/comm").c_str(), 64);
    texts.push_back(str::cat("process ", pid));
    if (name.ok()) texts.back() += str::cat(" (", str::printable(str::trim(name.value())), ")");
  }
  return texts.empty() ? kUnknown : str::join(texts, ", ");
}

}  // namespace holders
