#include "runtime/concerns/terminal_proxy.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "spec/base/sys.h"

namespace terminal {

namespace {

constexpr Fd kInput{STDIN_FILENO};
constexpr Fd kOutput{STDOUT_FILENO};
constexpr size_t kChunk = 16 * 1024;

}  // namespace

void give_lines(Fd master) {
  termios settings{};
  if (::isatty(kOutput.raw()) || ::tcgetattr(master.raw(), &settings) != 0) return;
  settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  (void)::tcsetattr(master.raw(), TCSANOW, &settings);  // a matter of looks
}

Result<Proxy> Proxy::start(UniqueFd master) {
  Proxy proxy(std::move(master));
  const Fd fd = proxy.master_;
  const int flags = ::fcntl(fd.raw(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.raw(), F_SETFL, flags | O_NONBLOCK) < 0)
    return Error::os("the terminal: fcntl()");
  termios settings{};
  if (::tcgetattr(kInput.raw(), &settings) == 0) {
    proxy.saved_ = settings;
    ::cfmakeraw(&settings);
    if (::tcsetattr(kInput.raw(), TCSANOW, &settings) < 0) return Error::os("the terminal: tcsetattr()");
    proxy.resize();
  }
  return proxy;
}

Proxy::Proxy(Proxy&& other) noexcept
    : master_(std::move(other.master_)),
      saved_(std::exchange(other.saved_, std::nullopt)),
      input_open_(other.input_open_),
      master_open_(other.master_open_),
      to_master_(std::move(other.to_master_)) {}

Proxy::~Proxy() {
  if (saved_) ::tcsetattr(kInput.raw(), TCSANOW, &*saved_);
}

void Proxy::resize() const {
  winsize size{};
  if (::ioctl(kInput.raw(), TIOCGWINSZ, &size) == 0 && size.ws_row)
    (void)::ioctl(master_.get().raw(), TIOCSWINSZ, &size);
}

void Proxy::watch(std::vector<pollfd>& set) const {
  // Input is not read while the container has not taken what was read before.
  set.push_back({input_open_ && to_master_.empty() ? kInput.raw() : -1, POLLIN, 0});
  set.push_back({master_open_ ? master_.get().raw() : -1,
                 static_cast<short>(to_master_.empty() ? POLLIN : POLLIN | POLLOUT), 0});
}

void Proxy::serve(std::span<const pollfd> results) {
  if (results[0].revents) {
    char buffer[kChunk];
    const Result<size_t> n = sys::read(kInput, buffer, sizeof buffer);
    if (n.ok() && n.value() > 0)
      to_master_.assign(buffer, n.value());
    else if (!n.ok() && n.error().errnum == EAGAIN)
      return;
    else {
      input_open_ = false;
      to_master_ = "\x04";  // end of file, as a person at a terminal says it
    }
  }
  if (results[1].revents & (POLLIN | POLLHUP | POLLERR)) copy_output();
  if (!to_master_.empty() && master_open_) {
    const Result<size_t> n = sys::write(master_, to_master_.data(), to_master_.size());
    if (n.ok())
      to_master_.erase(0, n.value());
    else if (n.error().errnum != EAGAIN)
      to_master_.clear();
  }
}

void Proxy::copy_output() {
  char buffer[kChunk];
  const Result<size_t> n = sys::read(master_, buffer, sizeof buffer);
  // EIO: nobody has the other side open any more.
  if (!n.ok())
    master_open_ = n.error().errnum == EAGAIN;
  else if (n.value() == 0)
    master_open_ = false;
  else if (!sys::write_all(kOutput, std::string_view(buffer, n.value())).ok()) {
    // As when a terminal's window is closed; the process would wait for a reader for ever.
    master_open_ = false;
    master_.reset();
  }
}

void Proxy::drain() {
  for (;;) {
    pollfd master{master_.get().raw(), POLLIN, 0};
    const Result<int> ready = sys::poll(std::span<pollfd>(&master, 1), 0);
    if (!ready.ok() || ready.value() == 0 || !(master.revents & POLLIN) || !master_open_) return;
    copy_output();
  }
}

}  // namespace terminal
