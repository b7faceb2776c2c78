// Points at which a test ends this program, to see what it leaves behind: tests/container/suite_killed.
//
// Every system call of sys.h that changes something, or waits, is such a point: whoever is killed between two of them
// leaves what they would leave at the second.  Each process of ours counts its own.  The environment says where it happens,
// and to whom:
//   PROJECT_FAULT=init:12:self      the process "rt:init" ends before its 12th call
//   PROJECT_FAULT=init:12:runtime   it goes on, and the program that was called ("runtime") ends there
//   PROJECT_FAULT=init:12:overrun   it makes a mistake, for tests/sanitize to see it found: overrun, overflow, wild, assert, leak
// The end is SIGKILL, about which nobody can do anything.  Only what is built with -DPROJECT_FAULT_POINTS (`make faulty`)
// has these points: elsewhere they are nothing, and the variable is not looked at.
#pragma once

namespace fault {

#ifdef PROJECT_FAULT_POINTS
// Ahead of the system call of that name.
void point(const char* call);
#else
inline void point(const char*) {}
#endif

}  // namespace fault
