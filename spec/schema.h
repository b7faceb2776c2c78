// Field tables: one table for each object of a document decodes it, checks it and encodes it.
//
//   template <> struct json::Schema<oci::Memory> {
//     using M = oci::Memory;
//     static constexpr auto fields = std::tuple{
//         optional("limit", &M::limit, at_least_minus_one),
//         required("name", &M::name),
//     };
//   };
//
// The member's type says what is expected: bool, integers (range-checked), std::string, an enum (through Names<E>), an
// object with a Schema, and optional, vector and map<string> of these.  Anything else gets a Codec<T>.  A check is a
// function of the value that answers what is wrong with it ("" = nothing); on a vector of values it sees each of them.
//
// Decoding goes on after a mistake, so that a person sees all of them at once, each with its place and path:
//   config.json:12:9: linux.namespaces[1].type: unknown value 'netwrk' (did you mean 'network'?)
// Properties that no table knows are ignored, as the specification demands, and reported as warnings.  `null` counts as
// absent: programs in Go write it for what is empty.
//
// To keep objects small, a table becomes an array of plain rows with two function pointers each; all logic that does
// not depend on a type is in schema.cc.
#pragma once

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/names.h"
#include "spec/json.h"
#include "spec/json_writer.h"

namespace json {

inline constexpr size_t kNowhere = static_cast<size_t>(-1);

struct Problem {
  std::string path;          // as Value::path() writes it
  std::string message;       // "expected an integer, got the string 'x'"
  size_t offset = kNowhere;  // in the text; kNowhere: to be looked up by the path
};

// Collects what is wrong.  Kept to a sane number: a hostile document has many mistakes, and explaining each takes time.
class Decoder {
 public:
  // Whether enough has been seen: what is left of the document need not be looked at.
  [[nodiscard]] bool given_up() const;
  void problem(Value at, std::string message) { problem_below(at, {}, std::move(message)); }
  // At the property `key` of `at`, which need not exist.
  void problem_below(Value at, std::string_view key, std::string message);
  void warning(Value at, std::string message);
  // Whether `value` is of this type; a problem if not.  `wanted` as in "expected <wanted>, got …".
  bool expect(Value value, Type type, std::string_view wanted);
  // Found by other means, on the decoded value.
  void add(std::vector<Problem> more, std::vector<Problem> more_warnings);

