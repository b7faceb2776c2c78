#include "runtime/stages/sealed_exe.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "spec/base/sys.h"

namespace sealed_exe {

namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// A read-only mount of the host could become writable again.  Ours is detached and of one file, whose path is then "/".
bool runs_from_our_mount() {
  struct statvfs fs {};
  if (::statvfs(kSelf, &fs) < 0 || !(fs.f_flag & ST_RDONLY)) return false;
  const auto path = sys::readlinkat(Fd::cwd(), kSelf);
  return path.ok() && path.value() == "/";
}

bool is_sealed_memfd(Fd self) {
  const int seals = ::fcntl(self.raw(), F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

Result<UniqueFd> read_only_mount() {
  UniqueFd tree = TRY(sys::open_tree(Fd::cwd(), kSelf, OPEN_TREE_CLONE));
  struct mount_attr attributes {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  TRY(sys::mount_setattr(tree, "", AT_EMPTY_PATH, attributes));
  return tree;
}

Result<UniqueFd> sealed_copy(Fd self) {
  UniqueFd copy = TRY(sys::memfd_create_program("runtime", MFD_ALLOW_SEALING));
  const struct stat st = TRY(sys::fstat(self));
  for (off_t done = 0; done < st.st_size;) {
    const ssize_t n = ::sendfile(copy.raw(), self.raw(), nullptr, static_cast<size_t>(st.st_size - done));
    if (n <= 0) return Error::os("copying the runtime's binary: sendfile()");
    done += n;
  }
  if (::fcntl(copy.raw(), F_ADD_SEALS, kSeals) < 0) return Error::os("sealing the runtime's binary: fcntl()");
  return copy;
}

}  // namespace

Result<> ensure(char* const argv[], char* const envp[]) {
  if (runs_from_our_mount()) return {};
  UniqueFd self = TRY(sys::open(kSelf, O_RDONLY).within("opening the runtime's own binary"));
  if (is_sealed_memfd(self)) return {};
  Result<UniqueFd> mount = read_only_mount();
  UniqueFd copy = mount.ok() ? std::move(mount).take() : TRY(sealed_copy(self));
  self.reset();
  Result<> failed = sys::execveat(copy, "", argv, envp, AT_EMPTY_PATH);
  if (failed.error().errnum == ENOSYS) failed = sys::execve(copy.get().proc_path().c_str(), argv, envp);
  return std::move(failed).within("executing the runtime's sealed copy");
}

}  // namespace sealed_exe
