// System calls and the program's entry without a C library, for sealed_entry.cc alone: nothing has been set up yet when that runs.
//
// RUNTIME_ENTRY(function) defines the symbol `runtime_entry` that the Makefile names to the linker (-e).  It calls
// function(stack), where `stack` is what the kernel has left there (argc, argv, environment, auxiliary vector), and then goes
// to the C library's _start with the registers and the stack as they were.  x86_64 and aarch64; on other machines the
// program starts at _start, and sealed_exe.cc does all.
#pragma once

#if defined(__x86_64__)

#define RUNTIME_ENTRY(function)                   \
  __asm__(                                        \
      ".pushsection .text.runtime_entry,\"ax\"\n" \
      ".globl runtime_entry\n"                    \
      ".type runtime_entry, @function\n"          \
      "runtime_entry:\n"                          \
      "  endbr64\n"                               \
      "  mov %rsp, %rdi\n"                        \
      "  push %rdx\n" /* for _start: atexit */    \
      "  sub $8, %rsp\n"                          \
      "  call " #function                         \
      "\n"                                        \
      "  add $8, %rsp\n"                          \
      "  pop %rdx\n"                              \
      "  jmp _start\n"                            \
      ".size runtime_entry, .-runtime_entry\n"    \
      ".popsection\n")

inline long raw_call(long number, long a, long b, long c, long d, long e) {
  long result = number;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;  // negative: -errno
}

#elif defined(__aarch64__)

#define RUNTIME_ENTRY(function)                   \
  __asm__(                                        \
      ".pushsection .text.runtime_entry,\"ax\"\n" \
      ".globl runtime_entry\n"                    \
      ".type runtime_entry, %function\n"          \
      "runtime_entry:\n"                          \
      "  hint #34\n" /* bti c */                  \
      "  stp x0, x30, [sp, #-16]!\n"              \
      "  add x0, sp, #16\n"                       \
      "  bl " #function                           \
      "\n"                                        \
      "  ldp x0, x30, [sp], #16\n"                \
      "  b _start\n"                              \
      ".size runtime_entry, .-runtime_entry\n"    \
      ".popsection\n")

inline long raw_call(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;  // negative: -errno
}

#endif
