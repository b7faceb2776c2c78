#include <criterion/criterion.h>

#include "imagetool/layers/pax.h"
#include "imagetool/layers/sparse_map.h"
#include "imagetool/layers/tar.h"
#include "imagetool/layers/tar_header.h"
#include "imagetool/limits.h"
#include "spec/base/text.h"
#include "tests/unit/support/expect.h"
#include "tests/unit/support/tars.h"

namespace {

// One line per entry: "f name 0644 0:0 1.000000000 size=3 'content' {attributes}".
class Listing final : public tar::Handler {
 public:
  std::string text;
  Result<> entry(const tar::Entry& e) override {
    constexpr std::string_view kLetters = "fhlcbdp";
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", e.mode);
    text += str::cat(kLetters[static_cast<size_t>(e.type)], " ", str::printable(e.name), " ", mode, " ",
                     e.uid, ":", e.gid, " ", e.mtime.tv_sec, ".", e.mtime.tv_nsec);
    if (!e.link.empty()) text += str::cat(" -> ", e.link);
    if (e.major || e.minor) text += str::cat(" ", e.major, ":", e.minor);
    for (const tar::Attribute& a : e.attributes)
      text += str::cat(" {", a.name, "=", str::printable(a.value), "}");
    content_.assign(e.size < 100000 ? e.size : 0, '.');
    size_ = e.size;
    if (e.type != tar::Type::file) text += "\n";
    return {};
  }
  Result<> data(uint64_t offset, std::string_view bytes) override {
    if (offset + bytes.size() <= content_.size()) content_.replace(offset, bytes.size(), bytes);
    return {};
  }
  Result<> end() override {
    text += content_.size() <= 40 ? str::cat(" '", content_, "'\n") : str::cat(" ", size_, "\n");
    return {};
  }

 private:
  std::string content_;
  uint64_t size_ = 0;
};

// `step` bytes at a time.
std::string list(const std::string& archive, size_t step = 1 << 20) {
  Listing listing;
  tar::Reader reader(listing);
  for (size_t at = 0; at < archive.size(); at += step) {
    const Result<> r = reader.write(std::string_view(archive).substr(at, step));
    if (!r.ok()) return listing.text + "error: " + r.error().message;
  }
  const Result<> r = reader.finish();
  return r.ok() ? listing.text : listing.text + "error: " + r.error().message;
}

std::string base256(size_t width, std::vector<unsigned char> low, unsigned char first = 0x80,
                    unsigned char fill = 0) {
  std::string out(width, static_cast<char>(fill));
  out[0] = static_cast<char>(first);
  for (size_t i = 0; i < low.size(); ++i) out[width - low.size() + i] = static_cast<char>(low[i]);
  return out;
}

}  // namespace

