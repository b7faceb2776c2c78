#include <criterion/criterion.h>
#include <elf.h>

#include <cerrno>
#include <cstring>

#include "runtime/concerns/command.h"
#include "tests/unit/support/expect.h"

namespace {

// The first bytes of a program for `machine` that asks for `loader`.
std::string elf(uint16_t machine, std::string_view loader) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_machine = machine;
  header.e_phoff = sizeof header;
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_INTERP;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = loader.size() + 1;
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  text += loader;
  return text + '\0';
}

}  // namespace

Test(command, explain) {
  const uint16_t foreign = EM_S390;
  const struct {
    int error_number;
    std::string head;
    bool interpreter_exists;
    Kind kind;
    const char* want;  // behind 'process.args[0]: exec: "/x": ', its beginning
  } cases[] = {
      {ENOENT, "", false, Kind::command_missing, "no such file or directory"},
      {ENOTDIR, "", false, Kind::command_missing, "no such file or directory"},
      {ENOENT, "#!/bin/bash\n", false, Kind::command_missing,
       "no such file or directory: the file exists, but its interpreter '/bin/bash' (line 1) is not in the "
       "root file system"},
      {ENOENT, "#! \t/usr/bin/env -S node\n", false, Kind::command_missing,
       "no such file or directory: the file exists, but its interpreter '/usr/bin/env' (line 1)"},
      {ENOENT, "#!/bin/sh\r\necho\r\n", false, Kind::command_missing,
       "no such file or directory: the file exists, but its interpreter '/bin/sh\\r' (line 1) is not in the "
       "root file "
       "system; the script has Windows line ends (CR LF), which become part of that name"},
      {ENOENT, elf(foreign, "/lib/ld.so"), false, Kind::command_missing,
       "no such file or directory: the file exists, but its program loader '/lib/ld.so' is not in the root "
       "file system"},
      {ENOENT, "#!/bin/sh\n", true, Kind::command_missing, "no such file or directory"},
      {EACCES, "", false, Kind::command_denied, "permission denied: "},
      {ENOEXEC, elf(foreign, "/lib/ld.so"), false, Kind::command_denied,
       "exec format error: it is a program for s390, this host is "},
      {ENOEXEC, "text", false, Kind::command_denied, "exec format error: it is neither"},
      {ENOEXEC, "", false, Kind::command_denied, "exec format error: it is neither"},
      {ENOEXEC,
       "\x7f"
       "ELF",
       false, Kind::command_denied, "exec format error: it is neither"},
      {E2BIG, "", false, Kind::os, "execve(): "},
  };
  for (const auto& c : cases) {
    const Error error = command::explain("/x", c.error_number, c.head, c.interpreter_exists);
    cr_expect(error.kind == c.kind, "%s", c.want);
    const std::string want = str::cat("process.args[0]: exec: \"/x\": ", c.want);
    expect_text(error.message.substr(0, want.size()), want);
    cr_expect(error.message.find('\r') == std::string::npos);
  }
}

Test(command, hostile_heads) {
  // Offsets that lead out of what was read.
  for (size_t cut = 0; cut < 140; ++cut)
    cr_expect(command::explain("/x", ENOENT, elf(EM_X86_64, "/lib/ld.so").substr(0, cut), false).kind ==
              Kind::command_missing);
  std::string far = elf(EM_X86_64, "/lib/ld.so");
  std::memset(far.data() + offsetof(Elf64_Ehdr, e_phoff), 0xff, 8);
  expect_text(command::explain("/x", ENOENT, far, false).message,
              "process.args[0]: exec: \"/x\": no such file or directory");
}

Test(command, find) {
  plan::Process process;
  const struct {
    const char *name, *path;
    Kind kind;
  } cases[] = {
      {"", "/bin", Kind::command_missing},
      {"sh-that-is-not-there", "/bin:/usr/bin", Kind::command_missing},
      {"/etc/passwd", "", Kind::command_denied},
      {"passwd", "/etc", Kind::command_denied},
      {"/nonesuch", "", Kind::command_missing},
      {"bin", "/", Kind::command_denied},  // a directory
  };
  for (const auto& c : cases) {
    process.args = {c.name};
    process.env = {str::cat("PATH=", c.path)};
    const auto found = command::find(process);
    cr_expect(!found.ok() && found.error().kind == c.kind, "%s", c.name);
  }
  process.args = {"sh"};
  process.env = {"PATH=/nonesuch:/etc::/bin"};
  const auto found = command::find(process);
  cr_assert(found.ok());
  expect_text(found.value(), "/bin/sh");
}
