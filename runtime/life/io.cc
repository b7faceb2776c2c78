#include "runtime/life/io.h"

#include <fcntl.h>

#include <cerrno>

#include "runtime/concerns/terminal.h"
#include "runtime/concerns/terminal_proxy.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace io {

Result<UniqueFd> open_bundle(const std::string& path) {
  Result<UniqueFd> opened = sys::open(path.c_str(), O_PATH | O_DIRECTORY);
  if (opened.ok()) return opened;
  if (opened.error().errnum == ENOENT)
    return Error(Kind::not_found,
                 str::cat("bundle '", path,
                          "' does not exist; name the directory that holds config.json with --bundle"));
  if (opened.error().errnum == ENOTDIR)
    return Error(Kind::invalid,
                 str::cat("bundle '", path,
                          "' is not a directory; name the one that holds config.json with --bundle"));
  if (opened.error().errnum == EACCES)
    return Error(Kind::denied, EACCES, str::cat("bundle '", path, "': no right to reach it"));
  return std::move(opened).within("bundle '", path, "'");
}

Result<std::string> read_config(const std::string& path, const std::string& bundle) {
  constexpr size_t kMostConfig = 4 << 20;  // bytes; the largest real ones are a few hundred KiB
  Result<std::string> text = files::read(Fd::cwd(), path.c_str(), kMostConfig);
  if (!text.ok() && text.error().kind == Kind::not_found)
    return Error(Kind::not_found,
                 str::cat("'", path, "' does not exist; make one with `runtime spec --bundle ", bundle, "`"));
  if (!text.ok() && text.error().errnum == EACCES)
    return Error(Kind::denied, EACCES, str::cat("'", path, "': no right to read it"));
  return text;
}

Result<> write_pid_file(const std::string& path, pid_t pid) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  Result<UniqueFd> dir = sys::open(directory.c_str(), O_PATH | O_DIRECTORY);
  if (!dir.ok() && (dir.error().errnum == ENOENT || dir.error().errnum == ENOTDIR))
    return Error(Kind::not_found,
                 str::cat("--pid-file: there is no directory '", directory, "'; make it first"));
  if (!dir.ok()) return Error(dir.error()).within("--pid-file '", path, "'");
  Result<> written = files::replace(dir.value(), name.c_str(), str::cat(pid), 0644);
  if (!written.ok() && written.error().errnum == EISDIR)
    return Error(Kind::invalid, str::cat("--pid-file: '", path, "' is a directory"));
  return std::move(written).within("--pid-file '", path, "'");
}

Result<UniqueFd> connect(std::string_view place, const std::string& socket, std::string_view listener) {
  Result<UniqueFd> connected = sys::connect_unix(socket);
  const int reason = connected.ok() ? 0 : connected.error().errnum;
  if (reason == ENOENT || reason == ECONNREFUSED)
    return Error(Kind::invalid, reason,
                 str::cat(place, ": nobody listens at '", socket, "'; start ", listener, " first"));
  return std::move(connected).within(place, ": '", socket, "'");
}

Result<> send_terminal(const std::string& socket, Fd master, const std::string& name) {
  const UniqueFd connection = TRY(connect("--console-socket", socket, "who is to hold the terminal"));
  return terminal::send(connection, master, name).within("--console-socket: '", socket, "'");
}

Result<> send_pidfd(const std::string& socket, Fd pidfd) {
  const UniqueFd connection = TRY(connect("--pidfd-socket", socket, "who is to take the descriptor"));
  const Fd fds[] = {pidfd};
  return sys::send(connection, "pidfd", fds).within("--pidfd-socket: '", socket, "'");
}

Result<> hand_out(const std::optional<std::string>& console_socket,
                  const std::optional<std::string>& pidfd_socket, const std::optional<std::string>& pid_file,
                  stages::Launched& launched) {
  if (console_socket) {
    TRY(send_terminal(*console_socket, launched.terminal, launched.terminal_name));
    launched.terminal.reset();
  } else if (launched.terminal.valid()) {
    terminal::give_lines(launched.terminal);
  }
  if (pidfd_socket) TRY(send_pidfd(*pidfd_socket, launched.pidfd));
  if (pid_file) TRY(write_pid_file(*pid_file, launched.pid));
  return {};
}

}  // namespace io
