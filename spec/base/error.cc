#include "spec/base/error.h"

#include <cerrno>
#include <cstring>

void Error::put_in_front(std::initializer_list<str::Piece> context) {
  std::string text = str::concat(context);
  text.append(": ").append(message);
  message = std::move(text);
}

namespace detail {
void Discard::operator()(Error* error) const { delete error; }
ErrorBox boxed(Error error) { return ErrorBox(new Error(std::move(error))); }
Error unboxed(ErrorBox box) { return std::move(*box); }
}  // namespace detail

Error Error::os(std::string_view what) { return os(what, errno); }

// Engines take the kernel's words for ENOENT, wherever they stand, for a container's command that is missing: only who
// looks for that command may say them (runtime/concerns/command).
static std::string_view describe(int err) {
  if (err == ENOENT) return "it does not exist";
  const char* text = ::strerrordesc_np(err);  // no locale, no static buffer, safe after clone()
  return text ? text : "unknown error";
}

Error Error::os(std::string_view what, int err) {
  return Error(Kind::os, err, str::cat(what, ": ", describe(err)));
}
