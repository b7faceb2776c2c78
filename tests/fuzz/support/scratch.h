// A directory for targets that work on real files:  <scratch>/outside/canary, which nothing may touch or reach, and
// whatever the target makes beside it.  In $TMPDIR (make fuzz sets it to a tmpfs), else in /var/tmp, where files have
// user.* attributes.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "tests/fuzz/support/input.h"

namespace fuzz {

inline UniqueFd put(Fd dir, const char* name, std::string_view text) {
  UniqueFd file = sys::openat(dir, name, O_CREAT | O_WRONLY | O_TRUNC, 0600).take();
  must(sys::write_all(file, text).ok(), "a file can be written", name);
  return file;
}

class Scratch {
 public:
  Scratch() {
    const char* place = std::getenv("TMPDIR");
    path_ = str::cat(place ? place : "/var/tmp", "/fuzz.XXXXXX");
    must(::mkdtemp(path_.data()) != nullptr, "a directory can be made", path_);
    dir_ = sys::open(path_.c_str(), O_RDONLY | O_DIRECTORY).take();
    before_ = sys::open(".", O_PATH | O_DIRECTORY).take();
    const UniqueFd outside = make("outside");
    const UniqueFd canary = put(outside, "canary", "alive");
    outside_ = sys::fstat(outside).take();
    canary_ = sys::fstat(canary).take();
  }
  ~Scratch() {
    must(sys::fchdir(before_).ok(), "the working directory is still there");
    const size_t slash = path_.rfind('/');
    const UniqueFd above = sys::open(path_.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY).take();
    must(path::remove_tree(above, path_.substr(slash + 1)).ok(), "a tree can be removed");
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] UniqueFd make(const char* name) const {
    (void)sys::mkdirat(dir_, name, 0755);
    return sys::openat(dir_, name, O_RDONLY | O_DIRECTORY).take();
  }
  // The absolute path of what nothing may touch: something for links to point to.
  [[nodiscard]] std::string outside() const { return path_ + "/outside"; }
  [[nodiscard]] bool is_outside(const struct stat& st) const {
    return st.st_dev == outside_.st_dev && (st.st_ino == outside_.st_ino || st.st_ino == canary_.st_ino);
  }
  void check_outside() const {
    const UniqueFd outside = sys::openat(dir_, "outside", O_RDONLY | O_DIRECTORY).take();
    const UniqueFd canary = sys::openat(outside, "canary", O_RDONLY | O_NOFOLLOW).take();
    check(sys::fstat(outside).take(), outside_);
    check(sys::fstat(canary).take(), canary_);
  }

 private:
  static void check(const struct stat& now, const struct stat& then) {
    must(now.st_ino == then.st_ino && now.st_mode == then.st_mode && now.st_nlink == then.st_nlink &&
             now.st_size == then.st_size && now.st_mtim.tv_sec == then.st_mtim.tv_sec &&
             now.st_mtim.tv_nsec == then.st_mtim.tv_nsec && now.st_ctim.tv_sec == then.st_ctim.tv_sec &&
             now.st_ctim.tv_nsec == then.st_ctim.tv_nsec,
         "what is outside stays untouched");
  }

  std::string path_;
  UniqueFd dir_, before_;  // before_: the working directory, which layers move
  struct stat outside_ {
  }, canary_{};
};

}  // namespace fuzz
