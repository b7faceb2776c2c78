// Layers of files, directories, hard links and whiteouts made from the input, from three names so that they meet, against
// a model of what they mean that knows no file system: a tree in memory where each node remembers whether this layer made
// it.  In both forms, a plain tree and an overlay, what comes out is what the model has.  Links to everywhere are the
// target `layer`'s business.

#include "tests/fuzz/support/merged.h"

namespace {

using fuzz::must;

constexpr size_t kLayers = 3;
using Path = std::vector<std::string>;

// ---- the model ----

struct Node {
  bool directory = false;
  bool own = false;  // made by an entry of this layer
  uint64_t size = 0;
  std::map<std::string, Node> children;
};

class Model {
 public:
  // False: the layer is refused.
  bool apply(const std::vector<tar::Entry>& entries) {
    forget_owners(root_);
    for (const tar::Entry& entry : entries)
      if (!apply(entry)) return false;
    return true;
  }
  [[nodiscard]] fuzz::Listing listing() const {
    fuzz::Listing all;
    list(root_, "", all);
    return all;
  }

 private:
  static Path parts(const std::string& name) {
    Path all;
    for (const std::string_view part : str::split(name, '/'))
      if (!part.empty()) all.emplace_back(part);
    return all;
  }
  static void forget_owners(Node& node) {
    node.own = false;
    for (auto& [name, child] : node.children) forget_owners(child);
  }
  static void list(const Node& node, const std::string& path, fuzz::Listing& into) {
    for (const auto& [name, child] : node.children) {
      const std::string here = str::cat(path, "/", name);
      into[here] = child.directory ? "directory" : str::cat("file ", child.size);
      list(child, here, into);
    }
  }
  Node* find(const Path& path) {
    Node* at = &root_;
    for (const std::string& part : path) {
      const auto child = at->children.find(part);
      if (child == at->children.end()) return nullptr;
      at = &child->second;
    }
    return at;
  }
  // What is missing is made, what is in the way is replaced: by a directory that no entry stands for.
  Node& enter(const Path& path) {
    Node* at = &root_;
    for (const std::string& part : path) {
      at = &at->children[part];
      if (!at->directory) *at = Node{.directory = true};
    }
    return *at;
  }

  // True: nothing of it is left.
  static bool remove_lower(Node& node) {
    for (auto child = node.children.begin(); child != node.children.end();)
      child = remove_lower(child->second) ? node.children.erase(child) : std::next(child);
    return !node.own && node.children.empty();
  }
  void hide(const Path& parent, const std::string& name) {
    Node* dir = find(parent);
    if (!dir || !dir->directory) return;
    if (name == ".wh..wh..opq") return (void)remove_lower(*dir);
    const auto hidden = dir->children.find(name.substr(4));
    if (hidden != dir->children.end() && remove_lower(hidden->second)) dir->children.erase(hidden);
  }

  bool link(const Path& from, const Path& parent, const std::string& name) {
    const Node* target = find(from);
    if (!target || target->directory) return false;
    const Node copy{.own = true, .size = target->size};
    Node& dir = enter(parent);
    target = find(from);
    if (!target || target->directory) return false;  // its own parent was its target
    Path to = parent;
    to.push_back(name);
    if (from == to) return true;
    dir.children.erase(name);
    if (!find(from)) return false;  // it was in what the link replaces
    dir.children[name] = copy;
    return true;
  }

  bool apply(const tar::Entry& entry) {
    Path parent = parts(entry.name);
    const std::string name = parent.back();
    parent.pop_back();
    if (name.starts_with(".wh.")) {
      hide(parent, name);
      return true;
    }
    if (entry.type == tar::Type::hard_link) return link(parts(entry.link), parent, name);
    Node& dir = enter(parent);
    Node& node = dir.children[name];
    const bool directory = entry.type == tar::Type::directory;
    if (!directory || !node.directory) node = Node{.directory = directory, .size = entry.size};
    node.own = true;
    return true;
  }

  Node root_{.directory = true};
};

// ---- layers ----

std::string pick_name(fuzz::Input& input, bool may_hide) {
  constexpr std::string_view kParts[] = {"a", "b", "c"};
  std::string path;
  const size_t parts = 1 + input.below(4);
  for (size_t i = 0; i < parts; ++i) {
    const uint8_t which = input.byte();
    if (i > 0) path += '/';
    if (may_hide && i + 1 == parts && which >= 0x80) {
      const size_t hidden = which % 4;
      return path + (hidden == 3 ? ".wh..wh..opq" : str::cat(".wh.", kParts[hidden]));
    }
    path += kParts[which % 3];
  }
  return path;
}

std::vector<tar::Entry> pick_layer(fuzz::Input& input) {
  constexpr tar::Type kTypes[] = {tar::Type::file, tar::Type::file, tar::Type::directory,
                                  tar::Type::hard_link};
  std::vector<tar::Entry> entries;
  for (size_t n = input.below(12); n > 0 && !input.empty(); --n) {
    tar::Entry entry;
    entry.type = input.one_of(kTypes);
    entry.name = pick_name(input, true);
    entry.mode = 0755;
    if (entry.type == tar::Type::hard_link) entry.link = pick_name(input, false);
    if (entry.type == tar::Type::file) entry.size = 1 + input.below(9);
    entries.push_back(std::move(entry));
  }
  return entries;
}

// ---- what came out ----

std::string describe(Fd dir, const std::string& name, const struct stat& st) {
  if (S_ISDIR(st.st_mode)) return "directory";
  must(S_ISREG(st.st_mode), "what is there is a file or a directory", name);
  const UniqueFd file = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW).take();
  char bytes[16] = {};
  const size_t size = sys::read(file, bytes, sizeof bytes).take();
  must(std::string_view(bytes, size) == std::string(size, static_cast<char>('0' + size)),
       "a file has its own content", name);
  return str::cat("file ", size);
}

void compare(std::string_view form, const std::vector<UniqueFd>& dirs, const fuzz::Listing& want) {
  fuzz::Listing got;
  fuzz::merge(dirs, "", describe, got);
  must(got == want, str::cat(form, " is what the layers mean"),
       str::cat(fuzz::text(got), " | ", fuzz::text(want)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr const char* kNames[kLayers] = {"overlay0", "overlay1", "overlay2"};
  ::umask(0);
  fuzz::Input input(data, size);
  const fuzz::Scratch scratch;
  Model model;
  std::vector<UniqueFd> tree, overlay;  // topmost first
  tree.push_back(scratch.make("tree"));
  for (const char* name : kNames) {
    const std::vector<tar::Entry> layer = pick_layer(input);
    const std::vector<Fd> lowers(overlay.begin(), overlay.end());
    overlay.insert(overlay.begin(), scratch.make(name));
    const Result<> alone = fuzz::apply(layer::Form::overlay, overlay.front(), lowers, layer);
    const Result<> onto = fuzz::apply(layer::Form::tree, tree.front(), {}, layer);
    const bool good = model.apply(layer);
    must(alone.ok() == good, "an overlay refuses what means nothing",
         alone.ok() ? "" : alone.error().message);
    must(onto.ok() == good, "a tree refuses what means nothing", onto.ok() ? "" : onto.error().message);
    if (!good) return 0;
    const fuzz::Listing want = model.listing();
    compare("an overlay", overlay, want);
    compare("a tree", tree, want);
  }
  return 0;
}
