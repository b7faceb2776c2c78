// File descriptors by type: Fd borrows, UniqueFd owns.  A signature tells who closes.
// A raw int exists only inside spec/base/sys.cc and where a C library insists on one.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

// A borrowed descriptor.  Fd::cwd() stands for AT_FDCWD; a default Fd is no descriptor.
class Fd {
 public:
  constexpr Fd() = default;
  constexpr explicit Fd(int n) : n_(n) {}
  static constexpr Fd cwd() { return Fd(AT_FDCWD); }
  [[nodiscard]] constexpr int raw() const { return n_; }
  [[nodiscard]] constexpr bool valid() const { return n_ >= 0 || n_ == AT_FDCWD; }
  constexpr bool operator==(const Fd&) const = default;
  // "/proc/self/fd/N", for calls that insist on a name.  Needs a /proc the container does not control.
  [[nodiscard]] std::string proc_path() const { return "/proc/self/fd/" + std::to_string(n_); }

 private:
  int n_ = -1;
};

// An owned descriptor, closed at the end of its scope.
class [[nodiscard]] UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int n) : n_(n) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd(UniqueFd&& other) noexcept : n_(std::exchange(other.n_, -1)) {}
  UniqueFd& operator=(UniqueFd other) noexcept {  // by value: what we held is closed
    std::swap(n_, other.n_);
    return *this;
  }
  ~UniqueFd() {
    if (n_ >= 0) ::close(n_);
  }
  operator Fd() const& { return Fd(n_); }  // NOLINT(google-explicit-constructor): lending is what it is for
  operator Fd() && = delete;               // no borrowing from a temporary
  [[nodiscard]] Fd get() const& { return Fd(n_); }
  [[nodiscard]] int raw() const { return n_; }
  [[nodiscard]] bool valid() const { return n_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(n_, -1); }
  void reset() { *this = UniqueFd(); }

 private:
  int n_ = -1;
};
