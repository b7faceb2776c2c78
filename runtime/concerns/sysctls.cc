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

Error explain(const plan::SysctlStep& step, const Error& error, std::string_view what) {
  const std::string where = str::cat("linux.sysctl['", step.name, "']: ");
  if (error.errnum == ENOENT)
    return Error(Kind::invalid, ENOENT, str::cat(where, "this kernel has no such parameter"));
  if (error.errnum == EINVAL)
    return Error(Kind::invalid, EINVAL,
                 str::cat(where, "the kernel does not take '", str::printable(step.value), "'"));
  return Error(error).within(where, what);
}

Result<> write(const plan::SysctlStep& step, Fd file) {
  const Result<size_t> written = sys::write(file, step.value.data(), step.value.size());
  if (!written.ok()) return explain(step, written.error(), "writing");
  if (written.value() != step.value.size())
    return Error(Kind::invalid,
                 str::cat("linux.sysctl['", step.name, "']: the kernel does not take a value this long"));
  return {};
}

}  // namespace

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
      if (!made.ok()) return explain(step, file.error(), "opening");
      procfs = std::move(made).take();
      ours = true;
      file = open_parameter(procfs, step.path);
    }
    if (!file.ok()) return explain(step, file.error(), "opening");
    TRY(write(step, file.value()));
  }
  return {};
}

}  // namespace sysctls
