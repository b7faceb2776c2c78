// The hello-world program, as a static ELF executable for each processor, without a compiler for any of them.
//
// A program is an ELF header, two program headers, some twenty instructions (code/*.s, assembled into
// code.inc), the length of the text, and the text.  The code finds the text behind itself, writes it to
// standard output until all of it is written, and exits: 0, or 1 where it cannot be written.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hello {

struct Architecture {
  const char* name;     // as GOARCH and the image specification spell it
  const char* variant;  // "" where there is none
  uint16_t machine;     // EM_…
  uint32_t flags;       // e_flags
  bool wide;            // ELFCLASS64
  bool big_endian;
  std::span<const unsigned char> code;
};

std::span<const Architecture> architectures();

std::string program(const Architecture& on, std::string_view text);

}  // namespace hello
