#include "runtime/concerns/lsm.h"

#include <linux/magic.h>
#include <sys/prctl.h>

#include <cerrno>

#include "spec/base/sys.h"

namespace lsm {

namespace {

constexpr uint64_t kProcMagic = PROC_SUPER_MAGIC;

// A change of ids inside a user namespace has made /proc/self the host's: it becomes ours again for this moment.
Result<UniqueFd> open_own(const char* path) {
  Result<UniqueFd> opened = sys::open(path, O_WRONLY | O_NOFOLLOW);
  if (opened.ok() || opened.error().errnum != EACCES) return opened;
  TRY(sys::prctl(PR_SET_DUMPABLE, 1));
  opened = sys::open(path, O_WRONLY | O_NOFOLLOW);
  TRY(sys::prctl(PR_SET_DUMPABLE, 0));
  return opened;
}

Result<UniqueFd> open_attribute(const char* path) {
  UniqueFd file = TRY(open_own(path));
  if (sys::filesystem_magic(file) != kProcMagic)
    return Error(Kind::invalid, str::cat("'", path, "' is not on a proc file system"));
  return file;
}

}  // namespace

Result<UniqueFd> open_exec_attribute(const plan::Process& process) {
  if (!process.apparmor_profile.empty()) {
    if (!sys::fstatat(Fd::cwd(), "/sys/module/apparmor/parameters/enabled", 0).ok())
      return Error(Kind::unsupported,
                   "process.apparmorProfile: this kernel has no AppArmor; remove the property or boot with "
                   "apparmor=1");
    Result<UniqueFd> file = open_attribute("/proc/self/attr/apparmor/exec");
    if (!file.ok()) file = open_attribute("/proc/self/attr/exec");
    return std::move(file).within("process.apparmorProfile");
  }
  if (!process.selinux_label.empty()) {
    if (!sys::fstatat(Fd::cwd(), "/sys/fs/selinux/enforce", 0).ok())
      return Error(
          Kind::unsupported,
          "process.selinuxLabel: SELinux is not active on this host; remove the property or enable it");
    return open_attribute("/proc/self/attr/exec").within("process.selinuxLabel");
  }
  return UniqueFd();
}

Result<> apply(const plan::Process& process, Fd attribute) {
  if (!process.apparmor_profile.empty())
    return sys::write_all(attribute, str::cat("exec ", process.apparmor_profile))
        .within("process.apparmorProfile: '", process.apparmor_profile,
                "' (is it loaded? see apparmor_parser)");
  if (!process.selinux_label.empty())
    return sys::write_all(attribute, process.selinux_label)
        .within("process.selinuxLabel: '", process.selinux_label, "'");
  return {};
}

}  // namespace lsm
