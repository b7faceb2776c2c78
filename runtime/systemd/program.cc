#include "runtime/systemd/program.h"

// SYSTEMD_PROGRAM is its path, from the Makefile.
__asm__(
    ".section systemd_program, \"a\"\n"
    "systemd_program_begin: .incbin \"" SYSTEMD_PROGRAM
    "\"\n"
    "systemd_program_end: .byte 0\n"
    ".previous\n");

extern "C" const char systemd_program_begin[], systemd_program_end[];

namespace systemd {

std::string_view program() {
  return {systemd_program_begin, static_cast<size_t>(systemd_program_end - systemd_program_begin)};
}

}  // namespace systemd
