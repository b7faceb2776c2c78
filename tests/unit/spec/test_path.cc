#include <criterion/criterion.h>
#include <sys/stat.h>

#include <string>

#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

// A root with links of every kind in a directory that has something outside of it.
struct Scratch {
  std::string path = "/tmp/test_path.XXXXXX";
  UniqueFd outer, root;
  Scratch() {
    ::mkdtemp(path.data());
    outer = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY).take();
    for (const char* dir : {"root", "secret", "root/a", "root/a/b", "root/a/b/c", "root/secret"})
      (void)sys::mkdirat(outer, dir, 0755);
    root = sys::openat(outer, "root", O_RDONLY | O_DIRECTORY).take();
    for (const char* file : {"../secret/f", "f", "a/f", "secret/f"})
      (void)sys::openat(root, file, O_CREAT | O_WRONLY, 0644);
    const struct {
      const char *to, *name;
    } links[] = {{"a/b", "in"},     {"/a/b", "abs"},    {"../../../secret", "out"}, {"/secret/f", "absfile"},
                 {"loop", "loop"},  {"gone/x", "dang"}, {"../..", "a/b/up"},        {"/", "a/top"},
                 {"../f", "a/b/f"}, {"in/c/", "slash"}, {"/new/deep", "dangdir"}};
    for (const auto& l : links) (void)sys::symlinkat(l.to, root, l.name);
  }
  ~Scratch() {
    outer.reset();
    (void)path::remove_tree(Fd::cwd(), "none");  // a name that is not there is no error
    const UniqueFd tmp = sys::open("/tmp", O_RDONLY | O_DIRECTORY).take();
    (void)path::remove_tree(tmp, path.substr(5));
  }
};

// What was opened, as its inode, or the errno.
std::string show(const Result<UniqueFd>& r) {
  if (!r.ok()) return "errno " + std::to_string(r.error().errnum);
  const struct stat st = sys::fstat(r.value()).take();
  return std::to_string(st.st_mode & S_IFMT) + " " + std::to_string(st.st_ino);
}

constexpr const char* kPaths[] = {
    "",        ".",           "/",           "..",           "../..",      "a",
    "/a/b/c",  "a/b/../f",    "f",           "f/",           "f/x",        "gone",
    "gone/x",  "in",          "in/c",        "abs/c",        "abs/up",     "out",
    "out/f",   "../secret",   "absfile",     "loop",         "loop/x",     "dang",
    "dang/y",  "a/b/up/f",    "a/top/a/top", "a/b/f",        "slash",      "slash/",
    "in/../f", "in/../../..", "a//b/./c/.",  "a/b/c/../../", "abs/../../f"};

}  // namespace

Test(path, both_resolvers_agree) {
  const Scratch s;
  const int flags[] = {O_PATH,
                       O_PATH | O_NOFOLLOW,
                       O_RDONLY,
                       O_RDONLY | O_NOFOLLOW,
                       O_PATH | O_DIRECTORY,
                       O_RDONLY | O_DIRECTORY};
  for (const char* p : kPaths)
    for (const int f : flags)
      for (const path::Links links : {path::Links::inside, path::Links::refuse}) {
        const std::string kernel = show(path::open(s.root, p, f, 0, {.links = links}));
        const std::string emulated =
            show(path::open(s.root, p, f, 0, {.links = links, .resolver = path::Resolver::emulated}));
        expect_text(emulated, kernel,
                    std::string(p) + " flags " + std::to_string(f) +
                        (links == path::Links::refuse ? " no links" : ""));
      }
}

Test(path, nothing_leaves_the_root) {
  const Scratch s;
  const std::string inside = show(path::open(s.root, "secret/f", O_PATH));
  for (const path::Resolver r : {path::Resolver::kernel, path::Resolver::emulated}) {
    for (const char* p : {"../secret/f", "out/f", "absfile", "/../../secret/f", "a/b/up/../../secret/f"})
      expect_text(show(path::open(s.root, p, O_PATH, 0, {.resolver = r})), inside, p);
    const UniqueFd proc = sys::open("/proc", O_RDONLY | O_DIRECTORY).take();
    for (const char* p : {"self/root", "self/cwd/x", "self/exe", "self/fd/0"})
      expect_text(show(path::open(proc, p, O_PATH, 0, {.resolver = r})), "errno 40", p);
    cr_expect(path::open(proc, "mounts", O_PATH, 0, {.resolver = r}).ok());
  }
}

Test(path, makes_directories) {
  for (const path::Resolver r : {path::Resolver::kernel, path::Resolver::emulated}) {
    const Scratch s;
    const path::How how{.resolver = r};
    cr_expect(path::make_dirs(s.root, "x/y/z", 0755, how).ok());
    cr_expect(path::make_dirs(s.root, "out/made", 0755, how).ok());
    cr_expect(sys::fstatat(s.root, "secret/made", 0).ok(), "the link's target is beneath the root");
    cr_expect(!sys::fstatat(s.outer, "secret/made", 0).ok());
    cr_expect(path::make_dirs(s.root, "dangdir/er", 0755, how).ok());
    cr_expect(sys::fstatat(s.root, "new/deep/er", 0).ok());
    expect_text(show(path::make_dirs(s.root, "f/x", 0755, how)), "errno 20");
    expect_text(show(path::make_dirs(s.root, "loop/x", 0755, how)), "errno 40");
    expect_text(show(path::make_dirs(s.root, "in/new", 0755, {.links = path::Links::refuse, .resolver = r})),
                "errno 40");
  }
}

Test(path, makes_files) {
  for (const path::Resolver r : {path::Resolver::kernel, path::Resolver::emulated}) {
    const Scratch s;
    const path::How how{.resolver = r};
    cr_expect(path::make_file(s.root, "m/n/file", 0644, how).ok());
    cr_expect(path::make_file(s.root, "dang", 0644, how).ok());
    cr_expect(sys::fstatat(s.root, "gone/x", 0).ok());
    cr_expect(path::make_file(s.root, "f", 0644, how).ok());
    expect_text(show(path::make_file(s.root, "a", 0644, how)), "errno 21");
  }
}

Test(path, parents) {
  const Scratch s;
  const Result<path::Parent> p = path::parent(s.root, "in/name");
  cr_assert(p.ok());
  expect_text(p.value().name, "name");
  for (const char* bad : {"", "/", "a/..", "."}) cr_expect(!path::parent(s.root, bad).ok(), "%s", bad);
}

Test(path, removes_deep_trees_and_no_link_targets) {
  const Scratch s;
  UniqueFd at = path::make_dirs(s.root, "deep", 0755).take();
  for (int i = 0; i < 300; ++i) {
    cr_assert(sys::mkdirat(at, "d", i % 7 ? 0755 : 0).ok());
    at = sys::openat(at, "d", O_PATH | O_DIRECTORY).take();
  }
  cr_assert(sys::symlinkat("/secret", s.root, "deep/link").ok());
  cr_assert(sys::symlinkat("../../../secret", s.root, "deep/out").ok());
  cr_expect(path::remove_tree(s.root, "deep").ok());
  cr_expect(!sys::fstatat(s.root, "deep", AT_SYMLINK_NOFOLLOW).ok());
  cr_expect(sys::fstatat(s.outer, "secret/f", 0).ok());
  cr_expect(!path::remove_tree(s.root, "..").ok());
  cr_expect(!path::remove_tree(s.root, "a/b").ok());
}
