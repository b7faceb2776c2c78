// The tree a layer is applied to, as the layer sees it: its own entries over those of the layers below.
//
// Paths are canonical here: components joined by '/', no links, no '.', '..'; "" is the root.  Directories are entered by
// the path an entry gives: if the target has it link-free, that is one openat2(2); else every component is looked
// up in the merged tree (whiteouts and opaque directories hide what is below), links are followed in it, and what the
// target lacks is made, like the lower layers have it.  The directory entered last is kept open: entries of one directory
// follow each other.  Not kept: more than that one; it was measured and gained nothing.
//
// Times of directories are remembered, not set, until finish(): every later entry would change them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "imagetool/layers/layer.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace layer {

struct Directory {
  std::string path;  // canonical
  UniqueFd fd;       // O_PATH, in the target
  uint32_t gid = 0;
  bool setgid = false;
};

// How a directory is opened that is to be read or changed through its descriptor.
inline constexpr int kReadable = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

std::string join(std::string_view dir, std::string_view name);

// overlayfs's: a character device 0:0.
bool is_whiteout(const struct stat& st);

// In two parts: tree.cc looks, enters and makes; whiteouts.cc hides.
class Tree {
 public:
  Tree(Form form, Fd root, std::span<const Fd> lowers, const Options& options)
      : form_(form), root_(root), lowers_(lowers), options_(options) {}

  // Gives the root of a layer in overlay form the attributes of the root below.  Call first.
  Result<> start();
  // Sets what was put off: times and default ACLs of directories, modes that would have kept us out.  Call last.
  Result<> finish();

  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] Fd root() const { return root_; }

  // The directory `path` of the merged tree, made where it is missing.  Valid until the next call of enter() or locate().
  Result<const Directory*> enter(std::string_view path);
  void leave() { current_ = Directory(); }

  // Where the file `path` is (it must not be a directory), in the target: copied up first if only lower layers have it.
  // Kind::not_found if nobody has it.
  struct Place {
    std::string dir_path;
    UniqueFd dir;
    std::string name;
  };
  Result<Place> locate(std::string_view dir, std::string_view name);

  // Removes what the target has under that name, whatever it is.  Precondition: `dir` is what enter() gave.
  Result<> remove(const Directory& dir, const std::string& name);
  // A new directory, or the one that is there; what else is there is replaced.  True: it is new.
  Result<bool> make_directory(const Directory& dir, const std::string& name, mode_t mode);

  // Hides what lower layers have there; nothing if they have nothing.
  Result<> whiteout(std::string_view dir, const std::string& name);
  Result<> opaque(std::string_view dir);

  // This layer has made `name` in `dir`: whiteouts of the same layer leave it alone.
  void made(std::string_view dir, std::string_view name);

  // What finish() is to set on a directory.
  struct Pending {
    struct timespec mtime = {0, 0};
    std::optional<mode_t> mode;
    std::optional<std::string> default_acl;
  };
  void put_off(const std::string& path, Pending pending) {
    pending_.insert_or_assign(path, std::move(pending));
  }

 private:
  enum class What { nothing, directory, link, other };
  struct Node {
    What what = What::nothing;
    bool lower = false;  // not in the target
    UniqueFd fd;         // O_PATH
    std::string target;  // of a link
  };
  Result<Node> look(const std::string& path) const;
  Result<Node> look_in(Fd layer, bool lower, const std::string& path, bool& go_on) const;
  Result<bool> is_opaque(Fd dir) const;
  Result<> make_opaque(Fd dir, const std::string& name, const std::string& path) const;
  Result<> drop_unneeded(Fd dir, const std::string& path) const;

  struct Resolved {
    std::string path;                // canonical
    std::vector<std::string> links;  // that were followed, by their canonical paths
  };
  Result<std::optional<Resolved>> resolve(std::string_view path, bool making) const;
  Result<UniqueFd> materialize(const std::string& path);
  Result<UniqueFd> make_implied(Fd dir, const std::string& name, const std::string& path, const Node& below,
                                bool replaces);
  Result<> use(std::string_view given, std::string path, UniqueFd fd);
  Result<> copy_up(const Node& node, const Directory& dir, const std::string& name);
  Result<> copy_file(Fd from, Fd dir, const std::string& name) const;

  [[nodiscard]] bool is_made(std::string_view path) const {
    return made_.contains(std::hash<std::string_view>()(path));
  }
  [[nodiscard]] bool is_touched(std::string_view path) const {
    return touched_.contains(std::hash<std::string_view>()(path));
  }
  [[nodiscard]] bool is_implied(std::string_view path) const {
    return implied_.contains(std::hash<std::string_view>()(path));
  }
  void touch(std::string_view path);
  Result<> whiteout_in_overlay(const std::string& dir, const std::string& name);
  Result<> remove_lower(Fd dir, const std::string& dir_path, const std::string& name);
  Result<> remove_lower_contents(Fd dir, const std::string& dir_path);
  Result<> opaque_root();

  const Form form_;
  const Fd root_;
  const std::span<const Fd> lowers_;
  const Options& options_;
  Directory current_;
  std::string current_given_;
  std::vector<std::string> followed_;  // the links that led to current_
  std::unordered_map<std::string, Pending> pending_;
  // Hashes of paths: what this layer has made, and directories it has made something in or below.  Tree form only.
  std::unordered_set<size_t> made_, touched_;
  // What stands for something of a lower layer and was not named by an entry: directories, and files that links of this
  // layer lead to.  Whiteouts concern it as they do what it stands for.  Overlay form only.
  std::unordered_set<size_t> implied_;
};

}  // namespace layer
