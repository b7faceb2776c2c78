#include "imagetool/bundle/mount_options.h"

#include <algorithm>

#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace mount_options {

namespace {

constexpr std::string_view kPropagations[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};

bool is_propagation(std::string_view word) {
  return std::find(std::begin(kPropagations), std::end(kPropagations), word) != std::end(kPropagations);
}

Error wrong(std::string_view text, std::string_view why) {
  return Error(Kind::invalid, str::cat("'", str::printable(text), "': ", why));
}

Result<std::string> destination(std::string_view text, std::string_view path) {
  const std::optional<std::string> clean = options::clean(path);
  if (!clean) return wrong(text, "the path inside the container must be absolute");
  if (*clean == "/") return wrong(text, "nothing can be mounted over the container's '/'");
  return *clean;
}

// The absolute path of an existing source.
Result<std::string> source(std::string_view text, std::string_view path, const Machine& machine) {
  if (path.empty()) return wrong(text, "the source is missing");
  if (path.find('/') == std::string_view::npos && path != "." && path != "..")
    return wrong(
        text, str::cat("named volumes are kept by container engines: for a directory write './", path, "'"));
  const std::optional<std::string> absolute =
      options::clean(path.starts_with('/') ? std::string(path) : str::cat(machine.cwd, "/", path));
  if (!absolute || !sys::fstatat(Fd::cwd(), absolute->c_str(), 0).ok())
    return Error(Kind::not_found, str::cat("'", str::printable(text), "': mount source '", path,
                                           "' does not exist: make it first"));
  return *absolute;
}

void forget(std::string_view target, Wishes& wishes) {
  std::erase_if(wishes.mounts, [&](const oci::Mount& m) { return m.destination == target; });
  std::erase(wishes.volumes, target);
}

void put(oci::Mount mount, Wishes& wishes) {
  forget(mount.destination, wishes);
  wishes.mounts.push_back(std::move(mount));
}

void put_volume(const std::string& target, Wishes& wishes) {
  forget(target, wishes);
  wishes.volumes.push_back(target);
}

oci::Mount bind(std::string target, std::string from, std::string_view propagation, bool readonly) {
  oci::Mount mount{.destination = std::move(target), .type = "bind", .source = std::move(from)};
  mount.options = {"rbind", std::string(propagation)};
  if (readonly) mount.options.emplace_back("ro");
  return mount;
}

// What --mount was given, key by key.
struct Given {
  std::string_view type = "volume", source, target, propagation = "rprivate", size, mode;
  bool readonly = false;
};

Result<> take(std::string_view text, std::string_view part, Given& given) {
  const size_t equals = part.find('=');
  const std::string_view key = part.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
  const struct {
    std::string_view key;
    std::string_view Given::*member;
  } texts[] = {{"type", &Given::type},
               {"source", &Given::source},
               {"src", &Given::source},
               {"target", &Given::target},
               {"destination", &Given::target},
               {"dst", &Given::target},
               {"bind-propagation", &Given::propagation},
               {"tmpfs-size", &Given::size},
               {"tmpfs-mode", &Given::mode}};
  for (const auto& known : texts) {
    if (known.key != key) continue;
    if (value.empty()) return wrong(text, str::cat("'", key, "' needs a value"));
    given.*known.member = value;
    return {};
  }
  if (key != "readonly" && key != "ro")
    return wrong(text, str::cat("unknown key '", key, "'; there are type, source, target, readonly, ",
                                "bind-propagation, tmpfs-size and tmpfs-mode"));
  if (!value.empty() && value != "true" && value != "1" && value != "false" && value != "0")
    return wrong(text, "'readonly' is true or false");
  given.readonly = value != "false" && value != "0";
  return {};
}

Result<oci::Mount> tmpfs_mount(std::string_view text, const Given& given, std::string target) {
  oci::Mount mount{.destination = std::move(target), .type = "tmpfs", .source = "tmpfs"};
  mount.options = {"nosuid", "nodev", "noexec"};
  if (!given.size.empty()) {
    const std::optional<uint64_t> size = str::bytes(given.size);
    if (!size || *size == 0) return wrong(text, str::cat("'", given.size, "' is not a size"));
    mount.options.push_back(str::cat("size=", *size));
  }
  if (!given.mode.empty()) {
    const std::optional<unsigned> mode = str::number<unsigned>(given.mode, 8);
    if (!mode || *mode > 07777) return wrong(text, str::cat("'", given.mode, "' is not an octal mode"));
    mount.options.push_back(str::cat("mode=", given.mode));
  }
  if (given.readonly) mount.options.emplace_back("ro");
  return mount;
}

}  // namespace