  std::vector<Problem> problems, warnings;
  size_t most = 20;          // of each kind that are kept
  size_t more_problems = 0;  // seen, but not kept
};

// One line for each problem: "config.json:12:9: path: message"; then the warnings, which may hold the cause.
Error error(const Decoder& decoder, const Document& document);
std::vector<std::string> warnings(const Decoder& decoder, const Document& document);

// ---- tables ----

enum class Presence { required, optional, written, ignored };  // written: optional to read, never left out

struct Row {
  std::string_view name;
  Presence presence;
  std::string_view remark;  // of an ignored property: the warning, if any
  void (*decode)(Decoder&, Value, void* object);
  void (*encode)(Writer&, std::string_view name, bool always, const void* object);
};
using Table = std::span<const Row>;

void decode_object(Decoder& decoder, Value value, Table table, void* object);
void encode_object(Writer& writer, Table table, const void* object);

template <class T>
struct Schema;  // specialised: static constexpr auto fields = std::tuple{…}
template <class E>
struct Names;  // specialised for enums: static constexpr const auto& table = kSomething (spec/base/names.h)
// Specialised for other types: static void decode(Decoder&, Value, T&); static void encode(Writer&, const T&).
template <class T>
struct Codec;

struct NoCheck {};
struct AsKeys {
};  // vector<string>: the names of an object whose values are empty objects (Go's map[string]struct{})
struct KeyCheck {  // looks at the names of a map
  std::string (*check)(const std::string& key);
};

template <class Owner, class Member, class Check>
struct Field {
  using owner = Owner;
  std::string_view name;
  Member Owner::*member;
  Check check;
  Presence presence;
};
struct Ignored {
  std::string_view name, remark;
};

template <class Owner, class Member, class Check = NoCheck>
constexpr Field<Owner, Member, Check> required(std::string_view name, Member Owner::*member,
                                               Check check = {}) {
  return {name, member, check, Presence::required};
}
template <class Owner, class Member, class Check = NoCheck>
constexpr Field<Owner, Member, Check> optional(std::string_view name, Member Owner::*member,
                                               Check check = {}) {
  return {name, member, check, Presence::optional};
}
// May be missing, and is written even where it is zero: other programs may insist on it.
template <class Owner, class Member, class Check = NoCheck>
constexpr Field<Owner, Member, Check> written(std::string_view name, Member Owner::*member,
                                              Check check = {}) {
  return {name, member, check, Presence::written};
}
// Known, and none of our business; with a remark it is a warning.
constexpr Ignored ignored(std::string_view name, std::string_view remark = {}) { return {name, remark}; }

// The rows of Schema<T>.  Where several files need a table, one of them defines it, and the others see only a declared
// specialisation of this function (spec/tables.h).
template <class T>
Table table();

// ---- checks ----

// "unknown value 'netwrk' (did you mean 'network'?)", or with the whole list where it is short.
std::string unknown_value(std::string_view text, std::span<const std::string_view> choices);

template <const auto& kChoices>
std::string one_of(const std::string& text) {
  for (const std::string_view choice : kChoices)
    if (choice == text) return {};
  return unknown_value(text, kChoices);
}

// ---- values ----

bool read(Decoder& decoder, Value value, bool& out);
bool read(Decoder& decoder, Value value, std::string& out);
bool read_keys(Decoder& decoder, Value value, std::vector<std::string>& out);
void write_keys(Writer& writer, const std::vector<std::string>& keys);
// Integers from `least` to `most`; the bits of the result are those of the value in two's complement.
std::optional<uint64_t> read_integer(Decoder& decoder, Value value, int64_t least, uint64_t most);
// The index in `texts`.
std::optional<size_t> read_name(Decoder& decoder, Value value, std::span<const std::string_view> texts);

namespace detail {

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;
template <class T>
constexpr bool is_vector = false;
template <class T>
constexpr bool is_vector<std::vector<T>> = true;
template <class T>
constexpr bool is_map = false;
template <class T>
constexpr bool is_map<std::map<std::string, T>> = true;
template <class T>
concept has_codec = requires(Decoder& d, Value v, T& t) {
  Codec<T>::decode(d, v, t);
};

template <class E, size_t N>
constexpr std::array<std::string_view, N> texts(const names::Table<E> (&rows)[N]) {
  std::array<std::string_view, N> all{};
  for (size_t i = 0; i < N; ++i) all[i] = rows[i].text;
  return all;
}

template <class T, class Check>
void run_check(Decoder& decoder, Value value, const T& decoded, const Check& check) {
  if constexpr (std::is_invocable_r_v<std::string, const Check&, const T&>) {
    std::string wrong = check(decoded);
    if (!wrong.empty()) decoder.problem(value, std::move(wrong));
  }
}

template <class T>
bool decode_scalar(Decoder& decoder, Value value, T& out) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
    return read(decoder, value, out);
  } else if constexpr (std::is_integral_v<T>) {
    const auto n = read_integer(decoder, value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    if (n) out = static_cast<T>(*n);
    return n.has_value();
  } else {
    static constexpr auto kTexts = texts(Names<T>::table);
    const auto index = read_name(decoder, value, kTexts);
    if (index) out = Names<T>::table[*index].value;
    return index.has_value();
  }
}

template <class T, class Check>
void decode_value(Decoder& decoder, Value value, T& out, const Check& check);

template <class T, class Check>
void decode_vector(Decoder& decoder, Value value, std::vector<T>& out, const Check& check) {
  if constexpr (std::is_same_v<Check, AsKeys>) {
    (void)read_keys(decoder, value, out);  // what is wrong has been noted
  } else {
    if (!decoder.expect(value, Type::array, "an array")) return;
    out.reserve(value.size());
    for (const Value item : value) {
      if (decoder.given_up()) return;
      decode_value(decoder, item, out.emplace_back(), check);
    }
    run_check(decoder, value, out, check);
  }
}

template <class T, class Check>
void decode_map(Decoder& decoder, Value value, std::map<std::string, T>& out, const Check& check) {
  if (!decoder.expect(value, Type::object, "an object")) return;
  for (const Value item : value) {
    if (decoder.given_up()) return;
    const std::string key(item.key());
    if constexpr (std::is_same_v<Check, KeyCheck>) run_check(decoder, item, key, check.check);
    decode_value(decoder, item, out[key], check);
  }
}

template <class T, class Check>
void decode_value(Decoder& decoder, Value value, T& out, const Check& check) {
  if constexpr (is_optional<T>) {
    decode_value(decoder, value, out.emplace(), check);
  } else if constexpr (is_vector<T>) {
    decode_vector(decoder, value, out, check);
  } else if constexpr (is_map<T>) {
    decode_map(decoder, value, out, check);
  } else if constexpr (has_codec<T>) {
    Codec<T>::decode(decoder, value, out);
  } else if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
    decode_object(decoder, value, table<T>(), &out);
  } else if (decode_scalar(decoder, value, out)) {
    run_check(decoder, value, out, check);
  }
}

