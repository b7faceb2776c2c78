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

Error Error::os(std::string_view what, int err) {
  // strerrordesc_np: no locale, no static buffer, safe after clone().
  const char* text = ::strerrordesc_np(err);
  return Error(Kind::os, err,
               str::cat(what, ": ", text ? std::string_view(text) : std::string_view("unknown error")));
}
