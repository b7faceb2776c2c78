#include "runtime/concerns/sysctls.h"

#include <linux/magic.h>
#include <linux/mount.h>

#include <cerrno>

#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace sysctls {

namespace {

// A procfs that nobody else can reach.  It is detached and stays so: closing it costs a grace period, hence only where
// the runtime's /proc does not do.
Result<UniqueFd> private_procfs() {
  UniqueFd context = TRY(sys::fsopen("proc"));
  TRY(sys::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  return sys::fsmount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Result<UniqueFd> open_parameter(Fd procfs, const std::string& path) {
  UniqueFd file = TRY(path::open(procfs, str::cat("sys/", path), O_WRONLY, 0, path::kNoSymlinks));
  if (sys::filesystem_magic(file) != PROC_SUPER_MAGIC)
    return Error(Kind::os, EXDEV, "something is mounted over it");
  return file;
}

// Why it could not be opened.
Error cannot_open(Fd procfs, const plan::SysctlStep& step, const Error& error) {
  const std::string where = str::cat("linux.sysctl['", step.name, "']: ");
  const Presence found = presence(procfs, step.path);
  if (found == Presence::writable) return Error(error).within(where, "opening");
  return Error(Kind::invalid, error.errnum, str::cat(where, objection(step, found)));
}

Result<> write(const plan::SysctlStep& step, Fd file) {
  const Result<size_t> written = sys::write(file, step.value.data(), step.value.size());
  const std::string where = str::cat("linux.sysctl['", step.name, "']: ");
  if (!written.ok() && written.error().errnum == EINVAL)
    return Error(Kind::invalid, EINVAL,
                 str::cat(where, "the kernel does not take '", str::printable(step.value), "'"));
  if (!written.ok()) return Error(written.error()).within(where, "writing");
  if (written.value() != step.value.size())
    return Error(Kind::invalid, str::cat(where, "the kernel does not take a value this long"));
  return {};
}

}  // namespace

Presence presence(Fd procfs, const std::string& path) {
  constexpr mode_t kAnybody = 0222;
  const Result<struct stat> st = sys::fstatat(procfs, str::cat("sys/", path).c_str(), 0);
  if (!st.ok()) return Presence::absent;
  return st.value().st_mode & kAnybody ? Presence::writable : Presence::read_only;
}

std::string objection(const plan::SysctlStep& step, Presence presence) {
  const std::string there =
      step.space == oci::NamespaceType::network ? " in the container's network namespace" : "";
  if (presence == Presence::absent) return str::cat("this kernel has no such parameter", there);
  return str::cat("it can only be read", there);
}

Result<> spare_host(const std::vector<plan::SysctlStep>& steps,
                    const std::vector<namespaces::Joined>& joined) {
  for (const plan::SysctlStep& step : steps)
    for (const namespaces::Joined& space : joined)
      if (space.type == step.space && namespaces::is_own(space))
        return Error(Kind::invalid,
                     str::cat("linux.sysctl['", str::printable(step.name), "']: the ", plan::text(space.type),
                              " namespace at linux.namespaces[", space.index,
                              "].path is the host's, and so is the parameter; remove one of the two"));
  return {};
}

Result<> apply(const std::vector<plan::SysctlStep>& steps) {
  if (steps.empty()) return {};
  UniqueFd procfs = TRY(sys::open("/proc", O_PATH | O_DIRECTORY));
  bool ours = false;
  for (const plan::SysctlStep& step : steps) {
    Result<UniqueFd> file = open_parameter(procfs, step.path);
    if (!file.ok() && !ours) {
      Result<UniqueFd> made = private_procfs();
      if (!made.ok()) return cannot_open(procfs, step, file.error());
      procfs = std::move(made).take();
      ours = true;
      file = open_parameter(procfs, step.path);
    }
    if (!file.ok()) return cannot_open(procfs, step, file.error());
    TRY(write(step, file.value()));
  }
  return {};
}

}  // namespace sysctls
