#include "runtime/concerns/namespaces.h"

#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/id_maps.h"

namespace namespaces {

namespace {

std::string map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& m : mappings)
    text += str::cat(m.container_id, " ", m.host_id, " ", m.size, "\n");
  return text;
}

Result<> write_proc(pid_t pid, const char* name, std::string_view text) {
  const std::string path = str::cat("/proc/", pid, "/", name);
  UniqueFd file = TRY(sys::open(path.c_str(), O_WRONLY));
  return sys::write_all(file, text).within("writing ", path);
}

std::string_view type_text(int flag) {
  using oci::NamespaceType;
  for (const NamespaceType type :
       {NamespaceType::pid, NamespaceType::network, NamespaceType::mount, NamespaceType::ipc,
        NamespaceType::uts, NamespaceType::user, NamespaceType::cgroup, NamespaceType::time})
    if (plan::clone_flag(type) == static_cast<uint64_t>(flag)) return plan::text(type);
  return "unknown";
}

Result<UniqueFd> open_one(const plan::NamespaceJoin& join) {
  Result<UniqueFd> opened = sys::open(join.path.c_str(), O_RDONLY | O_NONBLOCK);
  if (!opened.ok() && opened.error().errnum == ENOENT)
    return Error(Kind::invalid, str::cat("'", join.path, "' does not exist"));
  UniqueFd fd = TRY(std::move(opened));
  const int flag = ::ioctl(fd.raw(), NS_GET_NSTYPE);
  if (flag < 0) return Error(Kind::invalid, str::cat("'", join.path, "' is no namespace"));
  if (static_cast<uint64_t>(flag) != plan::clone_flag(join.type))
    return Error(Kind::invalid, str::cat("'", join.path, "' is a namespace of type '", type_text(flag),
                                         "', not '", plan::text(join.type), "'"));
  return fd;
}

Result<> join_one(const Joined& joined) {
  return sys::setns(joined.fd, static_cast<int>(plan::clone_flag(joined.type)))
      .within("linux.namespaces[", joined.index, "]: joining the ", plan::text(joined.type), " namespace");
}

}  // namespace

bool is_own(const Joined& joined) {
  const std::string path = str::cat("/proc/self/ns/", plan::proc_name(joined.type));
  const Result<struct stat> theirs = sys::fstat(joined.fd);
  const Result<struct stat> own = sys::fstatat(Fd::cwd(), path.c_str(), 0);
  return theirs.ok() && own.ok() && theirs.value().st_ino == own.value().st_ino &&
         theirs.value().st_dev == own.value().st_dev;
}

Result<std::vector<Joined>> open(const std::vector<plan::NamespaceJoin>& joins) {
  std::vector<Joined> opened;
  for (const plan::NamespaceJoin& join : joins) {
    UniqueFd file = TRY(open_one(join).within("linux.namespaces[", join.index, "].path"));
    opened.push_back({join.type, join.index, std::move(file)});
    if (join.type == oci::NamespaceType::mount && is_own(opened.back()))
      return Error(Kind::invalid, str::cat("linux.namespaces[", join.index, "].path: '", join.path,
                                           "' is the mount namespace of the runtime itself, which would lose "
                                           "its root file system; name another, or none for a new one"));
  }
  // The mount namespace last: after it, paths mean the container's.
  std::stable_sort(opened.begin(), opened.end(), [](const Joined& a, const Joined& b) {
    return (a.type == oci::NamespaceType::mount) < (b.type == oci::NamespaceType::mount);
  });
  return opened;
}

Result<> join(const std::vector<Joined>& joined) {
  const auto user = std::find_if(joined.begin(), joined.end(),
                                 [](const Joined& j) { return j.type == oci::NamespaceType::user; });
  const bool enter_user = user != joined.end() && !is_own(*user);  // setns(2) refuses our own
  std::vector<const Joined*> later;
  for (const Joined& j : joined) {
    if (j.type == oci::NamespaceType::user) continue;
    Result<> done = join_one(j);
    if (done.ok()) continue;
    if (!enter_user || done.error().errnum != EPERM) return done;
    later.push_back(&j);
  }
  if (enter_user) TRY(join_one(*user));
  for (const Joined* j : later) TRY(join_one(*j));
  return {};
}

Result<> join_process(Fd pidfd, uint64_t flags) {
  if (flags == 0) return {};  // setns(2) takes that for an error
  return sys::setns(pidfd, static_cast<int>(flags)).within("joining the container's namespaces");
}

static Result<> write_map(pid_t pid, const char* file, const std::vector<oci::IdMapping>& mappings,
                          std::string_view property, bool privileged) {
  Result<> written = write_proc(pid, file, map_text(mappings));
  if (!written.ok() && written.error().errnum == EPERM && !privileged)
    return Error(
        Kind::denied, EPERM,
        str::cat(property, ": without root only the caller's own id can be mapped, with a size of 1"));
  return std::move(written).within(property);
}

bool groups_denied(pid_t pid) {
  const Result<std::string> text = files::read(Fd::cwd(), str::cat("/proc/", pid, "/setgroups").c_str(), 16);
  return text.ok() && text.value().starts_with("deny");
}

Result<> write_id_maps(pid_t pid, const plan::Namespaces& plan, bool privileged) {
  if (!privileged && !plan.maps_one_id())
    return id_maps::write(pid, plan.uid_mappings, plan.gid_mappings)
        .within(
            "linux.uidMappings, linux.gidMappings: without root only the caller's own id can be mapped, and ",
            "those that /etc/subuid and /etc/subgid give him");
  TRY(write_map(pid, "uid_map", plan.uid_mappings, "linux.uidMappings", privileged));
  // user_namespaces(7): without CAP_SETGID in the parent namespace gid_map takes a single line, once setgroups is denied.
  if (!privileged) TRY(write_proc(pid, "setgroups", "deny").within("linux.gidMappings"));
  return write_map(pid, "gid_map", plan.gid_mappings, "linux.gidMappings", privileged);
}

Result<UniqueFd> open_time_offsets() {
  return sys::open("/proc/self/timens_offsets", O_WRONLY).within("linux.timeOffsets");
}

Result<> write_time_offsets(Fd file, const std::string& text) {
  Result<> written = sys::write_all(file, text);
  if (!written.ok() && written.error().errnum == ERANGE)
    return Error(Kind::invalid, ERANGE,
                 "linux.timeOffsets: a clock would show less than 0 or more than it can");
  return std::move(written).within("linux.timeOffsets");
}

Result<> loopback_up() {
  const int n = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (n < 0) return Error::os("bringing up 'lo': socket()");
  UniqueFd socket(n);
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.raw(), SIOCSIFFLAGS, &request) < 0)
    return Error::os("bringing up 'lo': ioctl(SIOCSIFFLAGS)");
  return {};
}

}  // namespace namespaces
