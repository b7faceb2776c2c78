// Where the program starts, before the C library does: create, run and exec go on from a sealed copy of the binary.
//
// sealed_exe.h says why, and still checks; were it alone, the C library would start twice, which in a virtual machine
// is a third of a millisecond each time (it asks the processor for its features, and every such question leaves the machine).
//
// Nothing is relocated, there is no thread pointer and no stack protector yet: plain code and system calls only, no calls
// into any library, no tables of pointers.  The Makefile compiles this file accordingly and refuses it if it needs more than
// _start.  What does not work here is left to sealed_exe::ensure, which knows other ways and words for what is wrong.
#include "runtime/stages/raw_calls.h"

#if defined(__x86_64__) || defined(__aarch64__)

#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

extern "C" void runtime_before_start(char** stack);
RUNTIME_ENTRY(runtime_before_start);

namespace {

bool is(const char* text, const char* word) {
  for (; *word; ++text, ++word)
    if (*text != *word) return false;
  return *text == '\0';
}

bool begins_with(const char* text, const char* start) {
  for (; *start; ++text, ++start)
    if (*text != *start) return false;
  return true;
}

// Whatever stands before the command, and whatever else is called so: sealing once too often costs little.
bool may_enter_a_container(char* const* arguments) {
  for (char* const* word = arguments; *word; ++word)
    if (is(*word, "create") || is(*word, "run") || is(*word, "exec")) return true;
  return false;
}

// The name that the kernel gives to what is executed by descriptor, as we do below.  Whoever has us executed so himself gets
// the second chance in sealed_exe::ensure, and no endless loop.
bool executed_by_descriptor(const unsigned long* auxiliary) {
  for (; auxiliary[0] != AT_NULL; auxiliary += 2)
    if (auxiliary[0] == AT_EXECFN)
      return begins_with(reinterpret_cast<const char*>(auxiliary[1]), "/dev/fd/");
  return true;
}

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

}  // namespace

void runtime_before_start(char** stack) {
  char** arguments = stack + 1;
  char** environment = arguments + *reinterpret_cast<long*>(stack) + 1;
  char** end = environment;
  while (*end) ++end;
  if (!may_enter_a_container(arguments)) return;
  if (executed_by_descriptor(reinterpret_cast<const unsigned long*>(end + 1))) return;

  const long tree = raw_call(SYS_open_tree, AT_FDCWD, address("/proc/self/exe"),
                             static_cast<long>(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), 0, 0);
  if (tree < 0) return;
  struct mount_attr attributes;
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  attributes.attr_clr = attributes.propagation = attributes.userns_fd = 0;
  if (raw_call(SYS_mount_setattr, tree, address(""), AT_EMPTY_PATH, address(&attributes),
               sizeof attributes) == 0)
    (void)raw_call(SYS_execveat, tree, address(""), address(arguments), address(environment), AT_EMPTY_PATH);
  (void)raw_call(SYS_close, tree, 0, 0, 0, 0);
}

#endif
