// Sockets, pipes, polling.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "spec/base/sys_detail.h"

namespace sys {

using detail::owned;
using detail::retry;

Result<SocketPair> socketpair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return Error::os("socketpair()");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<SocketPair> pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return Error::os("pipe()");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

static Result<UniqueFd> unix_socket(int type) {
  return owned(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket", "");
}

// Precondition: `path` is shorter than sun_path.
static sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  assert(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// `name` is what the message calls it.  A listener whose queue is full, and that takes nothing from it, would keep us
// waiting for ever, and so would one that never reads.
static Result<UniqueFd> connected(int type, const std::string& path, std::string_view name) {
  constexpr timeval kLimit{10, 0};
  UniqueFd socket = TRY(unix_socket(type));
  if (::setsockopt(socket.raw(), SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit) < 0)
    return Error::os("setsockopt(SO_SNDTIMEO)");
  const sockaddr_un address = unix_address(path);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  fault::point("connect");
  if (retry([&] { return ::connect(socket.raw(), to, sizeof address); }) < 0)
    return Error::os(str::cat("connect(\"", name, "\")"));
  return socket;
}

Result<UniqueFd> connect_unix(std::string_view path) {
  const std::string name(path);
  if (name.size() < sizeof sockaddr_un::sun_path) return connected(SOCK_STREAM, name, path);
  const UniqueFd node = TRY(open(name.c_str(), O_PATH));
  return connected(SOCK_STREAM, node.get().proc_path(), path);
}

Result<UniqueFd> accept(Fd listener) {
  fault::point("accept");
  return owned(retry([&] { return ::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC); }), "accept",
               "");
}

// Always short enough for sun_path.
static std::string name_in(Fd dir, std::string_view name) { return str::cat(dir.proc_path(), "/", name); }

Result<UniqueFd> listen_seqpacket(Fd dir, std::string_view name) {
  UniqueFd socket = TRY(unix_socket(SOCK_SEQPACKET));
  const sockaddr_un address = unix_address(name_in(dir, name));
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  fault::point("bind");
  // The mode of the node comes from the socket's own (unix(7)), so that it is private from the first moment.
  if (::fchmod(socket.raw(), 0600) < 0 || ::bind(socket.raw(), to, sizeof address) < 0)
    return Error::os(str::cat("bind(\"", name, "\")"));
  if (::listen(socket.raw(), 4) < 0) return Error::os("listen()");
  return socket;
}

Result<UniqueFd> connect_seqpacket(Fd dir, std::string_view name) {
  return connected(SOCK_SEQPACKET, name_in(dir, name), name);
}

Result<> send(Fd socket, std::string_view data, std::span<const Fd> fds) {
  constexpr size_t kMostFds = 64;
  assert(fds.size() <= kMostFds && !data.empty());
  iovec part{const_cast<char*>(data.data()), data.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (size_t i = 0; i < fds.size(); ++i) {
      const int n = fds[i].raw();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &n, sizeof n);
    }
  }
  fault::point("sendmsg");
  const ssize_t sent = retry([&] { return ::sendmsg(socket.raw(), &header, MSG_NOSIGNAL); });
  if (sent < 0) return Error::os("sendmsg()");
  if (static_cast<size_t>(sent) != data.size())
    return write_all(socket, data.substr(static_cast<size_t>(sent)));
  return {};
}

Result<Message> receive(Fd socket, size_t limit) {
  Message message;
  // Its size first: a buffer of the limit would be sixteen pages that nobody needs.
  const ssize_t size = retry([&] { return ::recv(socket.raw(), nullptr, 0, MSG_PEEK | MSG_TRUNC); });
  if (size < 0) return Error::os("recv()");
  if (size == 0) return message;
  message.data.resize(std::min(static_cast<size_t>(size), limit));
  iovec part{message.data.data(), message.data.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))];
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  fault::point("recvmsg");
  const ssize_t n = retry([&] { return ::recvmsg(socket.raw(), &header, MSG_CMSG_CLOEXEC); });
  if (n < 0) return Error::os("recvmsg()");
  message.data.resize(static_cast<size_t>(n));
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      message.fds.push_back(UniqueFd(fd));
    }
  }
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
    return Error(Kind::protocol, "a message was larger than its limit");
  return message;
}

Result<int> poll(std::span<pollfd> fds, int timeout_ms) {
  fault::point("poll");
  const int n = retry([&] { return ::poll(fds.data(), fds.size(), timeout_ms); });
  if (n < 0) return Error::os("poll()");
  return n;
}

Result<UniqueFd> signalfd(const sigset_t& mask) {
  return owned(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd", "");
}
Result<UniqueFd> memfd_create(const char* name, unsigned flags) {
  return owned(::memfd_create(name, flags | MFD_CLOEXEC), "memfd_create", name);
}
Result<UniqueFd> memfd_create_program(const char* name, unsigned flags) {
  // linux/memfd.h before 6.3 lacks MFD_EXEC; older kernels refuse it with EINVAL and need it not.
  constexpr unsigned kMemfdExec = 0x10;
  Result<UniqueFd> made = memfd_create(name, flags | kMemfdExec);
  if (!made.ok()) made = memfd_create(name, flags);
  return made;
}
Result<UniqueFd> eventfd() { return owned(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", ""); }
Result<UniqueFd> timerfd(int64_t milliseconds) {
  UniqueFd timer =
      TRY(owned(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create", ""));
  itimerspec when{};
  when.it_value = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
  if (::timerfd_settime(timer.raw(), 0, &when, nullptr) < 0) return Error::os("timerfd_settime()");
  return timer;
}

}  // namespace sys
