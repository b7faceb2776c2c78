// How the C library starts: as glibc starts it, without asking the processor what it can.
//
// Of the 0.4 ms that a static program takes from exec to exit in a virtual machine, 0.27 are spent on some 60 `cpuid`, each of
// which leaves the machine.  glibc chooses its string functions by the answers; this program has nothing to copy for which
// that matters, so it takes those that every x86-64 has, as glibc itself does where a processor can nothing more.
//
// Same steps in the same order as csu/libc-start.c of glibc 2.36 (which says why each), and for that release alone: the
// linker takes this in place of libc.a's member, and complains of two if it is in doubt.  Any other C library starts by itself,
// and so does what is not linked statically.  Compiled without stack protector: until set_guards there is no canary.
#include <features.h>

#if defined(__x86_64__) && defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {
constexpr long kDataCache = 32 * 1024, kSharedCache = 1024 * 1024;  // bytes
}

#pragma GCC visibility push(hidden)
extern "C" {

// What libc.a keeps to itself.
extern void* __libc_stack_end;
extern void* _dl_random;
void _dl_aux_init(void* auxiliary);
void __tunables_init(char** environment);
void _dl_relocate_static_pie();
void __libc_setup_tls();
void __libc_early_init(bool initial);
void __libc_init_first(int argc, char** argv, char** environment);
void* _dl_debug_initialize(uintptr_t load_address, long name_space);
extern int __libc_enable_secure;
void __libc_check_standard_fds();
int __cxa_atexit(void (*function)(void*), void* argument, void* library);

// What the linker marks.
using Initializer = void (*)(int, char**, char**);
extern Initializer __preinit_array_start[], __preinit_array_end[], __init_array_start[], __init_array_end[];
extern void (*__fini_array_start[])();
extern void (*__fini_array_end[])();
void _init();
void _fini();

// What the string functions read, as glibc has it for a processor of unknown make (sysdeps/x86/cacheinfo.h), in bytes.
long __x86_data_cache_size = kDataCache;
long __x86_data_cache_size_half = kDataCache / 2;
long __x86_shared_cache_size = kSharedCache;
long __x86_shared_cache_size_half = kSharedCache / 2;
long __x86_shared_non_temporal_threshold = kSharedCache * 3 / 4;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_stosb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = kSharedCache * 3 / 4;
int __x86_string_control = 0;

// NOLINTNEXTLINE: its name is what crt1.o calls
[[noreturn, gnu::visibility("default")]] int __libc_start_main(int (*main)(int, char**, char**), int argc,
                                                               char** argv, Initializer, void (*)(),
                                                               void (*)(), void* stack_end);
}
#pragma GCC visibility pop

namespace {

void finish(void*) {
  for (auto function = __fini_array_end; function != __fini_array_start;) (*--function)();
  _fini();
}

// Where the compiler has functions look for their stack's canary, and setjmp for what it hides addresses with: random bytes
// from the kernel, the first of which is 0, so that no string reads or writes all of the canary.
inline void set_guards() {
  uintptr_t guards[2];
  memcpy(guards, _dl_random, sizeof guards);
  asm volatile("mov %0, %%fs:0x28" ::"r"(guards[0] & ~uintptr_t{0xff}));
  asm volatile("mov %0, %%fs:0x30" ::"r"(guards[1]));
}

void initialize(int argc, char** argv) {
  for (auto function = __preinit_array_start; function != __preinit_array_end; ++function)
    (*function)(argc, argv, environ);
  _init();
  for (auto function = __init_array_start; function != __init_array_end; ++function)
    (*function)(argc, argv, environ);
}

}  // namespace

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, Initializer, void (*)(),
                      void (*)(), void* stack_end) {
  environ = argv + argc + 1;
  __libc_stack_end = stack_end;
  char** end = environ;
  while (*end) ++end;
  _dl_aux_init(end + 1);
  __tunables_init(environ);
  _dl_relocate_static_pie();  // until here nothing may be called or read through a table
  __libc_setup_tls();
  set_guards();
  __libc_early_init(true);
  __libc_init_first(argc, argv, environ);
  __cxa_atexit(finish, nullptr, nullptr);
  if (__libc_enable_secure) __libc_check_standard_fds();
  initialize(argc, argv);
  _dl_debug_initialize(0, 0);
  exit(main(argc, argv, environ));
}

#endif
