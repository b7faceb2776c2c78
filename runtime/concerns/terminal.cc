#include "runtime/concerns/terminal.h"

#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include <cerrno>

#include "runtime/concerns/mount_calls.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace terminal {

namespace {

constexpr size_t kLongestName = 4095;

Result<UniqueFd> open_master(const rootfs::Root& root) {
  const rootfs::Place place = rootfs::place_of(root, "dev/pts/ptmx");
  Result<UniqueFd> opened = path::open(place.base, place.path, O_RDWR | O_NOCTTY, 0, path::kNoSymlinks);
  if (!opened.ok() && (opened.error().errnum == ENOENT || opened.error().errnum == ENOTDIR))
    return Error(Kind::invalid,
                 "process.terminal: the container has no devpts at '/dev/pts'; add it to mounts");
  UniqueFd master = TRY(std::move(opened).within("process.terminal: '/dev/pts/ptmx'"));
  const struct stat st = TRY(sys::fstat(master));
  if (sys::filesystem_magic(master) == DEVPTS_SUPER_MAGIC && S_ISCHR(st.st_mode) &&
      st.st_rdev == ::makedev(5, 2))
    return master;
  return Error(Kind::invalid,
               "process.terminal: '/dev/pts/ptmx' in the container is not that of a devpts; check mounts");
}

}  // namespace

Result<Pty> open(const rootfs::Root& root, oci::ConsoleSize size, uid_t uid) {
  Pty pty;
  pty.master = TRY(open_master(root));
  const int unlock = 0;
  if (::ioctl(pty.master.raw(), TIOCSPTLCK, &unlock) < 0) return Error::os("ioctl(TIOCSPTLCK)");
  unsigned number = 0;
  if (::ioctl(pty.master.raw(), TIOCGPTN, &number) < 0) return Error::os("ioctl(TIOCGPTN)");
  pty.name = str::cat("/dev/pts/", number);
  const int slave = ::ioctl(pty.master.raw(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return Error::os("ioctl(TIOCGPTPEER)");
  pty.slave = UniqueFd(slave);
  if (size.height != 0 || size.width != 0) {
    winsize window{};
    window.ws_row = static_cast<unsigned short>(size.height);
    window.ws_col = static_cast<unsigned short>(size.width);
    if (::ioctl(pty.master.raw(), TIOCSWINSZ, &window) < 0) return Error::os("ioctl(TIOCSWINSZ)");
  }
  if (uid != 0) TRY(sys::fchownat(pty.slave, "", uid, static_cast<gid_t>(-1), AT_EMPTY_PATH));
  return pty;
}

Result<> bind_console(const rootfs::Root& root, const Pty& pty) {
  const rootfs::Place place = rootfs::place_of(root, "dev/console");
  UniqueFd target =
      TRY(path::make_file(place.base, place.path, 0620, path::kNoSymlinks).within("'/dev/console'"));
  UniqueFd console = TRY(mounts::clone_tree(pty.slave, "", {}));
  return mounts::attach(console, target).within("'/dev/console'");
}

Result<> adopt(UniqueFd slave) {
  if (::ioctl(slave.raw(), TIOCSCTTY, 0) < 0) return Error::os("ioctl(TIOCSCTTY)");
  for (const int standard : {0, 1, 2}) TRY(sys::dup2(slave, standard));
  return {};
}

Result<> send(Fd console_socket, Fd master, const std::string& name) {
  const std::string payload = name.substr(0, kLongestName);
  const Fd fds[] = {master};
  return sys::send(console_socket, payload, fds).within("sending the terminal to the console socket");
}

}  // namespace terminal
