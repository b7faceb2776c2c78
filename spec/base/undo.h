// Undo: takes a side effect back unless it is kept.
//
//   Undo forget([&] { dir.remove(); });   // stands right behind the step that left something
//   …
//   forget.keep();                        // the operation has succeeded as a whole
//
// Undos run in reverse order of their declaration.  What they call logs its own failures and never returns them.
#pragma once

#include <functional>
#include <utility>

class [[nodiscard]] Undo {
 public:
  Undo() = default;
  explicit Undo(std::function<void()> action) : action_(std::move(action)) {}
  Undo(const Undo&) = delete;
  Undo(Undo&& other) noexcept : action_(std::exchange(other.action_, nullptr)) {}
  Undo& operator=(Undo&& other) noexcept {
    run();
    action_ = std::exchange(other.action_, nullptr);
    return *this;
  }
  ~Undo() { run(); }
  void keep() { action_ = nullptr; }
  void run() {
    if (auto action = std::exchange(action_, nullptr)) action();
  }

 private:
  std::function<void()> action_;
};
