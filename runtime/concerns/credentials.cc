#include "runtime/concerns/credentials.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace credentials {

Result<> become_root_inside() {
  TRY(sys::setresgid(0).within("becoming gid 0 of the user namespace (is it in linux.gidMappings?)"));
  return sys::setresuid(0).within("becoming uid 0 of the user namespace (is it in linux.uidMappings?)");
}

void give_streams(uid_t uid) {
  for (const int standard : {0, 1, 2}) {
    const auto st = sys::fstat(Fd(standard));
    if (!st.ok() || !S_ISFIFO(st.value().st_mode) || st.value().st_uid == uid) continue;
    // One that is not ours to give still works as it is.
    (void)sys::fchownat(Fd(standard), "", uid, static_cast<gid_t>(-1), AT_EMPTY_PATH);
  }
}

// EINVAL is what user_namespaces(7) says of an id without a mapping.
static Result<> explained(Result<> done, std::string_view property, std::optional<uint32_t> id) {
  if (done.ok() || done.error().errnum != EINVAL) return std::move(done).within(property);
  return Error(Kind::invalid, EINVAL,
               str::cat(property, ": ", id ? str::cat(*id) : std::string("one of them"),
                        " is not mapped in the container's user namespace"));
}

Result<> apply(const plan::Process& process) {
  if (process.umask) (void)::umask(*process.umask);  // cannot fail
  if (process.set_groups)
    TRY(explained(sys::setgroups(process.groups), "process.user.additionalGids", std::nullopt));
  TRY(explained(sys::setresgid(process.gid), "process.user.gid", process.gid));
  return explained(sys::setresuid(process.uid), "process.user.uid", process.uid);
}

Result<> new_session_keyring(std::string_view id) {
  const std::string name = str::cat("_ses.", id);
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str()) >= 0) return {};
  const int err = errno;
  if (err == ENOSYS || err == EPERM || err == EDQUOT) {
    logs::debug("no session keyring of its own: ", Error::os("keyctl()", err).message, ", ignoring");
    return {};
  }
  return Error::os(str::cat("keyctl(join session keyring \"", name, "\")"), err);
}

}  // namespace credentials
