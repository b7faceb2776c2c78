// Errors as values: Result<T>, TRY, and the Error they carry.
//
// The programs are compiled without exceptions (a child of clone() must never unwind into its parent's
// code).  A function that can fail returns Result<T>; TRY hands a failure to the caller and yields the value
// otherwise.  Context is put in front of the message, outermost first, and only computed on failure:
//
//   TRY(mounts::apply(step, root).within("mounting '", step.target, "'"));
//
// An Error is three plain fields so that it can cross the socket from a container's setup process whole.
// Messages follow one form: lower case, no final stop, names in single quotes, the thing before the reason.
#pragma once

#include <cassert>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "spec/base/text.h"

// What went wrong, for programs.  The message is for people.
enum class Kind {
  os,               // a system call failed; `errnum` says how
  not_found,        // the thing named does not exist
  conflict,         // it exists already, or its state forbids the operation
  invalid,          // the input is wrong: a document, an option, a reference
  unsupported,      // valid, but this program or this host cannot do it
  denied,           // the caller lacks the rights (EPERM and EACCES of our own making; registry 401/403)
  network,          // a server cannot be reached, or gave up half way; trying again may help
  protocol,         // the other side (a stage, a registry) broke the rules of the conversation
  command_missing,  // the container's own command is not there: exit status 127
  command_denied,   // … is there and cannot be executed: exit status 126
};

struct [[nodiscard]] Error {
  Kind kind = Kind::os;
  int errnum = 0;  // errno where a system call is behind it, else 0
  std::string message;

  Error(Kind k, std::string text) : kind(k), message(std::move(text)) {}
  Error(Kind k, int err, std::string text) : kind(k), errnum(err), message(std::move(text)) {}

  // "<what>: <strerror>" for the current errno, or for `err`.  ENOENT and EPERM keep Kind::os: callers look at errnum.
  static Error os(std::string_view what);
  static Error os(std::string_view what, int err);

  template <class... Parts>
  [[gnu::always_inline]] Error within(const Parts&... parts) && {
    put_in_front({str::Piece(parts)...});
    return std::move(*this);
  }

  // Puts context before the message.
  [[gnu::cold]] void put_in_front(std::initializer_list<str::Piece> context);
};

namespace detail {
// A Result that succeeded holds no more of an Error than this.
struct Discard {
  [[gnu::cold]] void operator()(Error* error) const;
};
using ErrorBox = std::unique_ptr<Error, Discard>;
[[gnu::cold]] ErrorBox boxed(Error error);
[[gnu::cold]] Error unboxed(ErrorBox box);
// What TRY hands on.
struct Failure {
  ErrorBox error;
};
}  // namespace detail

template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, detail::boxed(std::move(error))) {}
  Result(detail::Failure failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}
  // Lets `return unique_ptr_to_derived;` and `return "literal";` work where T can be made from it.
  template <class U>
    requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, detail::Failure> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  // Precondition of the next three: ok().
  [[nodiscard]] T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T take() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  // Precondition of the next two: !ok().
  [[nodiscard]] const Error& error() const {
    assert(!ok());
    return **std::get_if<1>(&state_);
  }
  [[nodiscard]] Error take_error() {
    assert(!ok());
    return detail::unboxed(std::move(*std::get_if<1>(&state_)));
  }
  [[nodiscard]] detail::Failure take_failure() {
    assert(!ok());
    return {std::move(*std::get_if<1>(&state_))};
  }

  template <class... Parts>
  Result within(const Parts&... parts) && {  // by value: TRY binds it, and the temporary is gone by then
    if (detail::ErrorBox* e = std::get_if<1>(&state_)) [[unlikely]]
      (*e)->put_in_front({str::Piece(parts)...});
    return std::move(*this);
  }

 private:
  std::variant<T, detail::ErrorBox> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(detail::boxed(std::move(error))) {}
  Result(detail::Failure failure) : error_(std::move(failure.error)) {}

  [[nodiscard]] bool ok() const { return !error_; }
  void take() && { assert(ok()); }
  [[nodiscard]] const Error& error() const {
    assert(!ok());
    return *error_;
  }
  [[nodiscard]] Error take_error() {
    assert(!ok());
    return detail::unboxed(std::move(error_));
  }
  [[nodiscard]] detail::Failure take_failure() {
    assert(!ok());
    return {std::move(error_)};
  }

  template <class... Parts>
  Result within(const Parts&... parts) && {  // by value: TRY binds it, and the temporary is gone by then
    if (error_) [[unlikely]]
      error_->put_in_front({str::Piece(parts)...});
    return std::move(*this);
  }

 private:
  detail::ErrorBox error_;
};

// The value of `expression`, or an early return with its Error.  One TRY to a statement.
#define TRY_CONCAT_(a, b) a##b
#define TRY_CONCAT(a, b) TRY_CONCAT_(a, b)
#define TRY_NAMED(name, ...)      \
  __extension__({                 \
    auto name = (__VA_ARGS__);    \
    if (!name.ok()) [[unlikely]]  \
      return name.take_failure(); \
    std::move(name).take();       \
  })
#define TRY(...) TRY_NAMED(TRY_CONCAT(try_result_, __COUNTER__), __VA_ARGS__)
