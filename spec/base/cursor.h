// A place in a directory tree, to walk through it with one descriptor however deep it is.
//
// down() opens a directory by its name in this one and follows no link; up() goes back by "..", and makes sure that it
// arrives where it came from.  So a tree of any depth, also one that a container has built to exhaust us, costs one
// descriptor and, for each level, the identity of a directory.
//
// Trees that others change meanwhile may be walked: what was moved away under us is Kind::conflict.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace path {

class Cursor {
 public:
  // Stands at `dir` itself, which may be closed afterwards.
  static Result<Cursor> at(Fd dir);
  // Open for reading: for sys::list() and the …at() calls.
  [[nodiscard]] Fd here() const { return here_; }
  // 0 where it began.
  [[nodiscard]] size_t depth() const { return way_.size(); }
  // Errors: Kind::os with ENOENT, ENOTDIR (also for a link), EACCES…; then it stays where it is.
  Result<> down(const std::string& name);
  // Precondition: depth() > 0.
  Result<> up();

 private:
  using Identity = std::pair<dev_t, ino_t>;
  Cursor(UniqueFd here, Identity identity) : here_(std::move(here)), identity_(identity) {}
  UniqueFd here_;
  Identity identity_;
  std::vector<Identity> way_;  // of the directories above, the first one first
};

}  // namespace path
