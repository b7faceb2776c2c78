#include "runtime/life/signals.h"

#include <csignal>

#include "spec/base/names.h"

namespace signals {

// The first name of a number is the one that is shown.
static constexpr names::Table<int> kSignals[] = {
    {SIGHUP, "HUP"},       {SIGINT, "INT"},       {SIGQUIT, "QUIT"},   {SIGILL, "ILL"},   {SIGTRAP, "TRAP"},
    {SIGABRT, "ABRT"},     {SIGBUS, "BUS"},       {SIGFPE, "FPE"},     {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},
    {SIGSEGV, "SEGV"},     {SIGUSR2, "USR2"},     {SIGPIPE, "PIPE"},   {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},
    {SIGCHLD, "CHLD"},     {SIGSTKFLT, "STKFLT"}, {SIGCONT, "CONT"},   {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"},
    {SIGTTIN, "TTIN"},     {SIGTTOU, "TTOU"},     {SIGURG, "URG"},     {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"},
    {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"},     {SIGWINCH, "WINCH"}, {SIGIO, "IO"},     {SIGPWR, "PWR"},
    {SIGSYS, "SYS"},       {SIGABRT, "IOT"},      {SIGIO, "POLL"},     {SIGCHLD, "CLD"},
};

// "RTMIN", "RTMIN+3", "RTMAX-1" → the number; 0 if it is none of them.
static int real_time(std::string_view name) {
  const bool from_least = name.starts_with("RTMIN");
  if (!from_least && !name.starts_with("RTMAX")) return 0;
  const std::string_view offset = name.substr(5);
  if (offset.empty()) return from_least ? SIGRTMIN : SIGRTMAX;
  const auto n = str::number<unsigned>(offset.substr(1));
  if (offset[0] != (from_least ? '+' : '-') || !n || *n > static_cast<unsigned>(SIGRTMAX - SIGRTMIN))
    return 0;
  return from_least ? SIGRTMIN + static_cast<int>(*n) : SIGRTMAX - static_cast<int>(*n);
}

Result<int> parse(std::string_view text) {
  if (const auto n = str::number<unsigned>(text); n && *n <= static_cast<unsigned>(SIGRTMAX))
    return static_cast<int>(*n);
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (const auto signal = names::value(kSignals, name)) return *signal;
  if (const int signal = real_time(name)) return signal;
  const auto meant = str::did_you_mean(name, names::all(kSignals));
  return Error(
      Kind::invalid,
      str::cat(
          "'", str::printable(text), "' is not a signal: ",
          meant ? str::cat("did you mean '", *meant, "'?")
                : str::cat("give a name such as TERM, SIGKILL or SIGRTMIN+3, or a number up to ", SIGRTMAX)));
}

std::string name(int signal) {
  if (const auto text = names::text(kSignals, signal); !text.empty()) return str::cat("SIG", text);
  if (signal == SIGRTMIN) return "SIGRTMIN";
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return str::cat("SIGRTMIN+", signal - SIGRTMIN);
  return str::cat(signal);
}

std::vector<std::string> all() {
  std::vector<std::string> texts;
  for (const auto& row : kSignals)
    if (names::text(kSignals, row.value) == row.text) texts.emplace_back(row.text);
  return texts;
}

}  // namespace signals
