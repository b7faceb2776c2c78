// Any bytes as index.json or oci-layout of an image layout on disk (`pull oci:DIR:NAME`), which is as much a
// stranger's as a registry: what is found by a name is an entry of it, is read only if it has its digest, and
// its name is what it is found by.
#include <algorithm>

#include "imagetool/registry/reference.h"
#include "imagetool/source.h"
#include "imagetool/store/catalog.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/scratch.h"

namespace {

using fuzz::must;

constexpr size_t kHead = 1;  // bytes before the document: which it is, and what is asked for
constexpr std::string_view kMark = R"({"imageLayoutVersion":"1.0.0"})";
// The only blob there is.
constexpr std::string_view kBlob = "{}";
constexpr char kBlobName[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

void check(ImageSource& source, const std::vector<oci::Descriptor>& entries) {
  must(!source.place().empty(), "a layout has a place");
  const auto root = source.root();
  if (!root.ok()) return fuzz::must_be_sentence(root.error());
  const ImageSource::Document& document = root.value();
  must(document.descriptor.size == document.text.size(), "a document has its size");
  if (oci::is_index(document.descriptor.media_type) && document.text != kBlob) return;  // index.json itself
  must(document.text == kBlob && document.descriptor.digest.hex() == kBlobName, "what is read has its digest",
       document.text);
  must(std::ranges::find(entries, document.descriptor) != entries.end(), "what is read is an entry");
}

// What the layout calls its images, and what nobody does.
std::vector<std::string> wanted_names(const std::vector<oci::Descriptor>& entries) {
  std::vector<std::string> names = {"", "latest", str::cat("@sha256:", kBlobName)};
  for (const oci::Descriptor& entry : entries) {
    const catalog::Entry said = catalog::interpret(entry);
    if (!said.name.empty()) names.push_back(said.name);
    must(said.descriptor == entry, "an entry stays what it is");
    must(said.index.empty() || oci::Digest::parse(said.index.text()).ok(), "a digest is well-formed");
    if (said.name.empty()) continue;
    const std::string ref = catalog::ref_name(said.name);
    must(catalog::ref_name(ref) == ref, "what is written into ref.name may stand there", ref);
    if (const auto own = reference::parse(said.name); own.ok())
      must(own.value().text() == said.name, "a name is written in full", said.name);
  }
  return names;
}

}  // namespace

FUZZ_JSON_BEHIND(kHead)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const std::string_view document = input.rest();
  const bool is_mark = (choice & 1) != 0;
  const std::string index = is_mark ? R"({"schemaVersion":2,"manifests":[]})" : std::string(document);
  const auto parsed = oci::parse_index(index, {});
  const std::vector<oci::Descriptor> entries =
      parsed.ok() ? parsed.value().manifests : std::vector<oci::Descriptor>();
  const std::vector<std::string> names = wanted_names(entries);
  const std::string& wanted = names[(choice >> 1) % names.size()];

  const fuzz::Scratch scratch;
  const UniqueFd layout = scratch.make("layout");
  (void)fuzz::put(layout, "oci-layout", is_mark ? document : kMark);
  (void)fuzz::put(layout, "index.json", index);
  must(sys::mkdirat(layout, "blobs", 0755).ok() && sys::mkdirat(layout, "blobs/sha256", 0755).ok(), "blobs/");
  (void)fuzz::put(layout, str::cat("blobs/sha256/", kBlobName).c_str(), kBlob);
  const auto source =
      sources::open(str::cat("oci:", layout.get().proc_path(), wanted.empty() ? "" : ":", wanted), {});
  if (!source.ok()) {
    fuzz::must_be_sentence(source.error(), false);
    must(!wanted.empty() || !parsed.ok() || entries.size() != 1 || is_mark, "the only image is found");
    return 0;
  }
  check(*source.value(), entries);
  return 0;
}
