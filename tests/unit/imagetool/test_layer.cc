#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imagetool/layers/attributes.h"
#include "imagetool/layers/layer.h"
#include "imagetool/layers/tree.h"
#include "imagetool/layers/zeros.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"
#include "tests/unit/support/tars.h"

// As any user: owners are mapped to the caller's own, overlayfs's marks are user.*.

namespace {

struct Scratch {
  std::string path = "/var/tmp/test_layer.XXXXXX";  // /tmp may be a tmpfs without user.* attributes
  UniqueFd dir, target;
  Scratch() {
    ::umask(0);
    ::mkdtemp(path.data());
    dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY).take();
    (void)sys::mkdirat(dir, "outside", 0755);
    target = make("target");
  }
  ~Scratch() {
    const UniqueFd tmp = sys::open("/var/tmp", O_RDONLY | O_DIRECTORY).take();
    (void)path::remove_tree(tmp, path.substr(9));
  }
  UniqueFd make(const char* name) const {
    (void)sys::mkdirat(dir, name, 0755);
    return sys::openat(dir, name, O_RDONLY | O_DIRECTORY).take();
  }
};

layer::Options options() {
  layer::Options o{.control = layer::Control::user,
                   .devices = false,
                   .root = ::geteuid() == 0,
                   .uid = ::geteuid(),
                   .gid = ::getegid()};
  o.uids = {{0, ::geteuid(), 1}};
  o.gids = {{0, ::getegid(), 1}};
  o.more_ids = "ask root";
  return o;
}

std::string apply(layer::Form form, Fd target, std::vector<Fd> lowers, const std::string& archive) {
  layer::Layer layer(form, target, lowers, options());
  tar::Reader reader(layer);
  Result<> r = reader.write(archive);
  if (r.ok()) r = reader.finish();
  if (!r.ok()) return "error: " + r.error().message;
  const Result<layer::Summary> s = layer.finish();
  return s.ok() ? "ok" : "error: " + s.error().message;
}

std::string read(Fd root, const char* name) {
  const Result<UniqueFd> fd = path::open(root, name, O_RDONLY | O_NONBLOCK, 0, path::kNoSymlinks);
  if (!fd.ok()) return "errno " + std::to_string(fd.error().errnum);
  char buffer[64];
  const Result<size_t> n = sys::read(fd.value(), buffer, sizeof buffer);
  return n.ok() ? std::string(buffer, n.value()) : "errno " + std::to_string(n.error().errnum);
}

constexpr layer::Form kForms[] = {layer::Form::tree, layer::Form::overlay};

}  // namespace

Test(layer, nothing_gets_out) {
  for (const layer::Form form : kForms) {
    const Scratch s;
    const std::string outside = s.path + "/outside";
    expect_text(apply(form, s.target, {},
                      Tar()
                          .file("../../up", "1")
                          .file("/abs", "2")
                          .link('2', "l", outside)
                          .file("l/through", "3")
                          .link('2', "m", "../../outside")
                          .file("m/x", "4")
                          .link('2', "last", outside + "/file")
                          .file("last", "5")
                          .end()),
                "ok");
    expect_text(
        read(s.target, "up") + read(s.target, "abs") + read(s.target, "outside/x") + read(s.target, "last"),
        "1245");
    expect_text(read(s.target, (outside.substr(1) + "/through").c_str()), "3");
    const UniqueFd around = s.make("outside");
    cr_expect(sys::list(around).take().empty(), "the directory outside is untouched");
  }
}

