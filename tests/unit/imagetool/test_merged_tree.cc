#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "imagetool/bundle/merged_tree.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"

namespace {

// Three layers, as overlay's lower directories.
struct Layers {
  std::string top = "/tmp/test_merged_tree.XXXXXX";
  std::vector<std::string> dirs;  // highest first
  Layers() {
    ::mkdtemp(top.data());
    for (const char* name : {"/3", "/2", "/1"}) {
      dirs.push_back(top + name);
      ::mkdir(dirs.back().c_str(), 0755);
    }
  }
  ~Layers() {
    const UniqueFd tmp = sys::open("/tmp", O_RDONLY | O_DIRECTORY).take();
    cr_expect(path::remove_tree(tmp, top.substr(5)).ok());
  }
  std::string at(int layer, const char* name) const {
    return dirs[static_cast<size_t>(3 - layer)] + "/" + name;
  }
  void dir(int layer, const char* name, mode_t mode = 0755) const {
    cr_assert_eq(::mkdir(at(layer, name).c_str(), mode), 0, "%s", name);
  }
  void file(int layer, const char* name, const char* text, mode_t mode = 0644) const {
    const Result<UniqueFd> made = sys::open(at(layer, name).c_str(), O_WRONLY | O_CREAT | O_EXCL, mode);
    cr_assert(made.ok() && sys::write_all(made.value(), text).ok(), "%s", name);
  }
  void link(int layer, const char* name, const char* target) const {
    cr_assert_eq(::symlink(target, at(layer, name).c_str()), 0);
  }
  // Anybody may make a character device 0:0; it is what whiteouts are for.
  void whiteout(int layer, const char* name) const {
    cr_assert_eq(::mknod(at(layer, name).c_str(), S_IFCHR, makedev(0, 0)), 0, "%s", name);
  }
  // False where the file system has no user.* attributes.
  bool opaque(int layer, const char* name) const {
    return sys::setxattr(at(layer, name).c_str(), "user.overlay.opaque", "y", true).ok();
  }
  MergedTree open() const { return MergedTree::open(dirs).take(); }
};

std::string show(const Result<std::optional<std::string>>& r) {
  if (!r.ok()) return "error: " + r.error().message;
  return r.value().value_or("(nothing)");
}

}  // namespace

Test(merged_tree, reads_as_overlayfs_would) {
  const Layers l;
  for (const int layer : {1, 2, 3}) l.dir(layer, "etc");
  l.file(1, "etc/one", "1");
  l.file(1, "etc/all", "1");
  l.file(2, "etc/all", "2");
  l.file(3, "etc/all", "3");
  l.file(1, "etc/gone", "1");
  l.whiteout(2, "etc/gone");
  l.file(1, "etc/back", "1");
  l.whiteout(2, "etc/back");
  l.file(3, "etc/back", "3");
  l.dir(1, "hidden");
  l.file(1, "hidden/f", "1");
  l.whiteout(3, "hidden");
  l.dir(1, "replaced");
  l.file(1, "replaced/f", "1");
  l.file(2, "replaced", "now a file");
  l.file(1, "was-file", "1");
  l.dir(2, "was-file");
  l.file(2, "was-file/f", "2");
  l.link(3, "absolute", "/etc/one");
  l.link(2, "up", "../../../etc/all");
  l.link(1, "dir", "etc");
  l.link(1, "loop", "loop");
  l.link(1, "outside", "/proc/self/status");
  l.dir(1, "fifos");
  cr_assert_eq(::mkfifo(l.at(1, "fifos/f").c_str(), 0600), 0);
  const struct {
    const char* path;
    const char* want;
  } cases[] = {
      {"/etc/one", "1"},
      {"etc/all", "3"},
      {"/etc/gone", "(nothing)"},
      {"/etc/back", "3"},
      {"/hidden/f", "(nothing)"},
      {"/replaced/f", "(nothing)"},
      {"/replaced", "now a file"},
      {"/was-file/f", "2"},
      {"/absolute", "1"},
      {"/up", "3"},
      {"/dir/one", "1"},
      {"/dir/../etc/./all", "3"},
      {"/../../etc/all", "3"},
      {"/loop", "error: too many symbolic links in '/loop'"},
      {"/outside", "(nothing)"},
      {"/no/such", "(nothing)"},
      {"/etc/one/below", "(nothing)"},
      {"/etc", "error: '/etc' in the image is not a regular file"},
      {"/fifos/f", "error: '/fifos/f' in the image is not a regular file"},
  };
  const MergedTree tree = l.open();
  for (const auto& c : cases) {
    const std::string got = show(tree.read_file(c.path, 100));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.path);
  }
}

