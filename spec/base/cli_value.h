// How a member of a command's arguments is set from the text of an option or operand (cli.h).
//
// bool, integers (strict, range checked), string, optional<T> (the empty text unsets) and vector<T> (one element each
// time).  A program may specialise it for types of its own: `static Result<> set(T& member, std::string_view text)`.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "spec/base/error.h"

namespace cli {

template <class T>
struct Value;

Result<bool> parse_bool(std::string_view text);
Result<int64_t> parse_integer(std::string_view text, int64_t least, int64_t most);
Result<uint64_t> parse_unsigned(std::string_view text, uint64_t most);

template <>
struct Value<bool> {
  static Result<> set(bool& member, std::string_view text) {
    member = TRY(parse_bool(text));
    return {};
  }
};
template <>
struct Value<std::string> {
  static Result<> set(std::string& member, std::string_view text) {
    member = text;
    return {};
  }
};
template <std::integral N>
struct Value<N> {
  static Result<> set(N& member, std::string_view text) {
    using Limits = std::numeric_limits<N>;
    if constexpr (std::is_signed_v<N>)
      member = static_cast<N>(TRY(parse_integer(text, Limits::min(), Limits::max())));
    else
      member = static_cast<N>(TRY(parse_unsigned(text, Limits::max())));
    return {};
  }
};
template <class T>
struct Value<std::optional<T>> {
  static Result<> set(std::optional<T>& member, std::string_view text) {
    member.reset();
    if (text.empty()) return {};
    T value{};
    TRY(Value<T>::set(value, text));
    member = std::move(value);
    return {};
  }
};
template <class T>
struct Value<std::vector<T>> {
  static Result<> set(std::vector<T>& member, std::string_view text) {
    T value{};
    TRY(Value<T>::set(value, text));
    member.push_back(std::move(value));
    return {};
  }
};

}  // namespace cli