Test(tar, numbers) {
  const struct {
    std::string field;
    std::optional<int64_t> want;
  } cases[] = {
      {"0000644\0", 0644},
      {std::string(8, '\0'), 0},
      {"     17 ", 017},
      {"0000008", std::nullopt},
      {"-000001", std::nullopt},
      {"77777777777", 077777777777},
      {base256(8, {1, 0}), 256},
      {base256(12, {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), INT64_MAX},
      {base256(12, {0x80, 0, 0, 0, 0, 0, 0, 0}), std::nullopt},
      {base256(12, {0xfe}, 0xff, 0xff), -2},
  };
  for (const auto& c : cases)
    cr_expect(tar::number(c.field) == c.want, "%s", str::printable(c.field).c_str());
}

Test(tar, times) {
  const struct {
    const char* text;
    int64_t seconds, nanoseconds;
  } good[] = {{"1", 1, 0},
              {"1.5", 1, 500000000},
              {"-1.25", -2, 750000000},
              {"0.1234567899", 0, 123456789},
              {"7.", 7, 0}};
  for (const auto& c : good) {
    const auto t = tar::pax_time(c.text);
    cr_assert(t.has_value(), "%s", c.text);
    cr_expect(t->tv_sec == c.seconds && t->tv_nsec == c.nanoseconds, "%s", c.text);
  }
  for (const char* bad : {"", "x", "1.x", ".5", "--1", "1e3", "99999999999999999999"})
    cr_expect(!tar::pax_time(bad), "%s", bad);
}

Test(tar, entries) {
  const std::string archive =
      Tar()
          .dir("d/", 01777)
          .file("d/f", "abc", 04755)
          .link('1', "h", "d/f")
          .link('2', "l", "/d")
          .add({.name = "null", .type = '3', .mode = 0666, .major = "1", .minor = "3"})
          .add({.name = "fifo", .type = '6'})
          .add({.name = "seven", .type = '7', .data = "x"})
          .add({.name = "old/", .type = '\0', .magic = ""})
          .add({.name = "old", .type = '\0', .data = "o", .magic = ""})
          .add({.name = "name", .data = "p", .prefix = "long/prefix"})
          .add({.name = "gnu", .magic = std::string("ustar  \0", 8), .prefix = "not a prefix"})
          .add({.name = "sized", .type = '5', .size = "777"})
          .add({.name = "big", .uid = base256(8, {1, 0, 0, 0, 0}), .mtime = base256(12, {0xff}, 0xff, 0xff)})
          .add({.name = "label", .type = 'V'})
          .end();
  const std::string want =
      "d d/ 1777 0:0 1.0\n"
      "f d/f 4755 0:0 1.0 'abc'\n"
      "h h 0644 0:0 1.0 -> d/f\n"
      "l l 0644 0:0 1.0 -> /d\n"
      "c null 0666 0:0 1.0 1:3\n"
      "p fifo 0644 0:0 1.0\n"
      "f seven 0644 0:0 1.0 'x'\n"
      "d old/ 0644 0:0 1.0\n"
      "f old 0644 0:0 1.0 'o'\n"
      "f long/prefix/name 0644 0:0 1.0 'p'\n"
      "f gnu 0644 0:0 1.0 ''\n"
      "d sized 0644 0:0 1.0\n"
      "f big 0644 4294967296:0 -1.0 ''\n";
  for (const size_t step : {size_t{1}, size_t{7}, size_t{511}, size_t{513}, size_t{1} << 20})
    expect_text(list(archive, step), want);
}

Test(tar, extensions) {
  const std::string name(150, 'n');
  const std::string archive =
      Tar()
          .pax({"mtime=5.25", "comment=x"}, 'g')
          .pax({"path=" + name, "uid=4294967296", "SCHILY.xattr.user.a=1", "LIBARCHIVE.xattr.user.b%3D=YWI"})
          .file("short", "1")
          .file("next", "2")
          .pax({"path=replaced"})
          .add({.name = "L", .type = 'L', .data = name + std::string(1, '\0')})
          .add({.name = "K", .type = 'K', .data = "target"})
          .link('2', "short", "t")
          .pax({"mtime="})
          .file("own time")
          .end();
  const std::string want = "f " + name + " 0644 4294967296:0 5.250000000 {user.a=1} {user.b==ab} '1'\n" +
                           "f next 0644 0:0 5.250000000 '2'\n" + "l " + name +
                           " 0644 0:0 5.250000000 -> target\n" + "f own time 0644 0:0 1.0 ''\n";
  expect_text(list(archive), want);
  expect_text(list(archive, 3), want);
}

Test(tar, sparse) {
  std::string gnu(512, '\0');
  gnu.replace(0, 3, "gnu");
  gnu.replace(100, 7, "0000644");
  gnu.replace(124, 11, "00000000003");
  gnu.replace(136, 1, "1");
  gnu[156] = 'S';
  gnu.replace(257, 8, std::string("ustar  \0", 8));
  gnu.replace(386, 24, "00000000002\00000000000001\0", 24);
  gnu[482] = 1;
  gnu.replace(483, 11, "00000000012");
  std::string more(512, '\0');
  more.replace(0, 24, "00000000005\00000000000002\0", 24);
  std::string data = "abc";
  data.resize(512, '\0');
  std::string map = "2\n2\n1\n5\n2\n";
  map.resize(512, '\0');
  const std::string archive =
      Tar()
          .raw(Tar::seal(gnu) + more + data)
          .pax({"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=one", "GNU.sparse.realsize=10"})
          .file("GNUSparseFile.0/one", map + "abc")
          .pax({"GNU.sparse.map=2,1,5,2", "GNU.sparse.size=10", "GNU.sparse.name=zero-one"})
          .file("x", "abc")
          .pax({"GNU.sparse.size=10", "GNU.sparse.numblocks=2", "GNU.sparse.offset=2",
                "GNU.sparse.numbytes=1", "GNU.sparse.offset=5", "GNU.sparse.numbytes=2"})
          .file("zero-zero", "abc")
          .end();
  std::string want;
  for (const char* name : {"gnu", "one", "zero-one", "zero-zero"})
    want += str::cat("f ", name, " 0644 0:0 1.0 '..a..bc...'\n");
  expect_text(list(archive), want);
  expect_text(list(archive, 5), want);
}

Test(tar, refuses) {
  const std::string file = Tar().file("f", "abc").text();
  std::string flipped = file;
  flipped[0] = 'g';
  const struct {
    std::string archive, want;
  } cases[] = {
      {flipped, "error: tar header: the checksum does not hold; this is not a tar archive, or a damaged one"},
      {file.substr(0, 513), "f f 0644 0:0 1.0error: the archive ends in the middle of 'f'"},
      {file.substr(0, 100), "error: the archive ends in the middle"},
      {file + std::string(512, '\0') + file,
       "f f 0644 0:0 1.0 'abc'\nerror: the archive goes on behind a single zero block"},
      {Tar().pax({"path=x"}).end(), "error: the archive ends behind an extended header"},
      {Tar().add({.name = "q", .type = 'Q'}).end(),
       "error: 'q': has the type 'Q'; image layers hold files, directories, links, devices and fifos"},
      {Tar().add({.name = "m", .type = 'M'}).end(),
       "error: 'm': has the type 'M', which belongs to GNU tar's backups; image layers hold files, "
       "directories, links, devices and fifos"},
      {Tar().file("").end(), "error: tar header: the name is empty"},
      {Tar().link('2', "l", "").end(), "error: 'l': tar header: the link's target is empty"},
      {Tar().add({.name = "u", .uid = base256(8, {0xff}, 0xff, 0xff)}).end(),
       "error: 'u': tar header: the owner is not a number from 0 to 2^63-1"},
      {Tar().pax({"size=-1"}).file("f").end(),
       "error: pax header: 'size' is '-1', which is not a number from 0 to 2^63-1"},
      {Tar().pax({std::string("path=a\0b", 8)}).file("f").end(), "error: pax header: 'path' contains a NUL"},
      {Tar().add({.name = "p", .type = 'x', .data = "99 path=x\n"}).end(),
       "error: pax header: '99 path=x\\n' is not a record"},
      {Tar().add({.name = "p", .type = 'x', .size = "77777777777"}).end(),
       "error: tar header: an extended header of 8589934591 bytes is larger than 1048576"},
      {Tar().pax({"path=" + std::string(5000, 'n')}).file("f").end(),
       "error: tar header: the name '" + std::string(60, 'n') + "…' is longer than 4095 bytes"},
      {Tar().pax({"GNU.sparse.map=5,1,2,1", "GNU.sparse.size=10"}).file("s", "ab").end(),
       "error: 's': the sparse map is not in order, or leaves the file"},
      {Tar().pax({"GNU.sparse.map=9,2", "GNU.sparse.size=10"}).file("s", "ab").end(),
       "error: 's': the sparse map is not in order, or leaves the file"},
      {Tar().pax({"GNU.sparse.map=0,1", "GNU.sparse.size=10"}).file("s", "ab").end(),
       "error: 's': the sparse map covers 1 bytes, and 2 are stored"},
      {Tar().pax({"GNU.sparse.map=", "GNU.sparse.size=1152921504606846976"}).file("s").end(),
       "error: 's': is larger than 8796093022208 bytes"},
      {Tar().add({.name = "d", .type = '3', .major = "7777777"}).end(),
       "error: 'd': tar header: the device number 2097151:0 is larger than 4095:1048575"},
  };
  for (const auto& c : cases) expect_text(list(c.archive), c.want);
}

// Global headers add up: nothing that is kept from one header to the next may grow without end.
Test(tar, attributes_are_limited) {
  const auto attribute = [](int n, size_t size) {
    return str::cat("SCHILY.xattr.user.", n, "=", std::string(size, 'v'));
  };
  std::vector<std::string> many;
  for (int i = 0; i < 1025; ++i) many.push_back(attribute(i, 1));
  const std::string too_many =
      " is one extended attribute too many: there may be 1024 of together 1048576 bytes";
  expect_text(list(Tar().pax(many).file("f").end()), "error: pax header: 'user.1024'" + too_many);
  const std::vector<std::string> first = {attribute(0, 600000)}, second = {attribute(1, 600000)};
  expect_text(list(Tar().pax(first, 'g').pax(second, 'g').file("f").end()),
              "error: pax header: 'user.1'" + too_many);
  expect_text(list(Tar().pax(first, 'g').pax({attribute(0, 1)}, 'g').file("f").end()),
              "f f 0644 0:0 1.0 {user.0=v} ''\n");
}

Test(tar, entries_are_counted) {
  const std::string archive = Tar().file("a").pax({"path=b"}).file("f").link('1', "c", "a").end();
  const auto read = [&](uint64_t most) {
    Listing listing;
    tar::Reader reader(listing, most);
    Result<> done = reader.write(archive);
    if (done.ok()) done = reader.finish();
    return done.ok() ? "ok" : done.error().message;
  };
  expect_text(read(3), "ok");
  expect_text(read(2), "the archive has more than 2 entries");
}

// In each of the forms: a table of old GNU headers, text in front of the content, pax records.
Test(tar, pieces_of_a_sparse_file_are_limited) {
  std::string table(24, '0');
  for (const size_t nul : {11, 23}) table[nul] = '\0';
  std::string tables;
  for (size_t i = 0; i < limits::kSparseMap; ++i) tables += table;
  tar::SparseMap map;
  cr_expect(map.add_table(tables).ok());
  const Result<> more = map.add_table(table);
  expect_text(more.ok() ? "ok" : more.error().message, "has more than 1048576 pieces");

  std::string text = "1048577\n";
  text.resize(512, '\0');
  const Result<bool> announced = tar::SparseMap().add_text(text);
  expect_text(announced.ok() ? "ok" : announced.error().message,
              "the sparse map is damaged, or has more than 1048576 pieces");

  // One header has room for fewer; global ones add up.
  tar::Pax pax;
  std::string records;
  for (int i = 0; i < 16384; ++i) records += "23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=0\n";
  Result<> read;
  for (int i = 0; i < 64; ++i) {
    read = tar::read_pax(records, pax);
    cr_assert(read.ok(), "%s", read.error().message.c_str());
  }
  cr_expect_eq(pax.sparse_map.size(), limits::kSparseMap);
  read = tar::read_pax(records, pax);
  expect_text(read.ok() ? "ok" : read.error().message,
              "pax header: 'GNU.sparse.numbytes' has more than 1048576 pieces");
}

Test(tar, end_marks) {
  const std::string one = "f f 0644 0:0 1.0 ''\n";
  expect_text(list(Tar().file("f").end() + "anything"), one);
  expect_text(list(Tar().file("f").text()), one);
  expect_text(list(Tar().file("f").text() + std::string(512, '\0')), one);
  expect_text(list(""), "");
}
