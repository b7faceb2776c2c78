#include "runtime/stages/bridge.h"

#include <linux/sched.h>
#include <sys/prctl.h>

#include "runtime/concerns/credentials.h"
#include "runtime/concerns/limits.h"
#include "runtime/stages/spawn.h"

namespace stages {

namespace {

// With CLONE_PARENT the child's death is reported to our parent, which is the runtime; clone3 then wants no signal of
// its own.
template <class Body>
Result<> clone_and_announce(const char* name, uint64_t flags, Channel::Pair& ends, Body body) {
  // The child must not speak before it has been announced: it waits for the parent's word that it is known.
  const auto announced = [&](Channel& channel) -> Result<> {
    TRY(channel.expect(Tag::known));
    return body(channel);
  };
  Child child = TRY(spawn(name, flags | CLONE_PARENT, Fd(), 0, ends, announced));
  return ends.child.send(Tag::init_pid, str::cat(child.pid), {child.pidfd.get()});
}

// Dumpable for as long as a parent without privileges has to write our maps; the namespace has nobody else in it yet.
Result<> new_user_namespace(Channel& channel) {
  TRY(sys::prctl(PR_SET_DUMPABLE, 1));
  TRY(sys::unshare(CLONE_NEWUSER).within("making the user namespace"));
  TRY(channel.send(Tag::want_setup));
  TRY(channel.expect(Tag::setup_done));
  TRY(sys::prctl(PR_SET_DUMPABLE, 0));
  return credentials::become_root_inside();
}

}  // namespace

Result<> bridge(Channel::Pair& ends, const plan::Plan& plan, Handles& handles) {
  TRY(enter_host_side(handles.cgroup_tasks, plan.process.value_or(plan::Process{})));
  const UniqueFd offsets =
      plan.namespaces.time_offsets.empty() ? UniqueFd() : TRY(namespaces::open_time_offsets());
  // Before we are anywhere that others are, and so for init as well: they could trace us, and take what we have of the host.
  TRY(sys::prctl(PR_SET_DUMPABLE, 0));
  TRY(namespaces::join(handles.joins));
  uint64_t flags = plan.namespaces.clone_flags;
  if (flags & CLONE_NEWUSER) TRY(new_user_namespace(ends.child));
  if (!plan.namespaces.time_offsets.empty()) {
    // Offsets can only be written while nobody is inside: unshare moves our children there, not us.
    TRY(sys::unshare(CLONE_NEWTIME).within("making the time namespace"));
    TRY(namespaces::write_time_offsets(offsets, plan.namespaces.time_offsets));
    flags &= ~uint64_t{CLONE_NEWTIME};
  }
  return clone_and_announce("rt:init", flags & ~uint64_t{CLONE_NEWUSER}, ends,
                            [&](Channel& channel) { return init(channel, plan, handles, Entry::bridged); });
}

Result<> bridge_to(Channel::Pair& ends, const Tenant& tenant_plan, Handles& handles) {
  const plan::Process& process = tenant_plan.process;
  // What our caller is bound to says nothing about the container; moving into its cgroup then cuts to its cpuset.
  if (process.cpus_initial.empty()) limits::reset_affinity();
  TRY(enter_host_side(handles.cgroup_tasks, process));
  TRY(sys::prctl(PR_SET_DUMPABLE, 0));
  TRY(namespaces::join_process(handles.target, handles.target_namespaces));
  return clone_and_announce("rt:exec", 0, ends,
                            [&](Channel& channel) { return tenant(channel, tenant_plan, handles); });
}

}  // namespace stages
