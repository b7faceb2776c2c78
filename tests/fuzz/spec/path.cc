// A tree of directories, files and links made from the input, and paths looked up in it: openat2(2) and our emulation of
// it find the same, and neither finds, makes or removes anything outside of the root (R1).
#include "spec/base/path.h"

#include "tests/fuzz/support/scratch.h"

namespace {

using fuzz::must;

std::string pick_path(fuzz::Input& input, const std::string& outside) {
  const std::string_view kParts[] = {"a", "b", "c", "d", "..", ".", "", outside, "l", "m", "canary", "/"};
  std::string path;
  const size_t parts = 1 + input.below(6);
  for (size_t i = 0; i < parts; ++i) {
    if (i > 0) path += '/';
    path += kParts[input.below(std::size(kParts))];
  }
  return path;
}

std::string show(const fuzz::Scratch& scratch, const Result<UniqueFd>& opened) {
  if (!opened.ok()) return str::cat("errno ", opened.error().errnum);
  const struct stat st = sys::fstat(opened.value()).take();
  must(!scratch.is_outside(st), "what is found is inside");
  return str::cat(st.st_mode & S_IFMT, " ", st.st_ino);
}

void build(fuzz::Input& input, Fd root, const std::string& outside) {
  constexpr const char* kNames[] = {"a", "b", "c", "d", "l", "m"};
  const size_t steps = 1 + input.below(12);
  for (size_t i = 0; i < steps; ++i) {
    const auto parent = path::open(root, pick_path(input, outside), O_PATH | O_DIRECTORY);
    const char* name = input.one_of(kNames);
    const size_t kind = input.below(4);
    const std::string target = kind > 1 ? pick_path(input, outside) : std::string();
    if (!parent.ok()) continue;
    if (kind == 0) (void)sys::mkdirat(parent.value(), name, 0755);
    if (kind == 1) (void)sys::openat(parent.value(), name, O_CREAT | O_WRONLY, 0644);
    if (kind > 1) (void)sys::symlinkat(target.c_str(), parent.value(), name);
  }
}

void compare(const fuzz::Scratch& scratch, Fd root, std::string_view path, int flags, path::Links links) {
  const std::string kernel = show(scratch, path::open(root, path, flags, 0, {.links = links}));
  const std::string emulated =
      show(scratch, path::open(root, path, flags, 0, {.links = links, .resolver = path::Resolver::emulated}));
  must(kernel == emulated, "both resolvers agree", str::cat(path, ": ", kernel, " and ", emulated));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kFlags[] = {O_PATH,
                            O_PATH | O_NOFOLLOW,
                            O_RDONLY,
                            O_RDONLY | O_NOFOLLOW,
                            O_PATH | O_DIRECTORY,
                            O_RDONLY | O_DIRECTORY};
  fuzz::Input input(data, size);
  const fuzz::Scratch scratch;
  const std::string outside = scratch.outside();
  const UniqueFd root = scratch.make("root");
  build(input, root, outside);
  for (int i = 0; i < 6 && !input.empty(); ++i) {
    const path::How how{.links = input.flag() ? path::Links::refuse : path::Links::inside,
                        .resolver = input.flag() ? path::Resolver::emulated : path::Resolver::kernel};
    const int flags = input.one_of(kFlags);
    const size_t act = input.below(6);
    const std::string path = pick_path(input, outside);
    if (act < 3) compare(scratch, root, path, flags, how.links);
    if (act == 3) (void)show(scratch, path::make_dirs(root, path, 0755, how));
    if (act == 4) (void)show(scratch, path::make_file(root, path, 0644, how));
    if (act == 5) {
      const auto place = path::parent(root, path, how);
      if (place.ok()) must(place.value().name.find('/') == std::string::npos, "a name is one component");
      if (place.ok()) (void)path::remove_tree(place.value().dir, place.value().name);
    }
  }
  scratch.check_outside();
  return 0;
}
