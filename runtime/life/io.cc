#include "runtime/life/io.h"

#include <fcntl.h>

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
  return std::move(opened).within("bundle '", path, "'");
}

Result<std::string> read_config(const std::string& path, const std::string& bundle) {
  constexpr size_t kMostConfig = 4 << 20;  // bytes; the largest real ones are a few hundred KiB
  Result<std::string> text = files::read(Fd::cwd(), path.c_str(), kMostConfig);
  if (!text.ok() && text.error().kind == Kind::not_found)
    return Error(Kind::not_found,
                 str::cat("'", path, "' does not exist; make one with `runtime spec --bundle ", bundle, "`"));
  return text;
}

Result<> write_pid_file(const std::string& path, pid_t pid) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const UniqueFd dir =
      TRY(sys::open(directory.c_str(), O_PATH | O_DIRECTORY).within("--pid-file '", path, "'"));
  return files::replace(dir, name.c_str(), str::cat(pid), 0644).within("--pid-file '", path, "'");
}

Result<> send_terminal(const std::string& socket, Fd master, const std::string& name) {
  const UniqueFd connection = TRY(sys::connect_unix(socket).within("--console-socket '", socket, "'"));
  return terminal::send(connection, master, name).within("--console-socket '", socket, "'");
}

Result<> send_pidfd(const std::string& socket, Fd pidfd) {
  const UniqueFd connection = TRY(sys::connect_unix(socket).within("--pidfd-socket '", socket, "'"));
  const Fd fds[] = {pidfd};
  return sys::send(connection, "pidfd", fds).within("--pidfd-socket '", socket, "'");
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
