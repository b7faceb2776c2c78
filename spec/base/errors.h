// Several mistakes as one Error, a line for each: a person wants to see all of them at once.
//
//   Errors errors;
//   for (const Mount& mount : mounts) steps.push_back(errors.keep(make_step(mount)));
//   TRY(std::move(errors).finish());
#pragma once

#include <optional>
#include <utility>

#include "spec/base/error.h"

class Errors {
 public:
  // The value; where there is none, a default one, and the mistake is kept.
  template <class T>
  T keep(Result<T> result) {
    if (result.ok()) return std::move(result).take();
    add(result.take_error());
    return T{};
  }
  void keep(Result<> result) {
    if (!result.ok()) add(result.take_error());
  }
  void add(Error error) {
    if (all_)
      all_->message += '\n' + error.message;
    else
      all_ = std::move(error);
  }
  // An error of the kind of the first mistake, if there were any.
  [[nodiscard]] Result<> finish() && { return all_ ? Result<>(std::move(*all_)) : Result<>(); }

 private:
  std::optional<Error> all_;
};
