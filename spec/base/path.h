// Everything beneath a root descriptor.  Inside a rootfs there are no path strings, only (root fd, relative path), and
// this is the one place that turns such a pair into a descriptor.  The rest of the work is done on that descriptor.
//
// The promise: no call opens, makes or removes anything outside `root`, whatever the tree contains and however it
// changes meanwhile.  A leading '/' means the root; '..' stops at the root; a symbolic link, absolute or not, is
// resolved as a process chrooted to `root` would see it; magic links of procfs (/proc/self/root, /proc/self/fd/N)
// are refused.  "" and "." and "/" name the root itself.
//
// Resolver::kernel is openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS (Linux 5.6).  Where that is missing or a
// seccomp filter refuses it, the same call goes on with Resolver::emulated: a walk on O_PATH|O_NOFOLLOW descriptors that
// keeps the directories it came through, so '..' needs no lookup and cannot be raced out of the root.  The tests compare
// both on the same trees.  Not done: a cache of resolved directories, which would have to trust a tree others write to.
//
// Usable between clone() and exec(): no locks, no locale, one descriptor and nothing on the heap in the kernel's case.
// Errors: Kind::not_found (errnum ENOENT), else Kind::os with ELOOP, ENOTDIR, EXDEV, …; the message names the path.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace path {

enum class Resolver { kernel, emulated };

enum class Links {
  inside,  // followed, within the root
  refuse,  // any symbolic link on the way is ELOOP; as last component too, unless O_PATH|O_NOFOLLOW asks for the link
};

struct How {
  Links links = Links::inside;
  Resolver resolver = Resolver::kernel;
};
inline constexpr How kNoSymlinks = {.links = Links::refuse};

// open(2) beneath `root`.  `flags` and `mode` as there (O_CLOEXEC is added); O_NOFOLLOW concerns the last component.
Result<UniqueFd> open(Fd root, std::string_view relative, int flags, mode_t mode = 0, How how = {});

// The directory `relative` as an O_PATH descriptor.  What is missing is made, with `mode` less the umask; the targets
// of dangling links too, within the root.  ENOTDIR where something else than a directory is in the way.
Result<UniqueFd> make_dirs(Fd root, std::string_view relative, mode_t mode, How how = {});

// A target to mount a file on: the O_PATH descriptor of `relative`, made as an empty file with `mode` less the umask if
// it is missing, and its parents with 0755; for a dangling link, what it points to.  Whatever is no directory will do,
// and is not opened; a directory is EISDIR.
Result<UniqueFd> make_file(Fd root, std::string_view relative, mode_t mode, How how = {});

// The directory that holds the last component of `relative`, and its name.  The last component is not looked up, so it
// may be a link or missing: for mknodat, unlinkat, symlinkat, renameat.  Kind::invalid if the name is "", "." or "..".
struct Parent {
  UniqueFd dir;  // O_PATH
  std::string name;
};
Result<Parent> parent(Fd root, std::string_view relative, How how = {});
// The same; missing directories are made as by make_dirs.
Result<Parent> make_parent(Fd root, std::string_view relative, mode_t mode, How how = {});

enum class Mounts {
  cross,  // what is mounted inside is emptied too; its mount point then fails with EBUSY
  stay,   // a mount point inside is EXDEV before anything of it is touched
};
// Removes `name` in `dir` and all beneath it, by descriptors, never following a link, however deep it is.  `name` is one
// component.  That it does not exist is no error.  Directories without rights for their owner are made accessible first.
// On an error the rest of the tree is left as it was at that moment.
Result<> remove_tree(Fd dir, std::string_view name, Mounts mounts = Mounts::stay);
// The same for all that is in the directory `dir`, which itself stays.
Result<> remove_contents(Fd dir, Mounts mounts = Mounts::stay);

}  // namespace path
