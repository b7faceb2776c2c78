#include "runtime/life/seccomp_cache.h"

#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/life/state_dir.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace seccomp_cache {

namespace {

constexpr const char* kDirectory = "@seccomp";  // no container can be called that
constexpr size_t kMostEntry = 1 << 20;
constexpr size_t kMostEntries = 64;

struct Header {
  char magic[8];
  uint64_t key_size, instructions, checksum;
  uint32_t flags, reserved;
};
constexpr char kMagic[8] = {'s', 'e', 'c', 'c', 'o', 'm', 'p', '4'};

// FNV-1a: names the file and notices a torn write.  It decides nothing that matters for security.
uint64_t hash(std::string_view bytes) {
  uint64_t h = 0xcbf29ce484222325;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

uint64_t checksum(uint32_t flags, std::string_view filter) { return hash(str::cat(flags, ":", filter)); }

std::string file_name(std::string_view key) {
  char hex[17] = {};
  uint64_t h = hash(key);
  for (int i = 15; i >= 0; --i, h >>= 4) hex[i] = "0123456789abcdef"[h & 15];
  return hex;
}

std::string_view bytes(const std::vector<sock_filter>& filter) {
  return {reinterpret_cast<const char*>(filter.data()), filter.size() * sizeof(sock_filter)};
}

bool is_private(const struct stat& st, mode_t type) {
  return (st.st_mode & S_IFMT) == type && (st.st_mode & 077) == 0 && st.st_uid == ::geteuid();
}

// Nearly always both are there: each is made when it is missed.
Result<UniqueFd> open_directory(const std::string& state_root) {
  Result<UniqueFd> opened = sys::open(state_root.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok() && opened.error().errnum == ENOENT) {
    TRY(state_dirs::make_root(state_root));
    opened = sys::open(state_root.c_str(), O_RDONLY | O_DIRECTORY);
  }
  const UniqueFd root = TRY(std::move(opened));
  Result<UniqueFd> inner = sys::openat(root, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!inner.ok() && inner.error().errnum == ENOENT) {
    (void)sys::mkdirat(root, kDirectory, 0700);  // another runtime may be quicker
    inner = sys::openat(root, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  UniqueFd dir = TRY(std::move(inner));
  if (!is_private(TRY(sys::fstat(dir)), S_IFDIR))
    return Error(Kind::denied, str::cat("'", state_root, "/", kDirectory, "' is not private"));
  return dir;
}

std::optional<plan::SeccompProgram> decode(std::string_view entry, std::string_view key) {
  Header header{};
  if (entry.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, entry.data(), sizeof header);
  entry.remove_prefix(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.key_size != key.size())
    return std::nullopt;
  if (!entry.starts_with(key)) return std::nullopt;
  entry.remove_prefix(key.size());
  if (header.instructions > BPF_MAXINSNS || entry.size() != header.instructions * sizeof(sock_filter))
    return std::nullopt;
  if (checksum(header.flags, entry) != header.checksum || header.reserved != 0) return std::nullopt;
  plan::SeccompProgram program;
  program.flags = header.flags;
  program.filter.resize(header.instructions);
  std::memcpy(program.filter.data(), entry.data(), entry.size());
  return program;
}

std::optional<plan::SeccompProgram> load(Fd dir, const std::string& name, std::string_view key) {
  Result<UniqueFd> opened = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened.ok()) return std::nullopt;
  const UniqueFd file = std::move(opened).take();
  const Result<struct stat> st = sys::fstat(file);
  if (!st.ok() || !is_private(st.value(), S_IFREG) || st.value().st_size > static_cast<off_t>(kMostEntry))
    return std::nullopt;
  std::string entry(static_cast<size_t>(st.value().st_size), '\0');
  const Result<size_t> n = sys::pread(file, entry.data(), entry.size(), 0);
  if (!n.ok() || n.value() != entry.size()) return std::nullopt;
  return decode(entry, key);
}

Result<> store(Fd dir, const std::string& name, std::string_view key, const plan::SeccompProgram& program) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.key_size = key.size();
  header.instructions = program.filter.size();
  header.flags = program.flags;
  header.checksum = checksum(header.flags, bytes(program.filter));
  // A host with more profiles than that starts over: engines use one or two.
  const std::vector<sys::Entry> entries = TRY(sys::list(dir));
  if (entries.size() >= kMostEntries)
    for (const sys::Entry& entry : entries) (void)sys::unlinkat(dir, entry.name.c_str(), 0);
  const std::string_view head(reinterpret_cast<const char*>(&header), sizeof header);
  return files::replace(dir, name.c_str(), str::cat(head, key, bytes(program.filter)), 0600);
}

std::string full_key(const oci::Seccomp& profile) {
  const scmp_version* v = ::seccomp_version();
  return str::cat("libseccomp ", v->major, ".", v->minor, ".", v->micro, " arch ", ::seccomp_arch_native(),
                  " ", plan::seccomp_key(profile));
}

}  // namespace

Result<plan::SeccompProgram> get(const std::string& state_root, const oci::Seccomp& profile) {
  const std::string key = full_key(profile), name = file_name(key);
  Result<UniqueFd> dir = open_directory(state_root);
  if (!dir.ok()) {
    logs::debug("no cache of seccomp filters: ", dir.error().message, ", ignoring");
    return plan::make_seccomp(profile);
  }
  if (auto cached = load(dir.value(), name, key)) return std::move(*cached);
  plan::SeccompProgram program = TRY(plan::make_seccomp(profile));
  const Result<> stored = store(dir.value(), name, key, program);
  if (!stored.ok()) logs::debug("the cache of seccomp filters: ", stored.error().message, ", ignoring");
  return program;
}

}  // namespace seccomp_cache
