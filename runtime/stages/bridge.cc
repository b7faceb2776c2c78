#include "runtime/stages/bridge.h"

#include <linux/sched.h>
#include <sys/prctl.h>

#include "runtime/concerns/credentials.h"
#include "runtime/stages/spawn.h"

namespace stages {

namespace {

// With CLONE_PARENT the child's death is reported to our parent, which is the runtime; clone3 then wants no signal of
// its own.
template <class Body>
Result<> clone_and_announce(const char* name, uint64_t flags, Channel::Pair& ends, Body body) {
  Child child = TRY(spawn(name, flags | CLONE_PARENT, Fd(), 0, ends, body));
  return ends.child.send(Tag::init_pid, str::cat(child.pid), {child.pidfd.get()});
}

Result<> new_user_namespace(Channel& channel) {
  TRY(sys::unshare(CLONE_NEWUSER).within("making the user namespace"));
  TRY(channel.send(Tag::want_setup));
  TRY(channel.expect(Tag::setup_done));
  return credentials::become_root_inside();
}

}  // namespace

Result<> bridge(Channel::Pair& ends, const plan::Plan& plan, Handles& handles) {
  TRY(enter_host_side(handles.cgroup_tasks, plan.process.value_or(plan::Process{})));
  TRY(namespaces::join(handles.joins));
  uint64_t flags = plan.namespaces.clone_flags;
  if (flags & CLONE_NEWUSER) TRY(new_user_namespace(ends.child));
  if (!plan.namespaces.time_offsets.empty()) {
    // Offsets can only be written while nobody is inside: unshare moves our children there, not us.
    TRY(sys::unshare(CLONE_NEWTIME).within("making the time namespace"));
    // The change of ids has made /proc/self the host's.  Nobody of the container can see this process.
    TRY(sys::prctl(PR_SET_DUMPABLE, 1));
    TRY(namespaces::write_time_offsets(plan.namespaces.time_offsets));
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    flags &= ~uint64_t{CLONE_NEWTIME};
  }
  return clone_and_announce("rt:init", flags & ~uint64_t{CLONE_NEWUSER}, ends,
                            [&](Channel& channel) { return init(channel, plan, handles, Entry::bridged); });
}

Result<> bridge_to(Channel::Pair& ends, const Tenant& tenant_plan, Handles& handles) {
  TRY(enter_host_side(handles.cgroup_tasks, tenant_plan.process));
  TRY(namespaces::join_process(handles.target, handles.target_namespaces));
  return clone_and_announce("rt:exec", 0, ends,
                            [&](Channel& channel) { return tenant(channel, tenant_plan); });
}

}  // namespace stages
