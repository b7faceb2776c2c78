// <root>/<id>/: where a container's state is kept between commands.
//
//   state.json   oci::State, replaced in one step.  Until the container is complete it says "creating", and what there is to
//                remove.  Without it the container does not exist, for all but `delete`, which clears the name
//   exec.json    oci::ExecDefaults, written before the container is complete, and again by `update` alone
//   start.sock   from `create` until `start`
//
// The directory itself is the lock (flock(2)) for what changes what is here: create, start, update, delete, and the end of
// a kept container.  All others do without: a container whose hook hangs must still show, and be killed.  The lock is given up explicitly,
// because the container's first process holds a copy of the descriptor until it executes its program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/state.h"

class StateDir {
 public:
  StateDir(StateDir&&) = default;
  StateDir& operator=(StateDir&&) = default;
  ~StateDir();

  // Makes <root>/<id> (and the root, 01700), locked.  Kind::invalid for a bad id, Kind::conflict where it exists.
  static Result<StateDir> claim(const std::string& root, std::string_view id);
  // Without a lock, for reading.  Kind::not_found: "container 'x' does not exist".
  static Result<StateDir> open(const std::string& root, std::string_view id);

  // Waits for other commands on this container, at most that long.  Kind::conflict when the time is over,
  // Kind::not_found if it has been removed meanwhile.
  Result<> lock(int64_t wait_ms = 10000);
  // Explicitly, for other holders of a copy of the descriptor.
  void unlock();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Fd fd() const { return dir_; }

  // Kind::not_found: there is no state.json.
  [[nodiscard]] Result<oci::State> load() const;
  [[nodiscard]] Result<> save(const oci::State& state) const;
  // For `exec`.
  [[nodiscard]] Result<oci::ExecDefaults> load_exec_defaults() const;
  [[nodiscard]] Result<> save_exec_defaults(const oci::ExecDefaults& defaults) const;
  // Removes it, state.json last, so that an interrupted `delete` can be repeated.  Precondition: locked.
  Result<> forget();

 private:
  StateDir(std::string id, UniqueFd root, UniqueFd dir)
      : id_(std::move(id)), root_(std::move(root)), dir_(std::move(dir)) {}
  std::string id_;
  UniqueFd root_, dir_;
  bool locked_ = false;
};

namespace state_dirs {

// runc's rule: letters, digits, _ + - and dots, but neither "." nor ".."; no longer than a file's name.
Result<> check_id(std::string_view id);
// All that may be containers, by name: whether they have a state.json is not looked at.  A missing root is an empty list.
Result<std::vector<std::string>> list(const std::string& root);
// The state.json of one of them, as far as `list` needs it, with a single open(2): it reads a thousand of them.
Result<oci::State> peek(Fd root, const std::string& id);
// Whether there is a state.json.
bool exists(Fd root, const std::string& id);
// Makes what is missing of the root's path; the root itself private to its owner, and sticky: that keeps cleaners of temporary
// places away, such as those of $XDG_RUNTIME_DIR.  Whoever comes first makes it: a container, or the cache of filters.
Result<> make_root(const std::string& root);
// Kind::not_found where there is no root; Kind::invalid for the empty one: nobody said where.
Result<UniqueFd> open_root(const std::string& root);

}  // namespace state_dirs
