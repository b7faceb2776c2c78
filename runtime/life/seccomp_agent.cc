#include "runtime/life/seccomp_agent.h"

#include "runtime/life/io.h"
#include "spec/base/sys.h"

namespace seccomp_agent {

stages::ListenerTaker sender(const StateDir& dir, const oci::State& state, oci::Status status, pid_t pid) {
  return [&dir, &state, status, pid](Fd listener) -> Result<> {
    const oci::ExecDefaults frozen = TRY(dir.load_exec_defaults());
    const oci::Seccomp profile = frozen.seccomp.value_or(oci::Seccomp{});
    const std::string path = profile.listener_path.value_or("");
    const UniqueFd agent = TRY(io::connect("linux.seccomp.listenerPath", path, "the seccomp agent"));
    const Fd fds[] = {listener};
    const std::string metadata = profile.listener_metadata.value_or("");
    return sys::send(agent, oci::process_state(state, status, pid, {"seccompFd"}, metadata), fds)
        .within("linux.seccomp.listenerPath: sending to '", path, "'");
  };
}

}  // namespace seccomp_agent
