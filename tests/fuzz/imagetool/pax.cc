// Any bytes as the records of a pax header: limits are kept, and what was understood can be written down again.
// An even first byte: what follows is the header as it stands; an odd one: a line is a record, and gets its length.
#include "imagetool/layers/pax.h"

#include "imagetool/limits.h"
#include "tests/fuzz/support/input.h"
#include "tests/unit/support/tars.h"

namespace {

using fuzz::must;

void check_text(const std::optional<std::string>& text) {
  if (text)
    must(!text->empty() && text->find('\0') == std::string::npos, "a name is something without a NUL");
}

void check_number(const std::optional<uint64_t>& n) {
  if (n) must(*n <= INT64_MAX, "a number fits into 63 bits");
}

void check(const tar::Pax& pax) {
  for (const auto* text : {&pax.path, &pax.link, &pax.sparse_name}) check_text(*text);
  for (const auto* n : {&pax.size, &pax.uid, &pax.gid, &pax.sparse_size}) check_number(*n);
  if (pax.mtime)
    must(pax.mtime->tv_nsec >= 0 && pax.mtime->tv_nsec < 1000000000, "nanoseconds are below a second");
  must(pax.attributes.size() <= limits::kAttributes, "the number of attributes is limited");
  size_t bytes = 0;
  for (const tar::Attribute& attribute : pax.attributes) {
    must(!attribute.name.empty() && attribute.name.find('\0') == std::string::npos,
         "an attribute has a name");
    must(!attribute.value.empty(), "an attribute has a value");
    bytes += attribute.name.size() + attribute.value.size();
  }
  must(bytes <= limits::kTarExtension, "the size of attributes is limited");
  must(pax.sparse_map.size() <= limits::kSparseMap, "the number of pieces is limited");
  must(!pax.sparse_offset, "no piece is left without its size");
}

std::string written(const tar::Pax& pax) {
  std::string text;
  const auto record = [&](std::string_view key, std::string_view value) {
    text += Tar::record(str::cat(key, "=", value));
  };
  if (pax.path) record("path", *pax.path);
  if (pax.link) record("linkpath", *pax.link);
  if (pax.size) record("size", str::cat(*pax.size));
  if (pax.uid) record("uid", str::cat(*pax.uid));
  if (pax.gid) record("gid", str::cat(*pax.gid));
  for (const tar::Attribute& attribute : pax.attributes)
    record(str::cat("SCHILY.xattr.", attribute.name), attribute.value);
  for (const tar::Piece& piece : pax.sparse_map) {
    record("GNU.sparse.offset", str::cat(piece.offset));
    record("GNU.sparse.numbytes", str::cat(piece.size));
  }
  return text;
}

void check_round_trip(const tar::Pax& pax) {
  for (const tar::Attribute& attribute : pax.attributes)
    if (attribute.name.find('=') != std::string::npos)
      return;  // SCHILY's form cannot say it, libarchive's can
  tar::Pax again;
  const Result<> read = tar::read_pax(written(pax), again);
  must(read.ok(), "what was written is accepted", read.ok() ? "" : read.error().message);
  must(again.path == pax.path && again.link == pax.link && again.size == pax.size && again.uid == pax.uid &&
           again.gid == pax.gid,
       "what was written says the same");
  must(again.attributes.size() == pax.attributes.size(), "all attributes come back");
  for (size_t i = 0; i < pax.attributes.size(); ++i)
    must(again.attributes[i].name == pax.attributes[i].name &&
             again.attributes[i].value == pax.attributes[i].value,
         "each attribute comes back");
  must(again.sparse_map.size() == pax.sparse_map.size(), "all pieces come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  std::string text;
  if (input.flag()) {
    while (!input.empty()) text += Tar::record(std::string(input.line()));
  } else {
    text = input.rest();
  }
  tar::Pax pax;
  const Result<> first = tar::read_pax(text, pax);
  if (!first.ok()) {
    fuzz::must_be_sentence(first.error());
    return 0;
  }
  check(pax);
  check_round_trip(pax);
  // As a local header after the same as a global one.
  if (tar::read_pax(text, pax).ok()) check(pax);
  return 0;
}
