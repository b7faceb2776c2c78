// Tar as a stream: bytes are pushed in, entries come out.  Nothing is read twice and nothing is seeked, so memory use is
// one header, its extensions and its sparse map, all of them limited.
//
// Understood: v7, ustar, star, pax (x and g: path, linkpath, size, uid, gid, mtime, SCHILY.xattr.*, LIBARCHIVE.xattr.*),
// GNU (long names and links, base-256 numbers, sparse files of the old form 'S' and pax 0.0, 0.1, 1.0).
//
// Where implementations differ, we read as Go's archive/tar does, because docker, containerd, podman and umoci all use
// it and two readers of one layer must see the same files: links, directories, devices and fifos have no content whatever
// their size field says; type '\0' with a trailing slash is a directory; a GNU long name beats a pax path; a second x
// header replaces the first.  Unlike Go: type '7' (contiguous) is a file, as POSIX says; global pax headers apply to
// what follows, as POSIX says; a negative size or owner and a checksum that does not hold are errors; volume labels
// ('V') are skipped.  POSIX would treat unknown types as files, and Go's users fail at them; so do we, with a sentence.
//
// An archive ends with two zero blocks; what comes after them is ignored (but is part of the diff_id, which is hashed
// outside), and there may not be much of it.  One that ends without them between two entries is accepted, as everybody does; one that ends within an
// entry is not.  One zero block with something behind it is refused.
#pragma once

#include <time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "spec/base/error.h"

namespace tar {

enum class Type { file, hard_link, symlink, char_device, block_device, directory, fifo };

struct Attribute {
  std::string name, value;
};

struct Entry {
  Type type = Type::file;
  std::string name;   // as it stands in the archive; not empty, no NUL
  std::string link;   // the target of hard and symbolic links; not empty for them
  uint64_t size = 0;  // of the file as a reader sees it, holes included; 0 for all but files
  uint32_t mode = 0;  // the twelve permission bits
  uint64_t uid = 0, gid = 0;
  struct timespec mtime = {0, 0};
  uint32_t major = 0, minor = 0;  // of devices
  std::vector<Attribute> attributes;
};

// Who receives the entries.  For a file: entry(), then data() with ascending offsets (what is left out is a hole), then
// end().  For all others: entry() alone.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Result<> entry(const Entry& entry) = 0;
  virtual Result<> data(uint64_t offset, std::string_view bytes) = 0;
  virtual Result<> end() = 0;
};

class Reader final : public Sink {
 public:
  explicit Reader(Handler& handler, uint64_t most_entries = limits::kEntries);
  ~Reader() override;
  // Errors: Kind::invalid for archives that are damaged or over a limit, Kind::unsupported for types that we do not
  // know; the handler's own.  All of them begin with the entry's name where there is one.
  Result<> write(std::string_view bytes) override;
  Result<> finish() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tar