Result<> add_volume(std::string_view text, const Machine& machine, Wishes& wishes) {
  const std::vector<std::string_view> parts = str::split(text, ':');
  if (parts.empty() || parts.size() > 3)
    return wrong(text, "write SOURCE:DESTINATION[:ro], or DESTINATION alone");
  const std::string target = TRY(destination(text, parts.size() == 1 ? parts[0] : parts[1]));
  if (parts.size() == 1) {
    put_volume(target, wishes);
    return {};
  }
  bool readonly = false;
  std::string_view propagation = "rprivate";
  for (const std::string_view word : str::split(parts.size() == 3 ? parts[2] : "", ',')) {
    if (is_propagation(word))
      propagation = word;
    else if (word == "ro" || word == "readonly")
      readonly = true;
    else if (word != "rw" && word != "nocopy")
      return wrong(text,
                   str::cat("unknown option '", word, "'; there are ro, rw and the kinds of propagation"));
  }
  put(bind(target, TRY(source(text, parts[0], machine)), propagation, readonly), wishes);
  return {};
}

Result<> add_mount(std::string_view text, const Machine& machine, Wishes& wishes) {
  Given given;
  for (const std::string_view part : str::split(text, ',')) TRY(take(text, part, given));
  if (given.target.empty()) return wrong(text, "the target is missing: add ',target=/PATH'");
  const std::string target = TRY(destination(text, given.target));
  if (given.type == "tmpfs") {
    if (!given.source.empty()) return wrong(text, "a tmpfs has no source");
    put(TRY(tmpfs_mount(text, given, target)), wishes);
    return {};
  }
  if (!given.size.empty() || !given.mode.empty())
    return wrong(text, "tmpfs-size and tmpfs-mode are for type=tmpfs");
  if (given.type == "volume") {
    if (!given.source.empty())
      return wrong(text, "volumes with a name are kept by container engines: use type=bind with a directory");
    if (given.readonly)
      return wrong(text, "a volume of the bundle's own cannot be read-only: nobody could fill it");
    put_volume(target, wishes);
    return {};
  }
  if (given.type != "bind")
    return wrong(text, str::cat("unknown type '", given.type, "'; there are bind, tmpfs and volume"));
  if (!is_propagation(given.propagation))
    return wrong(text, str::cat("'", given.propagation, "' is no kind of propagation"));
  put(bind(target, TRY(source(text, given.source, machine)), given.propagation, given.readonly), wishes);
  return {};
}

Result<> add_tmpfs(std::string_view text, Wishes& wishes) {
  const size_t colon = text.find(':');
  oci::Mount mount{
      .destination = TRY(destination(text, text.substr(0, colon))), .type = "tmpfs", .source = "tmpfs"};
  mount.options = {"nosuid", "nodev", "noexec"};
  for (const std::string_view word :
       str::split(colon == std::string_view::npos ? "" : text.substr(colon + 1), ','))
    if (!word.empty())
      mount.options.emplace_back(word);  // what tmpfs does not know, the kernel refuses by name
  put(std::move(mount), wishes);
  return {};
}

}  // namespace mount_options