Test(layer, refuses) {
  const struct {
    std::string archive, want;
  } cases[] = {
      {Tar().link('2', "/", "x").end(), "error: '/': is a symbolic link in the place of the root directory"},
      {Tar().file("a/..", "x").end(), "error: 'a/..': is a file in the place of the root directory"},
      {Tar().file("a/.wh.").end(), "error: 'a/.wh.': is a whiteout that names no file"},
      {Tar().file(".wh...").end(), "error: '.wh...': is a whiteout that names no file"},
      {Tar().link('1', "h", "../../etc/passwd").end(),
       "error: 'h': its target '../../etc/passwd': is not in the image"},
      {Tar().dir("d").link('1', "h", "d").end(), "error: 'h': its target 'd': is a directory"},
      {Tar().link('2', "l", "l").file("l/x").end(),
       "error: 'l/x': 'l' is a link to itself, or one of more than 40"},
      {Tar().add({.name = "w", .type = '3', .major = "0", .minor = "0"}).end(),
       "error: 'w': is the device 0:0, which overlayfs takes for a whiteout; image layers write '.wh.NAME'"},
      {Tar().pax({"uid=4294967295"}).file("u").end(),
       "error: 'u': the owner 4294967295 is not an id: they end at 4294967294"},
      {Tar().pax({"gid=4294967296"}).file("u").end(),
       "error: 'u': the group 4294967296 is not an id: they end at 4294967294"},
      {Tar().pax({"uid=7"}).file("u").end(),
       "error: 'u': the owner 7 is not among the ids that this user has: ask root"},
  };
  for (const layer::Form form : kForms)
    for (const auto& c : cases) {
      const Scratch s;
      expect_text(apply(form, s.target, {}, c.archive), c.want);
    }
}

Test(layer, links_of_lower_layers_are_followed) {
  const Scratch s;
  const UniqueFd lower = s.make("lower");
  cr_assert(apply(layer::Form::overlay, lower, {},
                  Tar().dir("usr", 0711).dir("usr/lib", 01777).link('2', "lib", "usr/lib").end()) == "ok");
  expect_text(apply(layer::Form::overlay, s.target, {lower}, Tar().file("lib/x", "moved").end()), "ok");
  expect_text(read(s.target, "usr/lib/x"), "moved");
  cr_expect(!sys::fstatat(s.target, "lib", AT_SYMLINK_NOFOLLOW).ok());
  const struct stat lib = sys::fstatat(s.target, "usr/lib", 0).take();
  cr_expect((lib.st_mode & 07777) == 01777 && lib.st_mtim.tv_sec == 1, "an implied parent changes nothing");
}

Test(layer, a_directory_made_again_is_opaque) {
  for (const bool first : {true, false}) {
    const Scratch s;
    const UniqueFd lower = s.make("lower");
    cr_assert(apply(layer::Form::overlay, lower, {}, Tar().dir("d").file("d/old").end()) == "ok");
    const std::string hide = Tar().file(".wh.d").text(), make = Tar().dir("d").file("d/new").text();
    expect_text(apply(layer::Form::overlay, s.target, {lower}, first ? hide + make : make + hide), "ok");
    const UniqueFd d = sys::openat(s.target, "d", O_RDONLY | O_DIRECTORY).take();
    expect_text(sys::fgetxattr(d, "user.overlay.opaque").take(), "y");
    cr_assert(apply(layer::Form::tree, lower, {}, first ? hide + make : make + hide) == "ok");
    expect_text(read(lower, "d/new") + read(lower, "d/old"), "errno 2");
  }
}

// A file of a lower layer that a link of this one leads to is still the lower layer's.
Test(layer, what_links_lead_to_can_be_hidden) {
  for (const char* hide : {"d/.wh.old", "d/.wh..wh..opq", ".wh.d"}) {
    const Scratch s;
    const UniqueFd lower = s.make("lower");
    cr_assert(apply(layer::Form::overlay, lower, {}, Tar().dir("d").file("d/old", "text").end()) == "ok");
    const std::string link = Tar().link('1', "kept", "d/old").file(hide).end();
    expect_text(apply(layer::Form::overlay, s.target, {lower}, link), "ok");
    expect_text(read(s.target, "kept"), "text");
    const auto old = sys::fstatat(s.target, "d/old", AT_SYMLINK_NOFOLLOW);
    cr_expect(!old.ok() || layer::is_whiteout(old.value()), "%s", hide);
    cr_assert(apply(layer::Form::tree, lower, {}, link) == "ok");
    expect_text(read(lower, "kept") + read(lower, "d/old"), "texterrno 2");
  }
}

