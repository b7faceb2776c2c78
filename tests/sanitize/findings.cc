// What the sanitizers find, kept where every process of ours can write it.  Linked with everything in MODE=sanitize.
//
// A stage writes its report to a standard error that a test captures, the unpack jail has no file to write to, an exit
// status is replaced by one's own: none of them may hide a finding.  So each program maps one file, shared, before main(),
// and reports are copied there.  Memory needs no path, no descriptor, no right and no system call: it outlives pivot_root,
// close_range, setuid and seccomp filters, up to exec, behind which the program starts over or is not ours.
//
// The file is PROJECT_FINDINGS, which tests/support/findings.sh makes and reads; where it is not there, nothing is kept and
// reports go to standard error alone.  Its first four bytes are how much text follows.  What leaks has its report in a
// file beside it, since no hook is told that text.
//
// This file is compiled without sanitizers: they call it when they start and when they end.
#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" {
const char* __asan_default_options();
const char* __lsan_default_options();
const char* __lsan_default_suppressions();
const char* __ubsan_default_options();
void __asan_on_error();
void __ubsan_on_report();
void __ubsan_get_current_report_data(const char** kind, const char** message, const char** file,
                                     unsigned* line, unsigned* column, char** address);
}

namespace {

struct Findings {
  std::atomic<uint32_t> used;
  char text[1];
};

Findings* findings = nullptr;
size_t room = 0;  // for text
char** arguments = nullptr;
bool told = false;  // this process has said something: how it ends is no news

void append(const char* text, size_t size) {
  if (!findings) return;
  const size_t at = findings->used.fetch_add(static_cast<uint32_t>(size));
  if (at < room) std::memcpy(findings->text + at, text, std::min(size, room - at));
}

void append(const char* text) { append(text, std::strlen(text)); }

// "\n== rt:init: /proc/self/fd/5 create web: ": by what name it runs, and what was called.
void begin() {
  char name[16] = {};
  (void)::prctl(PR_GET_NAME, name);
  append("\n== ");
  append(name);
  append(":");
  for (char** word = arguments; word && *word; ++word) {
    append(" ");
    append(*word, std::min<size_t>(std::strlen(*word), 80));
  }
  append(": ");
  told = true;
}

void keep_report(const char* text) { append(text); }

// Whatever has not gone through a report: a leak, or a sanitizer that cannot go on.
void note_end() {
  if (told) return;
  begin();
  append("ended by a sanitizer, see the report of the leak, or standard error\n");
}

void name_leaks() { __sanitizer_set_report_path(PROJECT_FINDINGS ".leak"); }

__attribute__((constructor)) void open_findings(int, char** argv, char**) {
  const int file = ::open(PROJECT_FINDINGS, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  struct stat st {};
  if (::fstat(file, &st) == 0 && st.st_size > 4096) {
    const auto size = static_cast<size_t>(st.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) {
      findings = static_cast<Findings*>(memory);
      room = size - sizeof(uint32_t);
      arguments = argv;
      __asan_set_error_report_callback(keep_report);
      __sanitizer_set_death_callback(note_end);
      (void)std::atexit(name_leaks);  // what the sanitizers do at the end comes behind it
    }
  }
  (void)::close(file);
}

}  // namespace

extern "C" {

// A failed assertion is a finding as well.  2: whatever handlers a program sets, and resets in its stages.
const char* __asan_default_options() {
  return "handle_abort=2:handle_segv=2:handle_sigbus=2:handle_sigfpe=2:exitcode=99";
}
// The unit test framework's own, which are no news either.
const char* __lsan_default_options() { return "print_suppressions=0"; }
const char* __lsan_default_suppressions() { return "leak:libcriterion.so\nleak:libboxfort.so\n"; }
const char* __ubsan_default_options() { return "print_stacktrace=1:exitcode=99"; }

void __asan_on_error() { begin(); }

void __ubsan_on_report() {
  const char *kind = nullptr, *message = nullptr, *file = nullptr;
  char* address = nullptr;
  unsigned line = 0, column = 0;
  __ubsan_get_current_report_data(&kind, &message, &file, &line, &column, &address);
  char number[12] = {};
  char* digit = number + sizeof number - 1;
  do {
    *--digit = static_cast<char>('0' + line % 10);
  } while ((line /= 10) != 0);
  begin();
  append(file ? file : "?");
  append(":");
  append(digit);
  append(": ");
  append(message ? message : "undefined behaviour");
  append("\n");
}

}  // extern "C"
