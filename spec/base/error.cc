#include "spec/base/error.h"

#include <cerrno>
#include <cstring>

Error Error::os(std::string_view what) { return os(what, errno); }

Error Error::os(std::string_view what, int err) {
  // strerrordesc_np: no locale, no static buffer, safe after clone().
  const char* text = ::strerrordesc_np(err);
  return Error(Kind::os, err,
               str::cat(what, ": ", text ? std::string_view(text) : std::string_view("unknown error")));
}