Test(merged_tree, opaque_directory) {
  const Layers l;
  l.dir(1, "d");
  l.file(1, "d/low", "1");
  l.dir(2, "d");
  l.file(2, "d/high", "2");
  if (!l.opaque(2, "d")) cr_skip_test("no user.* attributes in /tmp");
  const MergedTree tree = l.open();
  const std::string low = show(tree.read_file("d/low", 10));
  const std::string high = show(tree.read_file("d/high", 10));
  cr_expect_str_eq(low.c_str(), "(nothing)");
  cr_expect_str_eq(high.c_str(), "2");
}

Test(merged_tree, limit) {
  const Layers l;
  l.file(1, "f", "0123456789");
  const std::string enough = show(l.open().read_file("f", 10));
  const std::string little = show(l.open().read_file("f", 9));
  cr_expect_str_eq(enough.c_str(), "0123456789");
  cr_expect_str_eq(little.c_str(), "error: 'f' in the image is larger than 9 bytes");
}

Test(merged_tree, copies_a_directory) {
  const Layers l;
  l.dir(1, "v", 0700);
  l.dir(2, "v", 0711);
  l.dir(1, "v/sub");
  l.file(1, "v/sub/low", "low", 0640);
  l.dir(2, "v/sub", 02750);
  cr_assert_eq(::chmod(l.at(2, "v/sub").c_str(), 02750), 0);
  l.file(2, "v/sub/high", "high", 04755);
  cr_assert_eq(::chmod(l.at(2, "v/sub/high").c_str(), 04755), 0);
  l.file(1, "v/gone", "x");
  l.whiteout(3, "v_is_not_there");
  l.whiteout(2, "v/gone");
  l.link(1, "v/link", "../outside");
  cr_assert_eq(::link(l.at(1, "v/sub/low").c_str(), l.at(1, "v/second-name").c_str()), 0);
  const struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 2000, .tv_nsec = 7}};
  cr_assert(sys::utimensat(Fd::cwd(), l.at(2, "v/sub").c_str(), times, 0).ok());
  cr_assert(sys::utimensat(Fd::cwd(), l.at(1, "v/link").c_str(), times, AT_SYMLINK_NOFOLLOW).ok());
  l.link(3, "to-v", "/v");

  const std::string into = l.top + "/copy";
  cr_assert_eq(::mkdir(into.c_str(), 0755), 0);
  const UniqueFd copy = sys::open(into.c_str(), O_RDONLY | O_DIRECTORY).take();
  const Result<bool> copied = l.open().copy_directory("/to-v", copy);
  cr_assert(copied.ok(), "%s", copied.ok() ? "" : copied.error().message.c_str());
  cr_expect(copied.value());

  const auto stat_of = [&](const char* name) { return sys::fstatat(copy, name, AT_SYMLINK_NOFOLLOW).take(); };
  cr_expect_eq(stat_of(".").st_mode & 07777, 0711u);
  cr_expect_eq(stat_of("sub").st_mode & 07777, 02750u);
  cr_expect_eq(stat_of("sub").st_mtim.tv_sec, 2000);
  cr_expect_eq(stat_of("sub").st_mtim.tv_nsec, 7);
  cr_expect_eq(stat_of("sub/high").st_mode & 07777, 04755u);
  cr_expect_eq(stat_of("sub/low").st_mode & 07777, 0640u);
  cr_expect_eq(stat_of("sub/low").st_ino, stat_of("second-name").st_ino);
  cr_expect_eq(stat_of("link").st_mtim.tv_sec, 2000);
  const std::string target = sys::readlinkat(copy, "link").take();
  cr_expect_str_eq(target.c_str(), "../outside");
  cr_expect_not(sys::fstatat(copy, "gone", AT_SYMLINK_NOFOLLOW).ok());
  const std::string text = files::read(copy, "sub/low", 10).take();
  cr_expect_str_eq(text.c_str(), "low");
  if (::geteuid() == 0) cr_expect_eq(stat_of("sub/low").st_uid, 0u);
}

Test(merged_tree, nothing_to_copy) {
  const Layers l;
  l.file(1, "file", "x");
  const std::string into = l.top + "/copy";
  cr_assert_eq(::mkdir(into.c_str(), 0755), 0);
  const UniqueFd copy = sys::open(into.c_str(), O_RDONLY | O_DIRECTORY).take();
  for (const char* name : {"/none", "/file", "/file/x"}) {
    const Result<bool> copied = l.open().copy_directory(name, copy);
    cr_expect(copied.ok() && !copied.value(), "%s", name);
  }
  cr_expect(sys::list(copy).take().empty());
}
