#include "spec/base/cursor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cassert>

#include "spec/base/sys.h"

namespace path {

namespace {

constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

}  // namespace

Result<Cursor> Cursor::at(Fd dir) {
  UniqueFd here = TRY(sys::openat(dir, ".", kFlags));
  const struct stat st = TRY(sys::fstat(here));
  return Cursor(std::move(here), {st.st_dev, st.st_ino});
}

Result<> Cursor::down(const std::string& name) {
  UniqueFd next = TRY(sys::openat(here_, name.c_str(), kFlags));
  const struct stat st = TRY(sys::fstat(next));
  way_.push_back(identity_);
  identity_ = {st.st_dev, st.st_ino};
  here_ = std::move(next);
  return {};
}

Result<> Cursor::up() {
  assert(!way_.empty());
  UniqueFd next = TRY(sys::openat(here_, "..", kFlags));
  const struct stat st = TRY(sys::fstat(next));
  if (Identity(st.st_dev, st.st_ino) != way_.back())
    return Error(Kind::conflict, "a directory was moved while it was being read");
  identity_ = way_.back();
  way_.pop_back();
  here_ = std::move(next);
  return {};
}

}  // namespace path
