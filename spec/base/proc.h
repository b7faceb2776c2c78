// The texts of proc(5) that more than one part reads.  /proc/PID/stat: whether a process lives, since when, and whether it
// has executed a program.  /proc/PID/mountinfo: what is mounted where.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spec/base/fd.h"

namespace proc {

struct Stat {
  char state = 0;           // field 3: 'R', 'S', 'Z'…
  uint32_t flags = 0;       // field 9: the kernel's PF_*
  uint64_t start_time = 0;  // field 22, in clock ticks since boot: tells a reused pid from the first
  int exit_code = 0;        // field 52, of a zombie, as waitpid(2) gives it; 0 for those who may not know
  // It has been cloned and has not executed a program since (PF_FORKNOEXEC).  Also known of a zombie.
  [[nodiscard]] bool never_executed() const { return flags & 0x40; }
  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X'; }
};

// nullopt: there is no such process.
std::optional<Stat> stat(pid_t pid);
std::optional<Stat> parse_stat(std::string_view text);
// How a process ended that need not be our child, as waitpid(2) gives it; it is not waited for.  nullopt: it still runs,
// or nobody knows any more.
std::optional<int> exit_status(pid_t pid, Fd pidfd);

// A mount (proc_pid_mountinfo(5)), with the escapes of its path (\\040) undone.
struct MountLine {
  uint64_t id = 0, parent = 0;
  std::string path;     // where it is mounted, as the reader of the file sees it
  std::string type;     // "proc"
  std::string options;  // of the file system: "rw,cpu,cpuacct"
};

// id 0: it is no such line.
MountLine parse_mount_line(std::string_view line);

}  // namespace proc
