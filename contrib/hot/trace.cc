// Which functions of a program a command and all its processes execute: a breakpoint at the start of each, gone once hit.
//
//   hot-trace PROGRAM OUT COMMAND... <ADDRESSES     ADDRESSES, OUT: one a line, hexadecimal, from where PROGRAM is loaded
//
// Breakpoints (ptrace(2)) see everything, the C library and what runs before it included, in a program as it is: no
// instrumented build, no sampling, and the copy that `runtime` makes of itself is the same inode.  Other programs that the
// command executes run freely.  It ends with the command; what the command leaves running runs on.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>
#include <vector>

namespace {

using Address = unsigned long;
constexpr unsigned char kBreakpoint = 0xcc;

// Where `pid` has loaded the file with this inode; 0: it runs another program.
Address load_address(pid_t pid, Address inode) {
  char name[64], line[4096];
  std::snprintf(name, sizeof name, "/proc/%d/maps", pid);
  std::FILE* maps = std::fopen(name, "re");
  Address found = 0;
  while (maps && !found && std::fgets(line, sizeof line, maps)) {
    Address from = 0, offset = 0, node = 0;
    if (std::sscanf(line, "%lx-%*x %*s %lx %*s %lu", &from, &offset, &node) == 3 && node == inode)
      found = from - offset;
  }
  if (maps) std::fclose(maps);
  return found;
}

pid_t start(char** command) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0,
         PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
  ptrace(PTRACE_CONT, pid, 0, 0);
  return pid;
}

class Trace {
 public:
  Trace(Address inode, std::vector<Address> functions) : inode_(inode), functions_(std::move(functions)) {}

  // What stopped `pid` is looked at, and it goes on.
  void go_on(pid_t pid, int status) {
    const int event = status >> 16, signal = WSTOPSIG(status);
    const bool is_new = !loaded_.contains(pid);
    if (is_new) loaded_[pid] = load_address(pid, inode_);  // a copy of its parent, breakpoints included
    if (event == PTRACE_EVENT_EXEC && (loaded_[pid] = load_address(pid, inode_))) set_breakpoints(pid);
    if (ending_ && signal == SIGSTOP) {
      clear_breakpoints(pid);
      ptrace(PTRACE_DETACH, pid, 0, 0);
      return;
    }
    const bool hit = event == 0 && signal == SIGTRAP && loaded_[pid] && take_breakpoint(pid);
    // What stops a process as it comes under our eyes is no signal to it.
    const bool ours = event != 0 || hit || (is_new && signal == SIGSTOP);
    ptrace(PTRACE_CONT, pid, 0, ours ? 0 : signal);
  }

  void forget(pid_t pid) { loaded_.erase(pid); }

  // Whoever is left when the command has ended, such as a container that was created, is let go as soon as it stops for us.
  void let_go() {
    ending_ = true;
    for (const auto& [pid, loaded] : loaded_) kill(pid, SIGSTOP);
  }

  bool write(const char* name) const {
    std::FILE* out = std::fopen(name, "we");
    for (const Address at : hits_)
      if (out) std::fprintf(out, "%lx\n", at);
    return out && std::fclose(out) == 0;
  }

 private:
  // The memory of `pid`, its text as well.
  static int memory(pid_t pid) {
    char name[64];
    std::snprintf(name, sizeof name, "/proc/%d/mem", pid);
    return open(name, O_RDWR | O_CLOEXEC);
  }

  static void put(int memory, Address at, unsigned char byte) {
    if (pwrite(memory, &byte, 1, static_cast<off_t>(at)) != 1) std::perror("hot-trace: writing text");
  }

  void set_breakpoints(pid_t pid) {
    const int mem = memory(pid);
    for (const Address at : functions_) {
      unsigned char byte = 0;
      if (pread(mem, &byte, 1, static_cast<off_t>(loaded_[pid] + at)) != 1) continue;
      original_.try_emplace(at, byte);
      put(mem, loaded_[pid] + at, kBreakpoint);
    }
    close(mem);
  }

  void clear_breakpoints(pid_t pid) {
    if (!loaded_[pid]) return;
    const int mem = memory(pid);
    for (const auto& [at, byte] : original_) put(mem, loaded_[pid] + at, byte);
    close(mem);
  }

  // Whether it stopped at one of ours, which is then gone.
  bool take_breakpoint(pid_t pid) {
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, pid, 0, &registers);
    const Address at = registers.rip - 1 - loaded_[pid];
    const auto original = original_.find(at);
    if (original == original_.end()) return false;
    hits_.insert(at);
    const int mem = memory(pid);
    put(mem, registers.rip - 1, original->second);
    close(mem);
    --registers.rip;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
    return true;
  }

  Address inode_;
  std::vector<Address> functions_;
  std::map<Address, unsigned char> original_;
  std::set<Address> hits_;
  std::map<pid_t, Address> loaded_;
  bool ending_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  struct stat program {};
  if (argc < 4 || stat(argv[1], &program) != 0) {
    std::fputs("usage: hot-trace PROGRAM OUT COMMAND... <ADDRESSES\n", stderr);
    return 2;
  }
  std::vector<Address> functions;
  for (Address at = 0; std::scanf("%lx", &at) == 1;) functions.push_back(at);
  Trace trace(program.st_ino, std::move(functions));
  const pid_t first = start(argv + 3);
  int result = 1, status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (WIFSTOPPED(status)) {
      trace.go_on(pid, status);
    } else if (trace.forget(pid); pid == first) {
      result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      trace.let_go();
    }
  }
  return trace.write(argv[2]) ? result : 1;
}
