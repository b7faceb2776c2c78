#include "runtime/stages/sources.h"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>

#include "runtime/concerns/rootfs.h"
#include "runtime/stages/parent.h"
#include "spec/base/sys.h"

namespace stages {

namespace {

Result<> join_mounts(const Packet& request) {
  if (request.fds.size() != 2) return Error(Kind::protocol, "init sent no mount namespace");
  TRY(sys::setns(request.fds[0], CLONE_NEWNS).within("joining the container's mount namespace"));
  TRY(sys::fchdir(request.fds[1]));
  return sys::chroot(".");
}

Fd joined_user_namespace(const Handles& handles) {
  for (const namespaces::Joined& joined : handles.joins)
    if (joined.type == oci::NamespaceType::user) return joined.fd;
  return {};
}

Result<UniqueFd> answer(const Packet& request, const plan::Plan& plan, const Handles& handles) {
  if (request.tag != Tag::want_source) return Error(Kind::protocol, "init sent an unexpected message");
  if (request.payload.empty()) {
    TRY(join_mounts(request));
    return rootfs::open(plan.rootfs);
  }
  const auto position = str::number<size_t>(request.payload);
  if (!position || *position >= plan.mounts.size())
    return Error(Kind::protocol, "init asked for a mount that is none");
  return mounts::open_source(plan.mounts[*position], joined_user_namespace(handles));
}

Result<UniqueFd> ask(Channel& sources, std::string_view what, std::initializer_list<Fd> fds) {
  TRY(sources.send(Tag::want_source, what, fds));
  for (;;) {
    std::optional<Packet> packet = TRY(sources.receive());
    if (!packet) return Error(Kind::protocol, "the process that opens the sources of mounts went away");
    if (packet->tag == Tag::failed) return decode_error(packet->payload);
    if (packet->tag == Tag::source && packet->fds.size() == 1) return std::move(packet->fds[0]);
    if (packet->tag != Tag::log) return Error(Kind::protocol, "an unexpected message instead of a source");
    forward_log(packet->payload);
  }
}

}  // namespace

bool needs_sources(const plan::Plan& plan) {
  return plan.rootfs.open_outside ||
         std::any_of(plan.mounts.begin(), plan.mounts.end(),
                     [](const plan::MountStep& step) { return step.open_outside; });
}

Result<> serve_sources(Channel& channel, const plan::Plan& plan, const Handles& handles) {
  for (;;) {
    const std::optional<Packet> request = TRY(channel.receive());
    if (!request) return {};
    Result<UniqueFd> opened = answer(*request, plan, handles);
    if (!opened.ok()) return opened.take_error();
    TRY(channel.send(Tag::source, "", {opened.value().get()}));
  }
}

Result<UniqueFd> rootfs_from_outside(Channel& sources) {
  const UniqueFd ours = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
  const UniqueFd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
  return ask(sources, "", {ours.get(), root.get()});
}

mounts::Opener sources_from_outside(Channel& sources) {
  return [&sources](size_t position) { return ask(sources, str::cat(position), {}); };
}

}  // namespace stages
