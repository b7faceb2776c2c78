#include "runtime/concerns/command.h"

#include <elf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "spec/base/sys.h"

namespace command {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr size_t kHead = 4096;

std::string_view path_variable(const plan::Process& process) {
  for (const std::string& entry : process.env)
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  return kDefaultPath;
}

enum class Found { yes, no, not_executable };

Found look(const std::string& path) {
  const Result<struct stat> st = sys::fstatat(Fd::cwd(), path.c_str(), 0);
  if (!st.ok()) return Found::no;
  if (S_ISREG(st.value().st_mode) && (st.value().st_mode & 0111)) return Found::yes;
  return Found::not_executable;
}

Error missing(const std::string& name) {
  if (name.find('/') == std::string::npos)
    return Error(Kind::command_missing,
                 str::cat("process.args[0]: exec: \"", name, "\": executable file not found in $PATH"));
  return Error(Kind::command_missing,
               str::cat("process.args[0]: exec: \"", name, "\": stat ", name, ": no such file or directory"));
}

Error denied(const std::string& name) {
  return Error(Kind::command_denied, str::cat("process.args[0]: exec: \"", name,
                                              "\": permission denied: it is not an executable file"));
}

std::string_view machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_386:
      return "i386";
    case EM_AARCH64:
      return "aarch64";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    default:
      return "another";
  }
}

#if defined(__x86_64__)
constexpr uint16_t kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kOwnMachine = EM_AARCH64;
#else
constexpr uint16_t kOwnMachine = EM_NONE;
#endif

// The program loader an ELF file asks for (PT_INTERP), if its header lies within `head`.
template <class Header, class Segment>
std::string_view elf_interpreter(std::string_view head) {
  Header header{};
  if (head.size() < sizeof header) return {};
  std::memcpy(&header, head.data(), sizeof header);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    const uint64_t at = header.e_phoff + i * sizeof(Segment);
    Segment segment{};
    if (at > head.size() || head.size() - at < sizeof segment) return {};
    std::memcpy(&segment, head.data() + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= head.size() || segment.p_filesz > head.size() - segment.p_offset) return {};
    const std::string_view text = head.substr(segment.p_offset, segment.p_filesz);
    return text.substr(0, text.find('\0'));
  }
  return {};
}

bool is_elf(std::string_view head) {
  return head.starts_with(
             "\x7f"
             "ELF") &&
         head.size() > EI_CLASS;
}

std::string_view interpreter(std::string_view head) {
  if (head.starts_with("#!")) {
    // As the kernel reads it: up to a blank or the line's end; a carriage return is a part of the name.
    std::string_view line = head.substr(2, head.find('\n') - 2);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.substr(0, line.find_first_of(std::string_view(" \t\0", 3)));
  }
  if (!is_elf(head)) return {};
  return head[EI_CLASS] == ELFCLASS64 ? elf_interpreter<Elf64_Ehdr, Elf64_Phdr>(head)
                                      : elf_interpreter<Elf32_Ehdr, Elf32_Phdr>(head);
}

std::string read_head(const std::string& path) {
  std::string head(kHead, '\0');
  Result<UniqueFd> opened = sys::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  if (!opened.ok()) return {};
  const UniqueFd file = std::move(opened).take();
  const Result<size_t> n = sys::pread(file, head.data(), head.size(), 0);
  head.resize(n.ok() ? n.value() : 0);
  return head;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::vector<std::string> places(const plan::Process& process) {
  const std::string& name = process.args[0];
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> paths;
  for (const std::string_view dir : str::split(path_variable(process), ':'))
    if (!dir.empty()) paths.push_back(str::cat(dir, "/", name));
  return paths;
}

Result<std::string> find(const plan::Process& process) {
  const std::string& name = process.args[0];
  if (name.empty()) return Error(Kind::command_missing, "process.args[0]: the name of the command is empty");
  bool seen_not_executable = false;
  for (std::string& path : places(process)) {
    const Found found = look(path);
    if (found == Found::yes) return std::move(path);
    seen_not_executable |= found == Found::not_executable;
  }
  return seen_not_executable ? denied(name) : missing(name);
}

Error explain(std::string_view path, int error_number, std::string_view head, bool interpreter_exists) {
  const std::string_view wanted = interpreter(head);
  const std::string at = str::cat("process.args[0]: exec: \"", path, "\": ");
  if (error_number == ENOENT && !wanted.empty() && !interpreter_exists) {
    const bool script = head.starts_with("#!");
    const bool windows = script && wanted.ends_with('\r');
    return Error(
        Kind::command_missing, ENOENT,
        str::cat(
            at, "no such file or directory: the file exists, but its ",
            script ? "interpreter" : "program loader", " '", str::printable(wanted), "'",
            script ? " (line 1)" : "", " is not in the root file system",
            windows ? "; the script has Windows line ends (CR LF), which become part of that name" : ""));
  }
  if (error_number == ENOENT || error_number == ENOTDIR)
    return Error(Kind::command_missing, ENOENT, str::cat(at, "no such file or directory"));
  if (error_number == EACCES || error_number == EPERM)
    return Error(
        Kind::command_denied, EACCES,
        str::cat(
            at,
            "permission denied: the user of the process may not execute it, or it lies on a noexec mount"));
  if (error_number == ENOEXEC && is_elf(head) && head.size() >= sizeof(Elf32_Ehdr)) {
    uint16_t machine = 0;
    std::memcpy(&machine, head.data() + offsetof(Elf32_Ehdr, e_machine), sizeof machine);
    if (machine != kOwnMachine)
      return Error(
          Kind::command_denied, ENOEXEC,
          str::cat(at, "exec format error: it is a program for ", machine_name(machine), ", this host is ",
                   machine_name(kOwnMachine), " and has no emulator registered for it (binfmt_misc)"));
  }
  if (error_number == ENOEXEC)
    return Error(
        Kind::command_denied, ENOEXEC,
        str::cat(
            at,
            "exec format error: it is neither a program of this machine nor a script that begins with #!"));
  return Error::os(str::cat(at, "execve()"), error_number);
}

Error execute(const plan::Process& process, const std::string& path) {
  const std::vector<char*> argv = pointers(process.args);
  const std::vector<char*> envp = pointers(process.env);
  const Result<> failed = sys::execve(path.c_str(), argv.data(), envp.data());
  const int error_number = failed.error().errnum;
  const std::string head = read_head(path);
  const std::string wanted(interpreter(head));
  return explain(path, error_number, head,
                 !wanted.empty() && sys::fstatat(Fd::cwd(), wanted.c_str(), 0).ok());
}

}  // namespace command
