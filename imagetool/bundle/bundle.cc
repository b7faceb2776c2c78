#include "imagetool/bundle/bundle.h"

#include <cerrno>
#include <climits>

#include "imagetool/bundle/config.h"
#include "imagetool/bundle/merged_tree.h"
#include "imagetool/bundle/users.h"
#include "imagetool/limits.h"
#include "imagetool/store/leases.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"
#include "spec/base/undo.h"
#include "spec/config.h"

namespace bundles {

namespace {

constexpr const char* kMarker = ".imagetool";

struct Split {
  std::string parent, name;  // "a/b/" → "a", "b"
};

Split split_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string(path)};
  return {std::string(slash == 0 ? "/" : path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

Result<UniqueFd> open_directory(Fd parent, const char* name) {
  return sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// A new directory in one of ours.
Result<UniqueFd> make_directory(Fd parent, const char* name, mode_t mode) {
  TRY(sys::mkdirat(parent, name, mode));
  UniqueFd dir = TRY(open_directory(parent, name));
  TRY(sys::fchmod(dir, mode));  // whatever the umask is
  return dir;
}

// The bundle's directory while it is being made.
struct Site {
  UniqueFd parent, dir;
  std::string name, path;  // path: absolute, links resolved
  bool was_there = false;
};

Result<Site> claim(const std::string& wanted) {
  const Split split = split_path(wanted);
  Site site;
  site.name = split.name;
  if (site.name.empty() || site.name == "." || site.name == "..")
    return Error(Kind::invalid, str::cat("'", wanted, "' does not name a directory to make"));
  Result<UniqueFd> parent = sys::open(split.parent.c_str(), O_RDONLY | O_DIRECTORY);
  if (!parent.ok() && parent.error().errnum == ENOENT)
    return Error(Kind::not_found, str::cat("directory '", split.parent, "' does not exist: make it first"));
  site.parent = TRY(std::move(parent));
  const Result<> made = sys::mkdirat(site.parent, site.name.c_str(), 0700);
  if (!made.ok() && made.error().errnum != EEXIST) return made.error();
  site.was_there = !made.ok();
  Result<UniqueFd> dir = open_directory(site.parent, site.name.c_str());
  if (!dir.ok() && (dir.error().errnum == ENOTDIR || dir.error().errnum == ELOOP))
    return Error(Kind::conflict,
                 str::cat("'", wanted, "' exists and is not a directory: choose another name"));
  site.dir = TRY(std::move(dir));
  if (site.was_there && !TRY(sys::list(site.dir)).empty())
    return Error(Kind::conflict,
                 str::cat("'", wanted, "' exists and is not empty: choose another name, or remove it"));
  TRY(sys::fchmod(site.dir, 0700));
  site.path = TRY(sys::readlinkat(Fd::cwd(), site.dir.get().proc_path().c_str()));
  return site;
}

void abandon(const Site& site) {
  const Result<> gone =
      site.was_there ? path::remove_contents(site.dir) : path::remove_tree(site.parent, site.name);
  if (!gone.ok()) logs::warn("removing half-made bundle '", site.path, "': ", gone.error().message);
}

// ---- the parts ----

// The tree that the container will see, and what of it config.json has to say.
Result<MergedTree> make_rootfs(const Image& image, RootfsKind kind, const Site& site, Facts& facts) {
  const std::vector<std::string> layers = image.lower_dirs();
  MergedTree tree = TRY(MergedTree::open(layers));
  const UniqueFd rootfs = TRY(make_directory(site.dir, "rootfs", 0755));
  if (layers.empty()) return tree;  // an image without files: an empty directory is all of it
  if (kind == RootfsKind::copy) {
    (void)TRY(tree.copy_directory("/", rootfs).within("copying the layers"));  // '/' is there
    return tree;
  }
  (void)TRY(make_directory(site.dir, "work", 0700));
  const UniqueFd upper = TRY(make_directory(site.dir, "upper", 0755));
  TRY(tree.copy_root_attributes(upper).within("making the upper directory"));  // '/' shows the upper one's
  facts.lower_dirs = layers;
  return tree;
}

// passwd or group.  Where only HOME depends on it, an unusable file is no reason to fail.
Result<std::string> read_user_file(const MergedTree& tree, std::string_view path, bool needed,
                                   std::vector<std::string>& warnings) {
  Result<std::optional<std::string>> text = tree.read_file(path, limits::kUserFile);
  if (!text.ok() && needed) return text.take_error();
  if (!text.ok()) {
    warnings.push_back(str::cat(text.error().message, ", ignoring"));
    return std::string();
  }
  return std::move(text).take().value_or("");
}

Result<users::Identity> identify(const MergedTree& tree, const std::string& user,
                                 std::vector<std::string>& warnings) {
  const bool needed = !users::is_numeric(user);
  users::Files files;
  files.passwd = TRY(read_user_file(tree, "/etc/passwd", needed, warnings));
  files.group = TRY(read_user_file(tree, "/etc/group", needed, warnings));
  return users::resolve(user, files);
}

Result<std::vector<BoundPath>> make_volumes(const MergedTree& tree, const std::vector<std::string>& targets,
                                            const Site& site) {
  std::vector<BoundPath> made;
  if (targets.empty()) return made;
  const UniqueFd all = TRY(make_directory(site.dir, "volumes", 0755));
  for (const std::string& target : targets) {
    const std::string number = str::cat(made.size());
    const UniqueFd volume = TRY(make_directory(all, number.c_str(), 0755));
    // False: the image has nothing there, and the volume starts empty.
    (void)TRY(tree.copy_directory(target, volume).within("filling volume '", str::printable(target), "'"));
    made.push_back({.destination = target, .source = str::cat(site.path, "/volumes/", number)});
  }
  return made;
}

Result<std::vector<BoundPath>> make_files(const Wishes& wishes, const std::string& hostname,
                                          const Site& site) {
  std::vector<BoundPath> list;
  const UniqueFd etc = TRY(make_directory(site.dir, "etc", 0755));
  TRY(files::replace(etc, "hostname", hostname + "\n", 0644));
  list.push_back({.destination = "/etc/hostname", .source = site.path + "/etc/hostname"});
  if (wishes.network == Network::none) {
    const std::string hosts = str::cat(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t", hostname, "\n");
    TRY(files::replace(etc, "hosts", hosts, 0644));
    list.push_back({.destination = "/etc/hosts", .source = site.path + "/etc/hosts"});
    return list;
  }
  for (const char* file : {"/etc/hosts", "/etc/resolv.conf"})
    if (sys::fstatat(Fd::cwd(), file, 0).ok())
      list.push_back({.destination = file, .source = file, .readonly = true});
  return list;
}

// What config.json says must be what every runtime accepts: an image's metadata may hold anything.
Result<> write_config(const oci::Config& config, const Site& site) {
  const std::string text = oci::encode(config);
  const Result<oci::Config> checked = oci::parse_config(text);
  if (!checked.ok())
    return Error(checked.error()).within("the image and the options do not give a valid config.json");
  return files::replace(site.dir, "config.json", text, 0600);
}

Result<std::vector<std::string>> fill(const Image& image, const Wishes& wishes, const Machine& machine,
                                      const Request& request, const Site& site) {
  std::vector<std::string> warnings;
  Facts facts{.image_name = request.image_name, .bundle = site.path};
  facts.hostname = bundle_config::hostname(request.container.empty() ? site.name : request.container);
  const MergedTree tree = TRY(make_rootfs(image, wishes.rootfs, site, facts));
  const std::string user = wishes.user.value_or(image.config.config.user.value_or(""));
  facts.identity = TRY(identify(tree, user, warnings).within("image '", request.image_name, "'"));
  facts.volumes = TRY(make_volumes(tree, bundle_config::volumes(image.config, wishes, warnings), site));
  facts.files = TRY(make_files(wishes, wishes.hostname.value_or(facts.hostname), site));
  if (!request.remover.empty()) {
    facts.remove_command = request.remover;
    facts.remove_command.push_back(site.path);
  }
  MadeConfig made = TRY(bundle_config::make(image.config, wishes, request.arguments, machine, facts));
  TRY(write_config(made.config, site));
  warnings.insert(warnings.end(), made.warnings.begin(), made.warnings.end());
  return warnings;
}

// The bundle's directory, if it is one of ours.
Result<UniqueFd> open_bundle(const std::string& dir) {
  Result<UniqueFd> opened = sys::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (opened.ok()) return opened;
  const int errnum = opened.error().errnum;
  if (errnum == ENOENT) return Error(Kind::not_found, str::cat("bundle '", dir, "' does not exist"));
  if (errnum == ENOTDIR || errnum == ELOOP)
    return Error(Kind::invalid, str::cat("'", dir, "' is not a bundle: it is not a directory"));
  return opened.take_error();
}

}  // namespace

Result<Made> make(const Store& store, const Image& image, const Wishes& wishes, const Machine& machine,
                  const Request& request) {
  const Site site = TRY(claim(request.dir));
  Undo remove_it([&] { abandon(site); });
  TRY(files::replace(site.dir, kMarker, store.dir() + "\n", 0600));
  const leases::Use use{.bundle = site.path,
                        .container = request.container,
                        .image = request.image_name,
                        .layers = wishes.rootfs == RootfsKind::overlay};
  TRY(leases::add(store, use, image));
  Undo release_it([&] {
    if (const Result<> released = leases::release(store, site.path); !released.ok())
      logs::warn("releasing the image of '", site.path, "': ", released.error().message);
  });
  std::vector<std::string> warnings = TRY(fill(image, wishes, machine, request, site));
  release_it.keep();
  remove_it.keep();
  return Made{.dir = site.path, .warnings = std::move(warnings)};
}

Result<std::string> store_of(std::string_view dir) {
  const std::string name(dir);
  const UniqueFd bundle = TRY(open_bundle(name));
  const Result<std::string> marker = files::read(bundle, kMarker, PATH_MAX);
  if (!marker.ok() && marker.error().kind == Kind::not_found)
    return Error(Kind::invalid,
                 str::cat("'", name, "' was not made by imagetool: it has no file '", kMarker, "'"));
  if (!marker.ok()) return marker.error();
  const std::string store(str::trim(marker.value()));
  if (store.find_first_not_of('\0') == std::string::npos) return std::string();
  if (!store.starts_with('/'))
    return Error(Kind::invalid, str::cat("'", name, "/", kMarker, "' does not name a store: it is damaged"));
  return store;
}

Result<> remove(const Store& store, std::string_view dir) {
  const UniqueFd bundle = TRY(open_bundle(std::string(dir)));
  const std::string path = TRY(sys::readlinkat(Fd::cwd(), bundle.get().proc_path().c_str()));
  const Split split = split_path(path);
  const UniqueFd parent = TRY(sys::open(split.parent.c_str(), O_RDONLY | O_DIRECTORY));
  // The marker goes last: an interrupted removal can be repeated.
  for (const sys::Entry& entry : TRY(sys::list(bundle)))
    if (entry.name != kMarker)
      TRY(path::remove_tree(bundle, entry.name).within("removing '", path, "/", entry.name, "'"));
  TRY(path::remove_tree(parent, split.name).within("removing '", path, "'"));
  return leases::release(store, path);
}

}  // namespace bundles