template <class T, class Check>
void encode_value(Writer& writer, const T& value, const Check& check) {
  if constexpr (is_optional<T>) {
    encode_value(writer, *value, check);
  } else if constexpr (std::is_same_v<Check, AsKeys>) {
    write_keys(writer, value);
  } else if constexpr (is_vector<T>) {
    writer.begin_array();
    for (const auto& item : value) encode_value(writer, item, check);
    writer.end_array();
  } else if constexpr (is_map<T>) {
    writer.begin_object();
    for (const auto& [key, item] : value) {
      writer.key(key);
      encode_value(writer, item, check);
    }
    writer.end_object();
  } else if constexpr (has_codec<T>) {
    Codec<T>::encode(writer, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    writer.boolean(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    writer.string(value);
  } else if constexpr (std::is_integral_v<T>) {
    writer.number(value);
  } else if constexpr (std::is_enum_v<T>) {
    writer.string(names::text(Names<T>::table, value));
  } else {
    encode_object(writer, table<T>(), &value);
  }
}

// What an encoder may leave out: decoding would give the same.
template <class T>
bool is_absent(const T& value) {
  if constexpr (is_optional<T>)
    return !value.has_value();
  else if constexpr (is_vector<T> || is_map<T> || std::is_same_v<T, std::string>)
    return value.empty();
  else if constexpr (std::is_arithmetic_v<T>)
    return value == T{};
  else
    return false;
}

template <class T, size_t I>
void decode_field(Decoder& decoder, Value value, void* object) {
  constexpr auto field = std::get<I>(Schema<T>::fields);
  decode_value(decoder, value, static_cast<T*>(object)->*field.member, field.check);
}

template <class T, size_t I>
void encode_field(Writer& writer, std::string_view name, bool always, const void* object) {
  constexpr auto field = std::get<I>(Schema<T>::fields);
  const auto& value = static_cast<const T*>(object)->*field.member;
  if (!always && is_absent(value)) return;
  writer.key(name);
  encode_value(writer, value, field.check);
}

template <class T, size_t I>
constexpr Row make_row() {
  constexpr auto field = std::get<I>(Schema<T>::fields);
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, Ignored>)
    return {field.name, Presence::ignored, field.remark, nullptr, nullptr};
  else
    return {field.name, field.presence, {}, &decode_field<T, I>, &encode_field<T, I>};
}

template <class T, size_t... I>
constexpr std::array<Row, sizeof...(I)> make_rows(std::index_sequence<I...> /*fields*/) {
  return {make_row<T, I>()...};
}

}  // namespace detail

// The rows of Schema<T> to change some of, for who needs a part of a document only.
template <class T>
constexpr auto rows() {
  constexpr size_t kFields = std::tuple_size_v<std::remove_cvref_t<decltype(Schema<T>::fields)>>;
  static_assert(kFields <= 64, "decode_object marks what it has seen in 64 bits");
  return detail::make_rows<T>(std::make_index_sequence<kFields>());
}

namespace detail {

template <class T>
Table make_table() {
  static constexpr auto kRows = rows<T>();
  return kRows;
}

}  // namespace detail

template <class T>
Table table() {
  return detail::make_table<T>();
}

// Decodes the whole of `value`; mistakes are in the decoder.
template <class T>
T decode(Decoder& decoder, Value value) {
  T out{};
  detail::decode_value(decoder, value, out, NoCheck{});
  return out;
}

// Text → T where unknown properties are of no interest.  Kind::invalid with every mistake.
template <class T>
Result<T> decode_text(std::string_view text, const Options& options) {
  const Document document = TRY(parse(text, options));
  Decoder decoder;
  T out = decode<T>(decoder, document.root());
  if (!decoder.problems.empty()) return error(decoder, document);
  return out;
}

template <class T>
std::string encode(const T& value, Style style) {
  Writer writer(style);
  detail::encode_value(writer, value, NoCheck{});
  return std::move(writer).take();
}

}  // namespace json
