// Two-way tables: an enum value or a flag bit ↔ its text in a document or on the command line.
//
//   constexpr names::Table<oci::Status> kStatus[] = {{Status::created, "created"}, …};
//   names::text(kStatus, status)  →  string_view;   names::value(kStatus, "created")  →  optional<Status>
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace names {

template <class V>
struct Table {
  V value;
  std::string_view text;
};

// The text of `value`; empty if the table has none (a hole in the table: tests check that there is none).
template <class V, size_t N>
constexpr std::string_view text(const Table<V> (&table)[N], V value) {
  for (const auto& row : table)
    if (row.value == value) return row.text;
  return {};
}

template <class V, size_t N>
constexpr std::optional<V> value(const Table<V> (&table)[N], std::string_view text) {
  for (const auto& row : table)
    if (row.text == text) return row.value;
  return std::nullopt;
}

template <class V, size_t N>
std::vector<std::string_view> all(const Table<V> (&table)[N]) {
  std::vector<std::string_view> texts;
  for (const auto& row : table) texts.push_back(row.text);
  return texts;
}

}  // namespace names
