// Any bytes as the name of an image: what is accepted can be written in full and in short, and is read as the same.
#include "imagetool/registry/reference.h"

#include <algorithm>

#include "tests/fuzz/support/input.h"

using fuzz::must;

static bool is_path_safe(std::string_view text) {
  for (const std::string_view part : str::split(text, '/'))
    if (part.empty() || part == "." || part == ".." || part.starts_with('-')) return false;
  return std::ranges::all_of(
      text, [](char c) { return c > ' ' && c < 0x7f && c != '\\' && c != '?' && c != '#' && c != '%'; });
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = reference::parse(fuzz::text(data, size));
  if (!parsed.ok()) {
    fuzz::must_be_sentence(parsed.error());
    return 0;
  }
  const Reference& image = parsed.value();
  must(is_path_safe(image.name()), "a name can stand in a path and in a URL", image.name());
  must(image.registry.find('@') == std::string::npos, "a registry has no user", image.registry);
  must(std::ranges::none_of(image.repository, [](char c) { return c >= 'A' && c <= 'Z'; }),
       "a repository is lower case", image.repository);
  must(image.tag.empty() || reference::is_tag(image.tag), "a tag is one", image.tag);
  must(!image.tag.empty() || !image.digest.empty(), "there is a tag or a digest");
  for (const std::string& text : {image.text(), image.familiar()}) {
    const auto again = reference::parse(text);
    must(again.ok(), "what was written is accepted", text);
    must(again.value().name() == image.name() && again.value().tag == image.tag &&
             again.value().digest == image.digest,
         "what was written is the same image", text);
  }
  return 0;
}
