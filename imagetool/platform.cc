#include "imagetool/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>

#include "spec/base/names.h"

namespace platforms {

namespace {

// uname -m → GOARCH, the names that indexes use.
struct Machine {
  std::string_view machine, architecture;
};
constexpr Machine kMachines[] = {
    {"x86_64", "amd64"},
    {"aarch64", "arm64"},
    {"i386", "386"},
    {"i486", "386"},
    {"i586", "386"},
    {"i686", "386"},
    {"riscv64", "riscv64"},
    {"s390x", "s390x"},
    {"ppc64le", "ppc64le"},
    {"ppc64", "ppc64"},
    {"loongarch64", "loong64"},
    {"mips64", "mips64"},
};

oci::Platform linux_on(std::string_view architecture, std::string_view variant) {
  oci::Platform platform{.os = "linux", .architecture = std::string(architecture)};
  if (!variant.empty()) platform.variant = variant;
  return platform;
}

std::vector<oci::Platform> variants(std::string_view os, std::string_view architecture,
                                    std::initializer_list<std::string_view> names) {
  std::vector<oci::Platform> list;
  for (const std::string_view name : names) {
    list.push_back(linux_on(architecture, name));
    list.back().os = os;
  }
  return list;
}

// What "linux/arm" means where no variant is asked for.  An entry without a variant is the baseline (containerd's
// platforms.Normalize): amd64 is v1, arm64 is v8, arm is v7.
std::vector<oci::Platform> baseline(std::string_view os, std::string_view architecture) {
  if (architecture == "amd64") return variants(os, architecture, {"", "v1"});
  if (architecture == "arm64") return variants(os, architecture, {"v8", ""});
  if (architecture == "arm") return variants(os, architecture, {"v7", "", "v6", "v5"});
  return variants(os, architecture, {""});
}

std::vector<oci::Platform> arm_below(int version) {
  std::vector<oci::Platform> list;
  for (int v = version; v >= 5; --v) {
    list.push_back(linux_on("arm", str::cat("v", v)));
    if (v == 7) list.push_back(linux_on("arm", ""));
  }
  return list;
}

#if defined(__x86_64__)
// The levels of the x86-64 psABI, as the compiler's run-time library detects them, the operating system's part included.
int x86_level_here() {
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
                  __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                  __builtin_cpu_supports("fma");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? 4 : v3 ? 3 : v2 ? 2 : 1;
}
#else
int x86_level_here() { return 1; }
#endif

bool matches(const oci::Platform& entry, const oci::Platform& wanted) {
  return entry.os == wanted.os && entry.architecture == wanted.architecture &&
         entry.variant.value_or("") == wanted.variant.value_or("");
}

std::string list(const std::vector<oci::Platform>& platforms) {
  constexpr size_t kMost = 32;  // images for everything have some 20
  std::vector<std::string> texts;
  for (const oci::Platform& platform : platforms) {
    std::string text = str::printable(platform.text());
    if (text.size() > 64 || std::ranges::find(texts, text) != texts.end()) continue;
    if (texts.size() == kMost) {
      texts.emplace_back("and others");
      break;
    }
    texts.push_back(std::move(text));
  }
  return str::join(texts, ", ");
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

}  // namespace

std::vector<oci::Platform> of_machine(std::string_view machine, int x86_level) {
  std::vector<oci::Platform> wanted;
  if (machine == "x86_64") {
    for (int level = x86_level; level >= 2; --level)
      wanted.push_back(linux_on("amd64", str::cat("v", level)));
  } else if (machine.starts_with(
                 "arm")) {  // armv5tel, armv6l, armv7l, armv8l (a 32-bit process on a 64-bit CPU)
    const int version = machine.size() > 4 && machine[3] == 'v' ? machine[4] - '0' : 5;
    wanted = arm_below(version >= 5 && version <= 8 ? version : 5);
    return wanted;
  }
  for (const Machine& known : kMachines) {
    if (known.machine != machine) continue;
    std::ranges::move(baseline("linux", known.architecture), std::back_inserter(wanted));
    return wanted;
  }
  wanted.push_back(linux_on(machine, ""));
  return wanted;
}

std::vector<oci::Platform> host() {
  struct utsname name {};
  if (::uname(&name) < 0) return of_machine("unknown", 1);
  return of_machine(name.machine, x86_level_here());
}

Result<std::vector<oci::Platform>> parse(std::string_view text) {
  const std::vector<std::string_view> parts = str::split(text, '/');
  const auto malformed = [&] {
    return Error(Kind::invalid, str::cat("--platform '", str::printable(text),
                                         "': write os/architecture or "
                                         "os/architecture/variant, as in linux/arm64 or linux/arm/v7"));
  };
  if (parts.empty() || parts.size() > 3 || !std::ranges::all_of(parts, is_word)) return malformed();
  if (parts.size() == 1) {
    // An architecture alone, if it is one; "linux" alone says nothing.
    if (parts[0] == "linux" || parts[0] == "windows") return malformed();
    return baseline("linux", parts[0]);
  }
  if (parts.size() == 2) return baseline(parts[0], parts[1]);
  std::vector<oci::Platform> wanted = variants(parts[0], parts[1], {parts[2]});
  // The baseline's variant is often left out in an index, and written out on a command line.
  const bool is_baseline = (parts[1] == "amd64" && parts[2] == "v1") ||
                           (parts[1] == "arm64" && parts[2] == "v8") ||
                           (parts[1] == "arm" && parts[2] == "v7");
  if (is_baseline) std::ranges::move(variants(parts[0], parts[1], {""}), std::back_inserter(wanted));
  return wanted;
}

bool is_artifact(const oci::Descriptor& entry) {
  if (!oci::is_manifest(entry.media_type) && !oci::is_index(entry.media_type)) return true;
  if (entry.artifact_type || entry.annotations.contains("vnd.docker.reference.type")) return true;
  return entry.platform && (entry.platform->os == "unknown" || entry.platform->architecture == "unknown");
}

bool serves(const oci::Platform& image, const std::vector<oci::Platform>& wanted) {
  return std::ranges::any_of(wanted, [&](const oci::Platform& one) { return matches(image, one); });
}

std::string list(const oci::Index& index) {
  std::vector<oci::Platform> platforms;
  for (const oci::Descriptor& entry : index.manifests)
    if (entry.platform && !is_artifact(entry)) platforms.push_back(*entry.platform);
  return list(platforms);
}

Result<oci::Descriptor> choose(const oci::Index& index, const std::vector<oci::Platform>& wanted) {
  for (const oci::Platform& platform : wanted) {
    for (const oci::Descriptor& entry : index.manifests)
      if (entry.platform && !is_artifact(entry) && matches(*entry.platform, platform)) return entry;
  }
  // An index of one image that does not say what it is for: its config will.
  std::vector<oci::Descriptor> unnamed;
  std::ranges::copy_if(index.manifests, std::back_inserter(unnamed),
                       [](const oci::Descriptor& entry) { return !entry.platform && !is_artifact(entry); });
  const std::string there = list(index);
  if (there.empty() && unnamed.size() == 1) return unnamed.front();
  // A host's list of variants is long; its architecture says enough.
  const oci::Platform& first = wanted.front();
  const std::string asked = wanted.size() <= 2 ? first.text() : str::cat(first.os, "/", first.architecture);
  if (there.empty()) return Error(Kind::not_found, "the index lists no image for any platform");
  return Error(Kind::not_found, str::cat("there is no image for ", asked, "; there is ", there,
                                         ": choose one with --platform"));
}

}  // namespace platforms