Test(layer, control_attributes_never_act) {
  expect_text(*layer::stored_name("trusted.overlay.opaque", layer::Form::overlay),
              "trusted.overlay.overlay.opaque");
  expect_text(*layer::stored_name("user.overlay.overlay.opaque", layer::Form::overlay),
              "user.overlay.overlay.overlay.opaque");
  expect_text(*layer::stored_name("security.capability", layer::Form::overlay), "security.capability");
  cr_expect(!layer::stored_name("security.selinux", layer::Form::tree).has_value());
}

Test(layer, special_cases) {
  for (const layer::Form form : kForms) {
    const Scratch s;
    expect_text(apply(form, s.target, {},
                      Tar()
                          .file("f", "old")
                          .file("f", "new")
                          .link('1', "f", "f")
                          .file("p", "x")
                          .file("p/q", "in")
                          .dir("shut", 0)
                          .file("shut/f", "1")
                          .add({.name = "dev", .type = '4', .major = "1", .minor = "1"})
                          .file(".wh..wh.plnk")
                          .file(".wh.gone")
                          .end()),
                "ok");
    expect_text(read(s.target, "f") + read(s.target, "p/q") + read(s.target, "dev"), "newinerrno 2");
    cr_expect_eq(sys::fstatat(s.target, "shut", 0).take().st_mode & 07777, 0u);
    cr_expect_eq(sys::list(s.target).take().size(), 3u);
  }
}

Test(layer, a_link_that_replaces_itself_is_not_followed_again) {
  for (const layer::Form form : kForms) {
    const Scratch s;
    expect_text(apply(form, s.target, {}, Tar().link('2', "b", "/").dir("b/b").file("b/e", "inside").end()),
                "ok");
    expect_text(read(s.target, "b/e") + read(s.target, "e"), "insideerrno 2");
  }
}

Test(layer, holes) {
  const Scratch s;
  expect_text(apply(layer::Form::tree, s.target, {},
                    Tar().pax({"GNU.sparse.map=0,1", "GNU.sparse.size=10737418240"}).file("hole", "x").end()),
              "ok");
  const struct stat st = sys::fstatat(s.target, "hole", 0).take();
  cr_expect(st.st_size == 10737418240 && st.st_blocks < 100);

  // A hard link to it makes the next layer copy it up.
  const UniqueFd upper = s.make("upper");
  expect_text(apply(layer::Form::overlay, upper, {s.target}, Tar().link('1', "name", "hole").end()), "ok");
  const struct stat copy = sys::fstatat(upper, "name", 0).take();
  cr_expect(copy.st_size == 10737418240 && copy.st_blocks < 100);
}

Test(layer, zeros_take_no_room) {
  const Scratch s;
  constexpr size_t kPiece = zeros::kPiece;
  // One that ends in data, one that ends in a hole, one of nothing else, one whose zeros are too few.
  const std::string hole(5 * kPiece, '\0'), text(kPiece / 2, 'x');
  const std::string contents[] = {text + hole + "end", "start" + hole, hole,
                                  text + std::string(5000, '\0') + text};
  Tar tar;
  for (size_t i = 0; i < std::size(contents); ++i) tar.file(str::cat("f", i), contents[i]);
  const std::string archive = tar.end();
  layer::Layer layer(layer::Form::tree, s.target, {}, options());
  tar::Reader reader(layer);
  for (size_t at = 0; at < archive.size(); at += 100'000)
    cr_assert(reader.write(std::string_view(archive).substr(at, 100'000)).ok());
  cr_assert(reader.finish().ok() && layer.finish().ok());
  for (size_t i = 0; i < std::size(contents); ++i) {
    const Result<std::string> got = files::read(s.target, str::cat("f", i).c_str(), 1 << 20);
    cr_expect(got.ok() && got.value() == contents[i], "%zu", i);
  }
  // As much as a file takes on this file system that was never written to there.
  const UniqueFd empty = sys::openat(s.target, "empty", O_WRONLY | O_CREAT, 0644).take();
  cr_assert(sys::ftruncate(empty, static_cast<off_t>(hole.size())).ok());
  cr_expect(sys::fstatat(s.target, "f2", 0).value().st_blocks == sys::fstat(empty).value().st_blocks);
}
