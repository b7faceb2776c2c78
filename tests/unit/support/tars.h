// Tar archives built in memory, field by field, so that a test can make what no tool would write.
//
//   Tar().dir("a/").file("a/x", "text").link('2', "a/l", "x").end()
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct TarEntry {
  std::string name;
  char type = '0';
  std::string link, data;
  unsigned mode = 0644;
  std::string uid = "0", gid = "0";  // octal text, or raw bytes for base-256
  std::string mtime = "1";
  std::string size;          // octal; empty: that of `data`
  std::string major, minor;  // octal
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix;
};

class Tar {
 public:
  Tar& add(const TarEntry& e) {
    std::string block(512, '\0');
    const auto put = [&](size_t at, size_t room, const std::string& text) {
      block.replace(at, std::min(room, text.size()), text, 0, room);
    };
    char number[32];
    put(0, 100, e.name);
    std::snprintf(number, sizeof number, "%07o", e.mode);
    put(100, 8, number);
    put(108, 8, e.uid);
    put(116, 8, e.gid);
    std::snprintf(number, sizeof number, "%011zo", e.data.size());
    put(124, 12, e.size.empty() ? number : e.size);
    put(136, 12, e.mtime);
    block[156] = e.type;
    put(157, 100, e.link);
    put(257, 8, e.magic);
    put(329, 8, e.major);
    put(337, 8, e.minor);
    put(345, 155, e.prefix);
    text_ += seal(block);
    text_ += e.data;
    text_.resize((text_.size() + 511) / 512 * 512, '\0');
    return *this;
  }
  Tar& file(const std::string& name, const std::string& data = "", unsigned mode = 0644) {
    return add({.name = name, .data = data, .mode = mode});
  }
  Tar& dir(const std::string& name, unsigned mode = 0755) {
    return add({.name = name, .type = '5', .mode = mode});
  }
  Tar& link(char type, const std::string& name, const std::string& to) {
    return add({.name = name, .type = type, .link = to});
  }
  // A pax header for the next entry ('x') or all that follow ('g'), of records "key=value".
  Tar& pax(const std::vector<std::string>& records, char type = 'x') {
    std::string data;
    for (const std::string& r : records) data += record(r);
    return add({.name = "pax", .type = type, .data = data});
  }
  Tar& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  [[nodiscard]] std::string text() const { return text_; }
  [[nodiscard]] std::string end() const { return text_ + std::string(1024, '\0'); }

  static std::string record(const std::string& r) {
    size_t length = r.size() + 3;
    while (std::to_string(length).size() + r.size() + 2 != length) ++length;
    return std::to_string(length) + " " + r + "\n";
  }
  // Writes the checksum into a header block.
  static std::string seal(std::string block) {
    block.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char number[16];
    std::snprintf(number, sizeof number, "%06o", sum);
    block.replace(148, 7, std::string(number, 7));
    return block;
  }

 private:
  std::string text_;
};
