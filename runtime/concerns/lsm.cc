#include "runtime/concerns/lsm.h"

#include <fcntl.h>
#include <linux/magic.h>

#include <cerrno>

#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace lsm {

bool has_apparmor() {
  // "N" where it is built in and was not chosen at boot.
  const Result<std::string> enabled = files::read(Fd::cwd(), "/sys/module/apparmor/parameters/enabled", 16);
  return enabled.ok() && enabled.value().starts_with('Y');
}

bool has_selinux() { return sys::fstatat(Fd::cwd(), "/sys/fs/selinux/enforce", 0).ok(); }

namespace {

bool has_label(const plan::Process& process) {
  return !process.apparmor_profile.empty() || !process.selinux_label.empty();
}

Result<> check_host(const plan::Process& process) {
  if (!process.apparmor_profile.empty() && !has_apparmor())
    return Error(Kind::unsupported,
                 "process.apparmorProfile: this kernel has no AppArmor; remove the property or boot with "
                 "apparmor=1");
  if (!process.selinux_label.empty() && !has_selinux())
    return Error(
        Kind::unsupported,
        "process.selinuxLabel: SELinux is not active on this host; remove the property or enable it");
  return {};
}

// What is written elsewhere is no label (CVE-2019-16884, CVE-2025-52881).
Result<UniqueFd> verified(Result<UniqueFd> file) {
  if (!file.ok() || sys::filesystem_magic(file.value()) == PROC_SUPER_MAGIC) return file;
  return Error(Kind::os, EXDEV, "something is mounted over the attributes of processes in /proc");
}

// ENOENT is the kernel's word for a profile that it does not have, and engines' for a command that is not there.
Result<> apply_profile(const std::string& profile, Fd attribute) {
  Result<> written = sys::write_all(attribute, str::cat("exec ", profile));
  if (!written.ok() && written.error().errnum == ENOENT)
    return Error(Kind::invalid,
                 str::cat("process.apparmorProfile: this kernel has no profile '", str::printable(profile),
                          "'; load it with apparmor_parser, or name one that aa-status lists"));
  return std::move(written).within("process.apparmorProfile: '", str::printable(profile), "'");
}

}  // namespace

Result<UniqueFd> open_procfs(const plan::Process& process) {
  if (!has_label(process)) return UniqueFd();
  TRY(check_host(process));
  UniqueFd procfs = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
  if (sys::filesystem_magic(procfs) != PROC_SUPER_MAGIC)
    return Error(Kind::invalid, "'/proc' of the host is no proc file system");
  return procfs;
}

Result<UniqueFd> open_exec_attribute(const plan::Process& process, Fd procfs) {
  if (!has_label(process)) return UniqueFd();
  if (process.apparmor_profile.empty())
    return verified(sys::openat(procfs, "self/attr/exec", O_WRONLY | O_NOFOLLOW))
        .within("process.selinuxLabel");
  Result<UniqueFd> file = sys::openat(procfs, "self/attr/apparmor/exec", O_WRONLY | O_NOFOLLOW);
  if (!file.ok()) file = sys::openat(procfs, "self/attr/exec", O_WRONLY | O_NOFOLLOW);
  return verified(std::move(file)).within("process.apparmorProfile");
}

Result<> apply(const plan::Process& process, Fd attribute) {
  if (!process.apparmor_profile.empty()) return apply_profile(process.apparmor_profile, attribute);
  if (!process.selinux_label.empty())
    return sys::write_all(attribute, process.selinux_label)
        .within("process.selinuxLabel: '", process.selinux_label, "'");
  return {};
}

}  // namespace lsm
