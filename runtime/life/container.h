// A container that exists: what the short commands do to it.  How it comes to be stands in create, run and exec.
#pragma once

#include <string_view>

#include "runtime/life/state_dir.h"
#include "runtime/runtime.h"
#include "spec/base/error.h"
#include "spec/state.h"

class Container {
 public:
  // Kind::invalid for a bad id, Kind::not_found: "container 'x' does not exist".
  static Result<Container> load(const Runtime& runtime, std::string_view id);

  [[nodiscard]] const oci::State& state() const { return state_; }
  [[nodiscard]] const StateDir& dir() const { return dir_; }
  [[nodiscard]] oci::Status status() const;  // now

  // To its first process; `all`: to every process in its cgroups, also when the first has ended.
  // Kind::conflict: "container not running".
  [[nodiscard]] Result<> kill(int signal, bool all) const;

  // Its processes, with those that were started in it and those in cgroups of its own making; ascending.
  // Kind::unsupported: it has no cgroups, so that nobody knows.
  [[nodiscard]] Result<std::vector<pid_t>> pids() const;

  // All of them stop, or go on.  Kind::conflict: it is paused already, it is not paused, or "container not running".
  [[nodiscard]] Result<> pause() const;
  [[nodiscard]] Result<> resume() const;

  // Removes its cgroups, runs the poststop hooks, forgets it.  A created one is killed first, a running one only with
  // `force`, else Kind::conflict.  Every step may find its work done already: an interrupted removal can be repeated.
  static Result<> remove(const Runtime& runtime, std::string_view id, bool force);
  // The same by who has made it and waited for its end.  Kind::not_found: somebody has removed it meanwhile.
  static Result<> remove_ended(const Runtime& runtime, StateDir& dir, const oci::State& state);

 private:
  Container(StateDir dir, oci::State state) : dir_(std::move(dir)), state_(std::move(state)) {}
  StateDir dir_;
  oci::State state_;
};
