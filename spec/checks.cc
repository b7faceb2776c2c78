#include "spec/checks.h"

#include "spec/base/text.h"

namespace checks {

std::string absolute(const std::string& path) {
  if (path.empty()) return "is empty, and must be an absolute path";
  if (path.front() != '/') return str::cat("'", str::printable(path), "' must be an absolute path");
  return {};
}

std::string not_empty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

std::string id(const uint32_t& n) {
  return n == UINT32_MAX
             ? str::cat(n, " is out of range 0..", UINT32_MAX - 1, " (it means 'no id' to the kernel)")
             : "";
}

std::string at_least_minus_one(const int64_t& n) {
  return n < -1 ? str::cat(n, " is out of range: -1 (unlimited) is the least") : "";
}

std::string cpu_list(const std::string& text) {
  constexpr size_t kLongest = 64 << 10;  // all of 8192 CPUs, each by itself, are 40 KiB
  if (text.size() > kLongest) return str::cat("is longer than ", kLongest, " characters");
  if (text.find_first_not_of("0123456789,- ") == std::string::npos) return {};
  return str::cat("'", str::printable(text), "' is not a list of numbers and ranges such as '0-3,7'");
}

std::string one_line(const std::string& text) {
  return text.find('\n') == std::string::npos ? "" : "must not hold a line feed";
}

// MAJOR() and MINOR() of the kernel's dev_t, <linux/kdev_t.h>: glibc's has more bits, which are lost on the way.
static std::string number_of_bits(const int64_t& n, int64_t largest) {
  return n < 0 || n > largest ? str::cat(n, " is out of range 0..", largest) : "";
}
std::string major_number(const int64_t& n) { return number_of_bits(n, (1 << 12) - 1); }
std::string minor_number(const int64_t& n) { return number_of_bits(n, (1 << 20) - 1); }

// netdevice(7) and dev_valid_name() in the kernel.
std::string interface_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.size() > 15 ||
      name.find_first_of("/: \t\n\v\f\r") != std::string::npos)
    return str::cat("'", str::printable(name),
                    "' is not a name of a network device (1 to 15 characters, no '/', ':' or blanks)");
  return {};
}

}  // namespace checks
