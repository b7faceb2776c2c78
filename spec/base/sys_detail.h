// What the wrappers of sys.h are made of, for sys*.cc alone.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "spec/base/fault.h"
#include "spec/base/sys.h"

namespace sys::detail {

template <class Call>
auto retry(Call call) {
  for (;;) {
    const auto n = call();
    if (n != -1 || errno != EINTR) return n;
  }
}

// A path as the arguments of a message: "x", or 5, "x" beneath a descriptor.
inline std::string at(Fd dir, const char* path) {
  if (dir == Fd::cwd()) return str::cat("\"", path, "\"");
  return str::cat(dir.raw(), ", \"", path, "\"");
}

template <class N>
Result<UniqueFd> owned(N n, std::string_view call, std::string_view arguments) {
  if (n >= 0) return UniqueFd(static_cast<int>(n));
  const int err = errno;
  return Error::os(str::cat(call, "(", arguments, ")"), err);
}

// Of a call that came with Linux `kernel`: where it is missing, the message says what is needed.  errnum stays ENOSYS.
inline Error newer(std::string_view call, std::string_view arguments, std::string_view kernel, int err) {
  if (err != ENOSYS) return Error::os(str::cat(call, "(", arguments, ")"), err);
  return Error(Kind::unsupported, ENOSYS,
               str::cat("this kernel, or a seccomp filter around this program, refuses ", call, "(2); Linux ",
                        kernel, " is needed"));
}

}  // namespace sys::detail

// The whole body of a wrapper without a result: builds its argument text only when the call has failed.
#define SYS_DONE(call, name, arguments)                         \
  do {                                                          \
    fault::point(name);                                         \
    if ((call) >= 0) return {};                                 \
    const int err = errno;                                      \
    return Error::os(str::cat(name, "(", arguments, ")"), err); \
  } while (false)

// The same for a call that came with Linux `kernel`.
#define SYS_DONE_SINCE(kernel, call, name, arguments)        \
  do {                                                       \
    fault::point(name);                                      \
    if ((call) >= 0) return {};                              \
    const int err = errno;                                   \
    return sys::detail::newer(name, arguments, kernel, err); \
  } while (false)
