#include "contrib/hello-world/elf.h"

#include <elf.h>

namespace hello {

namespace {

#include "contrib/hello-world/code.inc"

constexpr Architecture kArchitectures[] = {
    {"amd64", "", EM_X86_64, 0, true, false, kAmd64},
    {"386", "", EM_386, 0, false, false, kI386},
    {"arm64", "v8", EM_AARCH64, 0, true, false, kArm64},
    {"arm", "v7", EM_ARM, EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_SOFT, false, false, kArm},
    {"riscv64", "", EM_RISCV, EF_RISCV_FLOAT_ABI_SOFT, true, false, kRiscv64},
    {"ppc64le", "", EM_PPC64, 2, true, false,
     kPpc64le},  // ABI version 2: the entry point is code, not a descriptor
    {"s390x", "", EM_S390, 0, true, true, kS390x},
};

// A multiple of every page size there is, and the customary place on most.
constexpr uint64_t kBase = 0x400000;
constexpr uint64_t kAlign = 0x10000;

// Writes numbers as the processor reads them.
class Writer {
 public:
  explicit Writer(const Architecture& on) : on_(on) {}

  void number(uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
      const unsigned byte = on_.big_endian ? size - 1 - i : i;
      out_.push_back(static_cast<char>(value >> (8 * byte)));
    }
  }
  void half(uint64_t value) { number(value, 2); }
  void word(uint64_t value) { number(value, 4); }
  void address(uint64_t value) { number(value, on_.wide ? 8 : 4); }  // or an offset, or a size
  void bytes(std::string_view text) { out_.append(text); }
  std::string take() { return std::move(out_); }

 private:
  const Architecture& on_;
  std::string out_;
};

struct Segment {
  uint32_t type;
  uint32_t flags;
  uint64_t address;
  uint64_t size;
  uint64_t align;
};

void program_header(Writer& out, bool wide, const Segment& s) {
  out.word(s.type);
  if (wide) out.word(s.flags);
  out.address(0);  // offset
  out.address(s.address);
  out.address(s.address);
  out.address(s.size);
  out.address(s.size);
  if (!wide) out.word(s.flags);
  out.address(s.align);
}

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

std::string program(const Architecture& on, std::string_view text) {
  const uint64_t header = on.wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
  const uint64_t segment = on.wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
  const uint64_t start = header + 2 * segment;
  const uint64_t size = start + on.code.size() + 4 + text.size();

  Writer out(on);
  out.bytes(ELFMAG);
  out.number(on.wide ? ELFCLASS64 : ELFCLASS32, 1);
  out.number(on.big_endian ? ELFDATA2MSB : ELFDATA2LSB, 1);
  out.number(EV_CURRENT, 1);
  out.bytes(std::string(EI_NIDENT - EI_OSABI, '\0'));
  out.half(ET_EXEC);
  out.half(on.machine);
  out.word(EV_CURRENT);
  out.address(kBase + start);
  out.address(header);  // where the program headers are
  out.address(0);       // no section headers
  out.word(on.flags);
  out.half(header);
  out.half(segment);
  out.half(2);
  out.half(on.wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
  out.half(0);
  out.half(0);
  program_header(out, on.wide, {PT_LOAD, PF_R | PF_X, kBase, size, kAlign});
  // Without this one the kernel gives old-fashioned programs an executable stack.
  program_header(out, on.wide, {PT_GNU_STACK, PF_R | PF_W, 0, 0, 16});

  out.bytes({reinterpret_cast<const char*>(on.code.data()), on.code.size()});
  out.word(text.size());
  out.bytes(text);
  return out.take();
}

}  // namespace hello
