#include "imagetool/layers/pax.h"

#include <algorithm>
#include <array>

#include "imagetool/limits.h"
#include "spec/base/text.h"

namespace tar {

namespace {

Error wrong(std::string_view keyword, std::string_view what) {
  return Error(Kind::invalid, str::cat("pax header: '", str::printable(keyword), "' ", what));
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<> set_text(std::optional<std::string>& field, std::string_view keyword, std::string_view value) {
  if (has_nul(value)) return wrong(keyword, "contains a NUL");
  field.reset();
  if (!value.empty()) field.emplace(value);
  return {};
}

Result<> set_number(std::optional<uint64_t>& field, std::string_view keyword, std::string_view value) {
  field.reset();
  if (value.empty()) return {};
  const std::optional<int64_t> n = str::number<int64_t>(value);
  if (!n || *n < 0)
    return wrong(keyword, str::cat("is '", str::printable(value.substr(0, 40)),
                                   "', which is not a number from 0 to 2^63-1"));
  field = static_cast<uint64_t>(*n);
  return {};
}

Result<> set_time(Pax& pax, std::string_view keyword, std::string_view value) {
  pax.mtime.reset();
  if (value.empty()) return {};
  pax.mtime = pax_time(value);
  if (!pax.mtime)
    return wrong(keyword, str::cat("is '", str::printable(value.substr(0, 40)), "', which is not a time"));
  return {};
}

Result<> set_attribute(Pax& pax, std::string_view name, std::string_view value) {
  if (name.empty() || has_nul(name)) return wrong(name, "is not the name of an extended attribute");
  std::erase_if(pax.attributes, [&](const Attribute& a) { return a.name == name; });
  if (value.empty()) return {};  // taken back, as POSIX says of all keywords and Go does
  pax.attributes.push_back({std::string(name), std::string(value)});
  // Of one header, and of global ones, which add up.
  size_t bytes = 0;
  for (const Attribute& attribute : pax.attributes) bytes += attribute.name.size() + attribute.value.size();
  if (bytes <= limits::kTarExtension && pax.attributes.size() <= limits::kAttributes) return {};
  return wrong(name, str::cat("is one extended attribute too many: there may be ", limits::kAttributes,
                              " of together ", limits::kTarExtension, " bytes"));
}

// libarchive's own form: the name with %XX, the value in base64 (its padding left out).
std::optional<std::string> url_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::optional<uint8_t> byte =
        text.size() - i < 3 ? std::nullopt : str::number<uint8_t>(text.substr(i + 1, 2), 16);
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

Result<> set_libarchive_attribute(Pax& pax, std::string_view keyword, std::string_view name,
                                  std::string_view value) {
  const std::optional<std::string> plain = url_decoded(name);
  const std::optional<std::string> bytes = base64_decoded(value);
  if (!plain || !bytes) return wrong(keyword, "is not encoded as libarchive does");
  // It writes both forms; where SCHILY's is there, that one has been understood by everybody.
  const bool known = std::any_of(pax.attributes.begin(), pax.attributes.end(),
                                 [&](const Attribute& a) { return a.name == *plain; });
  return known ? Result<>() : set_attribute(pax, *plain, *bytes);
}

Result<> add_piece(Pax& pax, std::string_view keyword, uint64_t offset, uint64_t size) {
  if (pax.sparse_map.size() >= limits::kSparseMap)
    return wrong(keyword, str::cat("has more than ", limits::kSparseMap, " pieces"));
  pax.sparse_map.push_back({offset, size});
  return {};
}

Result<> set_sparse_map(Pax& pax, std::string_view keyword, std::string_view value) {
  const std::vector<std::string_view> numbers = str::split(value, ',');
  if (numbers.size() % 2 != 0) return wrong(keyword, "has an offset without a size");
  pax.sparse_map.clear();
  for (size_t i = 0; i < numbers.size(); i += 2) {
    std::optional<uint64_t> offset, size;
    TRY(set_number(offset, keyword, numbers[i]));
    TRY(set_number(size, keyword, numbers[i + 1]));
    if (!offset || !size) return wrong(keyword, "has an empty number");
    TRY(add_piece(pax, keyword, *offset, *size));
  }
  return {};
}

Result<> set_sparse_numbytes(Pax& pax, std::string_view keyword, std::string_view value) {
  std::optional<uint64_t> size;
  TRY(set_number(size, keyword, value));
  if (!size || !pax.sparse_offset) return wrong(keyword, "comes without its offset");
  const uint64_t offset = *pax.sparse_offset;
  pax.sparse_offset.reset();
  return add_piece(pax, keyword, offset, *size);
}

Result<> set_sparse(Pax& pax, std::string_view keyword, std::string_view name, std::string_view value) {
  pax.sparse = true;
  if (name == "major") return set_number(pax.sparse_major, keyword, value);
  if (name == "minor") return set_number(pax.sparse_minor, keyword, value);
  if (name == "size" || name == "realsize") return set_number(pax.sparse_size, keyword, value);
  if (name == "name") return set_text(pax.sparse_name, keyword, value);
  if (name == "offset") return set_number(pax.sparse_offset, keyword, value);
  if (name == "numbytes") return set_sparse_numbytes(pax, keyword, value);
  if (name == "map") return set_sparse_map(pax, keyword, value);
  return {};  // numblocks: the map tells
}

Result<> set(Pax& pax, std::string_view keyword, std::string_view value) {
  constexpr std::string_view kSchily = "SCHILY.xattr.", kLibarchive = "LIBARCHIVE.xattr.",
                             kSparse = "GNU.sparse.";
  if (keyword == "path") return set_text(pax.path, keyword, value);
  if (keyword == "linkpath") return set_text(pax.link, keyword, value);
  if (keyword == "size") return set_number(pax.size, keyword, value);
  if (keyword == "uid") return set_number(pax.uid, keyword, value);
  if (keyword == "gid") return set_number(pax.gid, keyword, value);
  if (keyword == "mtime") return set_time(pax, keyword, value);
  if (keyword.starts_with(kSchily)) return set_attribute(pax, keyword.substr(kSchily.size()), value);
  if (keyword.starts_with(kLibarchive))
    return set_libarchive_attribute(pax, keyword, keyword.substr(kLibarchive.size()), value);
  if (keyword.starts_with(kSparse)) return set_sparse(pax, keyword, keyword.substr(kSparse.size()), value);
  return {};
}

}  // namespace

Result<> read_pax(std::string_view text, Pax& pax) {
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    const std::optional<size_t> length = str::number<size_t>(text.substr(0, std::min(blank, text.size())));
    if (blank == std::string_view::npos || !length || *length > text.size() || *length < blank + 4 ||
        text[*length - 1] != '\n')
      return Error(Kind::invalid,
                   str::cat("pax header: '", str::printable(text.substr(0, 40)), "' is not a record"));
    const std::string_view record = text.substr(blank + 1, *length - blank - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return Error(Kind::invalid,
                   str::cat("pax header: '", str::printable(record.substr(0, 40)), "' has no keyword"));
    TRY(set(pax, record.substr(0, equals), record.substr(equals + 1)));
    text.remove_prefix(*length);
  }
  if (pax.sparse_offset) return wrong("GNU.sparse.offset", "comes without its numbytes");
  return {};
}

std::optional<struct timespec> pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string_view part = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  if (part.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::array<char, 9> digits;
  digits.fill('0');
  part.copy(digits.data(), digits.size());
  const std::optional<uint64_t> seconds = str::number<uint64_t>(whole);
  const std::optional<uint32_t> nanoseconds = str::number<uint32_t>({digits.data(), digits.size()});
  if (!seconds || !nanoseconds || *seconds >= INT64_MAX) return std::nullopt;
  struct timespec time {
    static_cast<time_t>(*seconds), static_cast<long>(*nanoseconds)
  };
  if (!negative) return time;
  time.tv_sec = -time.tv_sec;
  if (time.tv_nsec > 0) {
    time.tv_sec -= 1;
    time.tv_nsec = 1000000000 - time.tv_nsec;
  }
  return time;
}

}  // namespace tar
