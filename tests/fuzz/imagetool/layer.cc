// Three layers made from the input, from few names so that they meet: whiteouts, opaque directories, links to everywhere,
// hard links, files in the place of directories.  Applied one over the other onto a tree, and each for itself as
// overlayfs's lower directories: both give the same merged tree, and neither touches anything outside.
#include "imagetool/layers/layer.h"

#include <array>

#include "tests/fuzz/support/merged.h"

namespace {

using fuzz::must;

constexpr size_t kLayers = 3;
using Layers = std::array<std::vector<tar::Entry>, kLayers>;

std::string pick_name(fuzz::Input& input, const std::string& outside, bool whiteouts) {
  const std::string_view kParts[] = {"a", "b", "c", "d", "l", "..", ".", "", outside};
  constexpr std::string_view kHidden[] = {".wh.a",        ".wh.b",        ".wh.c", ".wh.l",
                                          ".wh..wh..opq", ".wh..wh.plnk", ".wh."};
  std::string path;
  const size_t parts = 1 + input.below(4);
  for (size_t i = 0; i < parts; ++i) {
    if (i > 0) path += '/';
    const uint8_t which = input.byte();
    const bool hidden = whiteouts && i + 1 == parts && which >= 0xa0;
    path += hidden ? kHidden[which % std::size(kHidden)] : kParts[which % std::size(kParts)];
  }
  return path.empty() ? "a" : path;
}

Layers decode(fuzz::Input& input, const std::string& outside) {
  constexpr tar::Type kTypes[] = {tar::Type::file,      tar::Type::file,    tar::Type::directory,
                                  tar::Type::directory, tar::Type::symlink, tar::Type::hard_link,
                                  tar::Type::fifo};
  Layers layers;
  for (auto& layer : layers) {
    const size_t entries = input.below(10);
    for (size_t i = 0; i < entries && !input.empty(); ++i) {
      tar::Entry entry;
      entry.type = input.one_of(kTypes);
      entry.name = pick_name(input, outside, true);
      const uint8_t shape = input.byte();
      entry.mode = shape & 1 ? 0755 : shape & 2 ? 0640 : 0700;
      entry.mtime = {1000 + shape, 0};
      if (entry.type == tar::Type::symlink || entry.type == tar::Type::hard_link)
        entry.link = pick_name(input, outside, false);
      if (entry.type == tar::Type::file) entry.size = shape % 5;
      if (shape & 64) entry.attributes = {{"user.note", str::cat(shape)}};
      layer.push_back(std::move(entry));
    }
  }
  return layers;
}

// ---- what came out ----

std::string note(Fd fd) {
  const auto value = sys::fgetxattr(fd, "user.note");
  return value.ok() ? value.value() : "-";
}

std::string describe(Fd dir, const std::string& name, const struct stat& st) {
  const bool opened = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
  std::string text = str::cat(st.st_mode, " ", st.st_uid, ":", st.st_gid, " ", st.st_mtim.tv_sec);
  if (S_ISLNK(st.st_mode)) text += " -> " + sys::readlinkat(dir, name.c_str()).take();
  if (!opened) return text;
  const auto fd = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  must(fd.ok(), "what is there can be opened", name);
  text += " note " + note(fd.value());
  char bytes[16] = {};
  if (S_ISREG(st.st_mode))
    text += str::cat(" ", st.st_size, " ",
                     std::string_view(bytes, sys::read(fd.value(), bytes, sizeof bytes).take()));
  return text;
}

void compare(const std::vector<UniqueFd>& overlay, UniqueFd tree) {
  fuzz::Listing merged, plain;
  fuzz::merge(overlay, "", describe, merged);
  std::vector<UniqueFd> one;
  one.push_back(std::move(tree));
  fuzz::merge(one, "", describe, plain);
  must(merged == plain, "both forms give the same tree",
       str::cat(fuzz::text(merged), " | ", fuzz::text(plain)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr const char* kNames[kLayers] = {"overlay0", "overlay1", "overlay2"};
  ::umask(0);
  fuzz::Input input(data, size);
  const fuzz::Scratch scratch;
  const Layers layers = decode(input, scratch.outside());
  UniqueFd tree = scratch.make("tree");
  std::vector<UniqueFd> overlay;  // topmost first
  bool good = true;
  for (size_t i = 0; i < kLayers && good; ++i) {
    const std::vector<Fd> lowers(overlay.begin(), overlay.end());
    UniqueFd own = scratch.make(kNames[i]);
    const Result<> alone = fuzz::apply(layer::Form::overlay, own, lowers, layers[i]);
    const Result<> onto = fuzz::apply(layer::Form::tree, tree, {}, layers[i]);
    overlay.insert(overlay.begin(), std::move(own));
    if (alone.ok() != onto.ok())
      must(false, "both forms refuse the same", alone.ok() ? onto.error().message : alone.error().message);
    good = alone.ok();
    if (!good) fuzz::must_be_sentence(alone.error());
  }
  scratch.check_outside();
  if (good) compare(overlay, std::move(tree));
  return 0;
}
