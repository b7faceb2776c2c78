// Mounts: mount(2) and the calls of the new mount API by number.
#include <sys/mount.h>
#include <sys/syscall.h>

#include "spec/base/sys_detail.h"

namespace sys {

using detail::at;
using detail::newer;

Result<> mount(const char* source, const char* target, const char* type, unsigned long flags,
               const void* data) {
  SYS_DONE(::mount(source, target, type, flags, data), "mount", str::cat("\"", target, "\""));
}
Result<> umount2(const char* target, int flags) {
  SYS_DONE(::umount2(target, flags), "umount", str::cat("\"", target, "\""));
}
Result<> pivot_root(const char* new_root, const char* put_old) {
  SYS_DONE(::syscall(SYS_pivot_root, new_root, put_old), "pivot_root",
           str::cat("\"", new_root, "\", \"", put_old, "\""));
}
Result<UniqueFd> open_tree(Fd dir, const char* path, unsigned flags) {
  const long n = ::syscall(SYS_open_tree, dir.raw(), path, flags | OPEN_TREE_CLOEXEC);
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return newer("open_tree", at(dir, path), "5.2", err);
}
Result<> move_mount(Fd from, const char* from_path, Fd to, const char* to_path, unsigned flags) {
  SYS_DONE_SINCE("5.2", ::syscall(SYS_move_mount, from.raw(), from_path, to.raw(), to_path, flags),
                 "move_mount", at(to, to_path));
}
Result<UniqueFd> fsopen(const char* type) {
  const long n = ::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return newer("fsopen", type, "5.2", err);
}

// The kernel's explanations wait in the context, one message to a read: "e overlay: No changes allowed …".
static std::string context_log(Fd context) {
  std::string text;
  char line[512];
  for (int i = 0; i < 16; ++i) {
    const ssize_t n = ::read(context.raw(), line, sizeof line);
    if (n <= 2) break;
    const std::string_view message = str::trim(std::string_view(line, static_cast<size_t>(n)).substr(2));
    text += str::cat(text.empty() ? "" : "; ", message);
  }
  return text;
}

Result<> fsconfig(Fd context, unsigned command, const char* key, const void* value, int aux) {
  if (::syscall(SYS_fsconfig, context.raw(), command, key, value, aux) >= 0) return {};
  const int err = errno;
  Error error = newer("fsconfig", key ? key : "create", "5.2", err);
  const std::string explained = context_log(context);
  if (!explained.empty()) error.message += str::cat(" (kernel: ", explained, ")");
  return error;
}
Result<UniqueFd> fsmount(Fd context, unsigned attributes) {
  const long n = ::syscall(SYS_fsmount, context.raw(), FSMOUNT_CLOEXEC, attributes);
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  Error error = newer("fsmount", "", "5.2", err);
  const std::string explained = context_log(context);
  if (!explained.empty()) error.message += str::cat(" (kernel: ", explained, ")");
  return error;
}
Result<> mount_setattr(Fd dir, const char* path, unsigned flags, const struct mount_attr& attributes) {
  SYS_DONE_SINCE("5.12", ::syscall(SYS_mount_setattr, dir.raw(), path, flags, &attributes, sizeof attributes),
                 "mount_setattr", at(dir, path));
}

}  // namespace sys
