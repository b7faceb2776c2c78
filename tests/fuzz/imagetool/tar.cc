// Any bytes as a tar archive: entries are well-formed and limited, content comes in order and within its file, and all of
// it does not depend on how the bytes arrive.
//
// Checksums are put right first, or hardly an input would get beyond its first block; one that begins with '?' stays.
#include "imagetool/layers/tar.h"

#include "imagetool/layers/tar_header.h"
#include "imagetool/limits.h"
#include "tests/fuzz/support/input.h"
#include "tests/unit/support/tars.h"

namespace {

using fuzz::must;

// Notes what it is given, pieces that touch as one.
class Recorder final : public tar::Handler {
 public:
  Result<> entry(const tar::Entry& entry) override {
    must(!in_file_, "a file ends before the next entry");
    check(entry);
    in_file_ = entry.type == tar::Type::file;
    size_ = entry.size;
    at_ = 0;
    log_ += str::cat("\nentry ", static_cast<int>(entry.type), " ", entry.name, " -> ", entry.link, " ",
                     entry.size, " ", entry.mode, " ", entry.uid, ":", entry.gid, " ", entry.mtime.tv_sec,
                     ".", entry.mtime.tv_nsec, " ", entry.major, ":", entry.minor);
    for (const tar::Attribute& attribute : entry.attributes)
      log_ += str::cat(" ", attribute.name, "=", attribute.value);
    return {};
  }
  Result<> data(uint64_t offset, std::string_view bytes) override {
    must(in_file_, "content is of a file");
    must(!bytes.empty(), "content is something");
    must(offset >= at_ && offset <= size_ && bytes.size() <= size_ - offset,
         "content is in order, in its file");
    if (offset != at_ || offset == 0) log_ += str::cat("\ndata ", offset, " ");
    log_ += bytes;
    at_ = offset + bytes.size();
    return {};
  }
  Result<> end() override {
    must(in_file_, "what ends is a file");
    in_file_ = false;
    log_ += "\nend";
    return {};
  }
  void done() const { must(!in_file_, "an archive ends behind its last file"); }
  void note(const Error& error) { log_ += str::cat("\nerror ", error.message); }
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  static void check_text(std::string_view text) {
    must(!text.empty() && text.size() <= limits::kTarName, "a name is neither empty nor too long");
    must(text.find('\0') == std::string_view::npos, "a name has no NUL");
  }
  static void check(const tar::Entry& entry) {
    const bool link = entry.type == tar::Type::hard_link || entry.type == tar::Type::symlink;
    check_text(entry.name);
    if (link) check_text(entry.link);
    must(link || entry.link.empty(), "only links have targets");
    must(entry.type == tar::Type::file || entry.size == 0, "only files have content");
    must(entry.size <= limits::kFile, "a file is limited");
    must(entry.mode <= 07777, "a mode has twelve bits");
    must(entry.uid <= INT64_MAX && entry.gid <= INT64_MAX, "owners are not negative");
    must(entry.mtime.tv_nsec >= 0 && entry.mtime.tv_nsec < 1000000000, "nanoseconds are below a second");
    must(entry.major < 1U << 12 && entry.minor < 1U << 20, "device numbers are the kernel's");
    must(entry.attributes.size() <= limits::kAttributes, "attributes are limited");
  }

  std::string log_;
  bool in_file_ = false;
  uint64_t size_ = 0, at_ = 0;
};

std::string with_checksums(std::string text) {
  for (size_t at = 0; at + tar::kBlock <= text.size(); at += tar::kBlock) {
    const std::string block = text.substr(at, tar::kBlock);
    const tar::Header header(block.data());
    if (header.zero()) continue;
    if (block[148] != '?') text.replace(at, tar::kBlock, Tar::seal(block));
    const int64_t size = header.size().value_or(0);
    if (size <= 0 || std::string_view("123456").find(header.type()) != std::string_view::npos) continue;
    if (static_cast<uint64_t>(size) > text.size()) break;
    at += (static_cast<size_t>(size) + tar::kBlock - 1) / tar::kBlock * tar::kBlock;
  }
  return text;
}

// In pieces of 1 to `most` bytes, by a fixed sequence.
std::string read(std::string_view text, size_t most) {
  Recorder recorder;
  tar::Reader reader(recorder);
  Result<> going;
  for (size_t n = most; !text.empty() && going.ok(); n = (n * 31 + 17) % most + 1) {
    const std::string_view piece = text.substr(0, n);
    text.remove_prefix(piece.size());
    going = reader.write(piece);
  }
  if (going.ok()) going = reader.finish();
  if (going.ok()) {
    recorder.done();
  } else {
    fuzz::must_be_sentence(going.error());
    recorder.note(going.error());
  }
  return recorder.log();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text = with_checksums(std::string(fuzz::text(data, size)));
  const std::string whole = read(text, SIZE_MAX);
  must(read(text, 700) == whole, "pieces make no difference");
  return 0;
}
