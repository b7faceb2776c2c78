#include "spec/base/proc.h"

#include <fcntl.h>

#include <algorithm>

#include "spec/base/sys.h"

namespace proc {

namespace {

// The numbered fields behind the name, from left to right.
class Fields {
 public:
  explicit Fields(std::string_view text) : left_(text) {}
  // Precondition: larger than the one before.  Empty: there is none.
  std::string_view at(int number) {
    size_t start = 0;  // byte by byte: most fields are one or two long
    for (; start < left_.size() && at_ < number; ++start) at_ += left_[start] == ' ';
    left_.remove_prefix(start);
    return left_.substr(0, left_.find(' '));
  }

 private:
  std::string_view left_;
  int at_ = 3;
};

}  // namespace

// `list` asks for a thousand of them: what comes behind the start time is looked at for a zombie alone.
std::optional<Stat> parse_stat(std::string_view text) {
  // Field 2 is the program's name in parentheses and may itself hold blanks and parentheses.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  constexpr int kState = 3, kFlags = 9, kStartTime = 22, kExitCode = 52;
  Fields fields(str::trim(text.substr(name_end + 1)));
  const std::string_view state = fields.at(kState);
  const auto flags = str::number<uint32_t>(fields.at(kFlags));
  const auto start = str::number<uint64_t>(fields.at(kStartTime));
  if (state.size() != 1 || !flags || !start) return std::nullopt;
  Stat found{state[0], *flags, *start, 0};
  if (found.ended()) found.exit_code = str::number<int>(fields.at(kExitCode)).value_or(0);
  return found;
}

// One read(2): the kernel writes this file whole.
std::optional<Stat> stat(pid_t pid) {
  auto opened = sys::open(str::cat("/proc/", pid, "/stat").c_str(), O_RDONLY);
  if (!opened.ok()) return std::nullopt;
  const UniqueFd file = std::move(opened).take();
  char text[2048];
  const auto size = sys::read(file, text, sizeof text);
  return size.ok() ? parse_stat(std::string_view(text, size.value())) : std::nullopt;
}

std::optional<int> exit_status(pid_t pid, Fd pidfd) {
  if (const auto status = sys::exit_status(pidfd)) return status;
  if (const auto now = stat(pid); now && now->ended()) return now->exit_code;
  return sys::exit_status(pidfd);  // its parent has waited for it meanwhile
}

// ---- mountinfo ----

// The field with this number, from 0; empty: there are less.  A host with many mounts has many of these lines.
static std::string_view field(std::string_view line, int number) {
  for (; number > 0; --number) {
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line.remove_prefix(blank + 1);
  }
  return line.substr(0, line.find(' '));
}

static std::string without_escapes(std::string_view text) {
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

MountLine parse_mount_line(std::string_view line) {
  const auto id = str::number<uint64_t>(field(line, 0));
  const auto parent = str::number<uint64_t>(field(line, 1));
  const std::string_view path = field(line, 4);
  const size_t dash = line.find(" - ");
  if (!id || !parent || path.empty() || dash == std::string_view::npos) return {};
  const std::string_view right = line.substr(dash + 3);
  return {*id, *parent, without_escapes(path), std::string(field(right, 0)), std::string(field(right, 2))};
}

}  // namespace proc
