// What an image's bytes cost at the least: each part of a pull alone, by the libraries that imagetool uses and the
// fewest system calls, without a network, a store, checks or other threads.
//
//   bench-parts DIR BLOB TAR [BLOB TAR]...   a layer as it is fetched (gzip or zstd) and unpacked; DIR is empty
//
// Prints "SHA256_us INFLATE_us FILES_us": CPU, user and system, of
//   hashing both forms of all layers by OpenSSL;
//   inflating the first by ISA-L or libzstd, into a buffer that stays in the cache;
//   keeping each layer as it is fetched, in a file, and making its tree in a directory of its own: mkdirat, openat, write,
//   fchown, fchmod, utimensat, close, symlinkat, linkat, mknodat, and no call for what is right already.
// Everything is in memory before the clock starts, the list of calls too.
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "imagetool/layers/tar.h"

namespace {

constexpr size_t kBuffer = 256 << 10;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench-parts: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int must(int result, const std::string& what) {
  if (result < 0) die(what);
  return result;
}

std::string_view map(const char* path) {
  const int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
  struct stat st {};
  must(fstat(fd, &st), path);
  const auto size = static_cast<size_t>(st.st_size);
  void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (at == MAP_FAILED) die(path);
  close(fd);
  return {static_cast<const char*>(at), size};
}

long cpu_us(const std::function<void()>& work) {
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
  };
  const long before = now();
  work();
  return now() - before;
}

// ---- the bytes ----

void hash(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) die("sha256");
}

void inflate_zstd(std::string_view bytes, std::vector<char>& buffer) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (bool full = false; in.pos < in.size || full;) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context, &out, &in))) die("zstd");
    full = out.pos == out.size;
  }
  ZSTD_freeDCtx(context);
}

void inflate_gzip(std::string_view bytes, std::vector<char>& buffer) {
  inflate_state state;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  state.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  state.avail_in = static_cast<uint32_t>(bytes.size());
  while (state.block_state != ISAL_BLOCK_FINISH) {
    state.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    state.avail_out = static_cast<uint32_t>(buffer.size());
    if (isal_inflate(&state) != ISAL_DECOMP_OK) die("gzip");
  }
}

void inflate(std::string_view bytes, std::vector<char>& buffer) {
  if (bytes.starts_with("\x28\xb5\x2f\xfd"))
    inflate_zstd(bytes, buffer);
  else
    inflate_gzip(bytes, buffer);
}

// ---- the files ----

// As what arrives is kept: piece by piece.
void keep(std::string_view blob, const std::string& path) {
  const int fd = must(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), path);
  for (; !blob.empty(); blob.remove_prefix(std::min(blob.size(), kBuffer)))
    must(write(fd, blob.data(), std::min(blob.size(), kBuffer)) < 0 ? -1 : 0, path);
  close(fd);
}

struct Item {
  tar::Entry entry;
  std::string dir, name;
  std::string_view content;
};

// A layer's entries; directories that only lower layers have come before what is in them.
class Items final : public tar::Handler {
 public:
  explicit Items(std::vector<Item>& items) : items_(items) {}
  Result<> entry(const tar::Entry& entry) override {
    std::string_view path = entry.name;
    while (path.starts_with("./")) path.remove_prefix(2);
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty() || path == ".") return {};
    const size_t slash = path.rfind('/');
    const std::string dir(slash == std::string_view::npos ? "" : path.substr(0, slash));
    imply(dir);
    if (entry.type == tar::Type::directory && !there_.emplace(path).second) return {};
    items_.push_back({entry, dir, std::string(path.substr(slash + 1)), {}});
    return {};
  }
  Result<> data(uint64_t, std::string_view bytes) override {
    std::string_view& content = items_.back().content;
    // The archive is in memory as a whole, so a file's bytes stand behind each other.
    content = content.empty() ? bytes : std::string_view(content.data(), content.size() + bytes.size());
    return {};
  }
  Result<> end() override { return {}; }

 private:
  void imply(const std::string& dir) {
    if (dir.empty() || !there_.insert(dir).second) return;
    tar::Entry entry;
    entry.type = tar::Type::directory;
    entry.name = dir;
    entry.mode = 0755;
    const size_t slash = dir.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : dir.substr(0, slash);
    imply(parent);
    items_.push_back({entry, parent, dir.substr(slash + 1), {}});
  }

  std::vector<Item>& items_;
  std::unordered_set<std::string> there_;
};

