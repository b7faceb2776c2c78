#include "runtime/concerns/idmap.h"

#include <linux/mount.h>
#include <sched.h>

#include <cerrno>

#include "spec/base/sys.h"

namespace idmap {

namespace {

std::string as_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& m : mappings)
    text += str::cat(m.container_id, " ", m.host_id, " ", m.size, "\n");
  return text;
}

// Waits until the other end of the pipe is closed: by its maker when it is done, or by the kernel when that has died.
[[noreturn]] void hold_namespace(sys::SocketPair ends) {
  ends.right.reset();
  char unused;
  (void)sys::read(ends.left, &unused, 1);
  ::_exit(0);
}

Result<UniqueFd> map_namespace(pid_t holder, const plan::MountStep& step) {
  const std::string directory = str::cat("/proc/", holder);
  UniqueFd process = TRY(sys::open(directory.c_str(), O_PATH | O_DIRECTORY));
  UniqueFd uids = TRY(sys::openat(process, "uid_map", O_WRONLY));
  TRY(sys::write_all(uids, as_text(step.uid_mappings)).within("uidMappings"));
  UniqueFd gids = TRY(sys::openat(process, "gid_map", O_WRONLY));
  TRY(sys::write_all(gids, as_text(step.gid_mappings)).within("gidMappings"));
  return sys::openat(process, "ns/user", O_RDONLY);
}

Result<UniqueFd> make_namespace(const plan::MountStep& step) {
  sys::SocketPair ends = TRY(sys::pipe());
  sys::CloneResult holder = TRY(sys::clone3(CLONE_NEWUSER));
  if (holder.pid == 0) hold_namespace(std::move(ends));
  Result<UniqueFd> made = map_namespace(holder.pid, step);
  ends.right.reset();
  (void)sys::waitpid(holder.pid, 0);  // its end is certain and its status says nothing
  return made;
}

Error explain(const plan::MountStep& step, const Error& error) {
  const std::string where =
      str::cat("mounts[", step.index, "].options: '", step.idmap_tree ? "ridmap" : "idmap", "': ");
  if (error.errnum == EINVAL)
    return Error(Kind::unsupported, EINVAL,
                 str::cat(where, "the file system of '", step.source, "' cannot map ids on this kernel"));
  if (error.errnum == EPERM)
    return Error(
        Kind::denied, EPERM,
        str::cat(where, "only root on the host may map the ids of '", step.source, "', and only once"));
  return Error(error).within(where);
}

}  // namespace

Result<> apply(const plan::MountStep& step, Fd mount, Fd joined) {
  const bool own = !step.uid_mappings.empty();
  UniqueFd user_namespace =
      TRY((own ? make_namespace(step) : sys::dup(joined)).within("mounts[", step.index, "]: mapping ids"));
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<uint64_t>(user_namespace.raw());
  const unsigned flags = AT_EMPTY_PATH | (step.idmap_tree ? static_cast<unsigned>(AT_RECURSIVE) : 0);
  const Result<> done = sys::mount_setattr(mount, "", flags, change);
  return done.ok() ? Result<>() : explain(step, done.error());
}

}  // namespace idmap