void make_file(const Item& item, int dir, bool owned) {
  const char* name = item.name.c_str();
  const int fd =
      must(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, item.entry.mode & 0777), name);
  if (!item.content.empty()) must(write(fd, item.content.data(), item.content.size()) < 0 ? -1 : 0, name);
  if (!owned) must(fchown(fd, item.entry.uid & UINT32_MAX, item.entry.gid & UINT32_MAX), name);
  if (item.entry.mode & 07000) must(fchmod(fd, item.entry.mode), name);
  const timespec times[2] = {item.entry.mtime, item.entry.mtime};
  must(futimens(fd, times), name);
  close(fd);
}

// All but files and directories.
void make_other(const Item& item, int root, int dir, bool owned) {
  const tar::Entry& entry = item.entry;
  const char* name = item.name.c_str();
  if (entry.type == tar::Type::hard_link) {
    const std::string to = entry.link.starts_with("./") ? entry.link.substr(2) : entry.link;
    must(linkat(root, to.c_str(), dir, name, 0), name);
    return;
  }
  if (entry.type == tar::Type::symlink) {
    must(symlinkat(entry.link.c_str(), dir, name), name);
  } else {
    const mode_t type = entry.type == tar::Type::fifo          ? S_IFIFO
                        : entry.type == tar::Type::char_device ? S_IFCHR
                                                               : S_IFBLK;
    must(mknodat(dir, name, type | entry.mode, makedev(entry.major, entry.minor)), name);
  }
  if (!owned)
    must(fchownat(dir, name, entry.uid & UINT32_MAX, entry.gid & UINT32_MAX, AT_SYMLINK_NOFOLLOW), name);
  const timespec times[2] = {entry.mtime, entry.mtime};
  must(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW), name);
}

void make_tree(const std::vector<Item>& items, int root) {
  std::string at;
  int dir = dup(root);
  for (const Item& item : items) {
    if (item.dir != at) {
      close(dir);
      dir = must(openat(root, item.dir.empty() ? "." : item.dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC),
                 item.dir);
      at = item.dir;
    }
    const bool owned = item.entry.uid == 0 && item.entry.gid == 0;
    if (item.entry.type == tar::Type::file) {
      make_file(item, dir, owned);
    } else if (item.entry.type != tar::Type::directory) {
      make_other(item, root, dir, owned);
    } else {
      must(mkdirat(dir, item.name.c_str(), item.entry.mode), item.entry.name);
      if (!owned)
        must(fchownat(dir, item.name.c_str(), item.entry.uid & UINT32_MAX, item.entry.gid & UINT32_MAX, 0),
             item.name);
    }
  }
  close(dir);
  for (const Item& item : items) {
    if (item.entry.type != tar::Type::directory) continue;
    const timespec times[2] = {item.entry.mtime, item.entry.mtime};
    must(utimensat(root, (item.dir.empty() ? item.name : item.dir + "/" + item.name).c_str(), times, 0),
         item.name);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) {
    std::fputs("usage: bench-parts DIR BLOB TAR [BLOB TAR]...\n", stderr);
    return 2;
  }
  umask(0);
  std::vector<char> buffer(kBuffer, '\0');
  long hashed = 0, inflated = 0, made = 0;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view blob = map(argv[i]), archive = map(argv[i + 1]);
    hashed += cpu_us([&] { hash(blob), hash(archive); });
    inflated += cpu_us([&] { inflate(blob, buffer); });
    std::vector<Item> items;
    Items collect(items);
    tar::Reader reader(collect);
    if (!reader.write(archive).ok() || !reader.finish().ok()) die(argv[i + 1]);
    const std::string target = std::string(argv[1]) + "/" + std::to_string(i);
    must(mkdir(target.c_str(), 0755), target);
    const int root = must(open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), target);
    made += cpu_us([&] { keep(blob, target + ".blob"), make_tree(items, root); });
    close(root);
    munmap(const_cast<char*>(blob.data()), blob.size());
    munmap(const_cast<char*>(archive.data()), archive.size());
  }
  std::printf("%ld %ld %ld\n", hashed, inflated, made);
  return 0;
}
