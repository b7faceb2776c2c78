#include "runtime/concerns/mount_calls.h"

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>

#include "runtime/concerns/mount_tree.h"
#include "spec/base/errors.h"
#include "spec/base/names.h"
#include "spec/base/sys.h"

namespace mounts {

namespace {

constexpr names::Table<unsigned long> kSuperblockFlags[] = {
    {MS_RDONLY, "ro"},         {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"},
    {MS_LAZYTIME, "lazytime"}, {MS_MANDLOCK, "mand"},
};

// The two ways to write the attributes of a mount, and the bits in which statfs(2) reports them.
struct Bit {
  uint64_t attribute;
  unsigned long flag;
  long reported;
};
constexpr long kReportedNoSymFollow = 0x2000;  // ST_NOSYMFOLLOW, newer than glibc 2.36
constexpr Bit kBits[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY, 0x0001},
    {MOUNT_ATTR_NOSUID, MS_NOSUID, 0x0002},
    {MOUNT_ATTR_NODEV, MS_NODEV, 0x0004},
    {MOUNT_ATTR_NOEXEC, MS_NOEXEC, 0x0008},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, 0x0800},
    {MOUNT_ATTR_NOATIME, MS_NOATIME, 0x0400},
    {MOUNT_ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW */, kReportedNoSymFollow},
};

unsigned long as_flags(uint64_t attributes) {
  unsigned long flags = 0;
  for (const Bit& bit : kBits)
    if (attributes & bit.attribute) flags |= bit.flag;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) flags |= MS_STRICTATIME;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_RELATIME) flags |= MS_RELATIME;
  return flags;
}

constexpr unsigned reach(bool tree) {
  return AT_EMPTY_PATH | (tree ? static_cast<unsigned>(AT_RECURSIVE) : 0);
}

Result<> set_attributes(Fd mount, bool tree, plan::MountAttributes attributes) {
  if (attributes.empty()) return {};
  mount_attr change{};
  change.attr_set = attributes.set;
  change.attr_clr = attributes.clear;
  return sys::mount_setattr(mount, "", reach(tree), change);
}

Result<> put_on(Fd mount, const Dress& dress) {
  TRY(set_attributes(mount, false, dress.own));
  TRY(set_attributes(mount, true, dress.tree));
  for (const unsigned long flag : dress.propagation) {
    mount_attr change{};
    change.propagation = flag & ~static_cast<unsigned long>(MS_REC);
    TRY(sys::mount_setattr(mount, "", reach(flag & MS_REC), change));
  }
  return {};
}

// Before Linux 5.12: by its name in /proc/self/fd, all attributes at once.  The mount has to be attached.
Result<> set_by_name(Fd mount, const plan::MountAttributes& attributes) {
  const uint64_t now = TRY(attributes_of(mount));
  const unsigned long flags = as_flags((now & ~attributes.clear) | attributes.set);
  return sys::mount(nullptr, mount.proc_path().c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr);
}

Result<> put_on_by_name(Fd mount, const Dress& dress) {
  if (!dress.own.empty()) TRY(set_by_name(mount, dress.own));
  if (!dress.tree.empty())
    for (const UniqueFd& each : TRY(tree_of(mount))) TRY(set_by_name(each, dress.tree));
  for (const unsigned long flag : dress.propagation)
    TRY(sys::mount(nullptr, mount.proc_path().c_str(), nullptr, flag, nullptr));
  return {};
}

bool is_missing(const Result<>& call) { return !call.ok() && call.error().errnum == ENOSYS; }

std::string place(const plan::MountStep& step, const plan::MountData& data) {
  if (!data.option) return str::cat("mounts[", step.index, "]");
  return str::cat("mounts[", step.index, "].options[", *data.option, "]");
}

// What the kernel wrote to the context's log is the last part of the message.
std::string kernels_words(const Error& error) {
  const size_t at = error.message.rfind(" (kernel: ");
  return at == std::string::npos ? str::cat(" (", ::strerrordesc_np(error.errnum), ")")
                                 : error.message.substr(at);
}

Error bad_option(const plan::MountStep& step, const plan::MountData& data, const Error& error) {
  const bool unknown = error.message.find("Unknown parameter") != std::string::npos;
  const std::string written = data.value ? str::cat(data.key, "=", *data.value) : data.key;
  return Error(Kind::invalid, error.errnum,
               str::cat(place(step, data), ": ", step.type, unknown ? " does not know '" : " does not take '",
                        unknown ? data.key : written, "'", kernels_words(error)));
}

// "lowerdir=a:b\:c" → {"a", "b:c"}.
std::vector<std::string> split_layers(std::string_view text) {
  std::vector<std::string> layers(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      layers.back().push_back(text[++i]);
    else if (text[i] == ':')
      layers.emplace_back();
    else
      layers.back().push_back(text[i]);
  }
  return layers;
}

// One "lowerdir+" for each layer (Linux 6.5): no limit of a page for all of them.  Without it, the old single string.
// Data-only layers ("::") have a parameter of their own and stay with the old form.
Result<> set_layers(Fd context, const std::string& value) {
  if (value.find("::") != std::string::npos)
    return sys::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", value.c_str(), 0);
  bool first = true;
  for (const std::string& layer : split_layers(value)) {
    const Result<> added = sys::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", layer.c_str(), 0);
    if (!added.ok() && first && added.error().message.find("Unknown parameter") != std::string::npos)
      return sys::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", value.c_str(), 0);
    if (!added.ok()) return Error(added.error()).within("layer '", layer, "'");
    first = false;
  }
  return {};
}

Result<> set_data(Fd context, const plan::MountStep& step, const plan::MountData& data) {
  if (step.type == "overlay" && data.key == "lowerdir" && data.value) return set_layers(context, *data.value);
  if (!data.value) return sys::fsconfig(context, FSCONFIG_SET_FLAG, data.key.c_str(), nullptr, 0);
  return sys::fsconfig(context, FSCONFIG_SET_STRING, data.key.c_str(), data.value->c_str(), 0);
}

Result<> set_options(Fd context, const plan::MountStep& step) {
  Errors errors;
  for (const auto& flag : kSuperblockFlags)
    if (step.superblock & flag.value)
      errors.keep(
          sys::fsconfig(context, FSCONFIG_SET_FLAG, flag.text.data(), nullptr, 0)
              .within("mounts[", step.index, "].options: ", step.type, " does not take '", flag.text, "'"));
  for (const plan::MountData& data : step.data) {
    const Result<> set = set_data(context, step, data);
    if (!set.ok()) errors.add(bad_option(step, data, set.error()));
  }
  return std::move(errors).finish();
}

Result<UniqueFd> open_context(const plan::MountStep& step) {
  Result<UniqueFd> context = sys::fsopen(step.type.c_str());
  if (context.ok()) return context;
  const Error& error = context.error();
  if (error.errnum == ENODEV)
    return Error(Kind::unsupported,
                 str::cat("mounts[", step.index, "].type: this kernel has no file system '", step.type,
                          "'; a bind mount needs 'bind' or 'rbind' in its options"));
  return Error(error).within("mounts[", step.index, "]");
}

}  // namespace

Result<UniqueFd> clone_tree(Fd dir, const char* path, Clone how) {
  const bool itself = path[0] == '\0';
  return sys::open_tree(dir, path,
                        OPEN_TREE_CLONE | (how.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0) |
                            (itself ? static_cast<unsigned>(AT_EMPTY_PATH) : 0) |
                            (how.follow ? 0 : static_cast<unsigned>(AT_SYMLINK_NOFOLLOW)));
}

Result<> attach(Fd mount, Fd target, const Dress& dress) {
  Result<> dressed = put_on(mount, dress);
  if (!dressed.ok() && !is_missing(dressed)) return dressed;
  TRY(sys::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
  if (is_missing(dressed)) return put_on_by_name(mount, dress);
  return dressed;
}

Result<> change(Fd mount, const Dress& dress) {
  Result<> dressed = put_on(mount, dress);
  if (is_missing(dressed)) return put_on_by_name(mount, dress);
  return dressed;
}

Result<> detach(Fd mount) { return sys::umount2(mount.proc_path().c_str(), MNT_DETACH); }

Result<uint64_t> attributes_of(Fd mount) {
  struct statfs fs {};
  if (::fstatfs(mount.raw(), &fs) < 0) return Error::os("statfs()");
  uint64_t attributes = 0;
  for (const Bit& bit : kBits)
    if (static_cast<long>(fs.f_flags) & bit.reported) attributes |= bit.attribute;
  constexpr long kAnyTime = 0x0400 | 0x1000;  // ST_NOATIME, ST_RELATIME
  if ((static_cast<long>(fs.f_flags) & kAnyTime) == 0) attributes |= MOUNT_ATTR_STRICTATIME;
  return attributes;
}

Result<> reconfigure(Fd mount, uint64_t attributes, unsigned long superblock, const std::string& data) {
  return sys::mount(nullptr, mount.proc_path().c_str(), nullptr,
                    MS_REMOUNT | as_flags(attributes) | superblock, data.empty() ? nullptr : data.c_str());
}

Result<> check_options(const plan::MountStep& step) {
  const UniqueFd context = TRY(open_context(step));
  return set_options(context, step);
}

Result<UniqueFd> make_filesystem(const plan::MountStep& step) {
  UniqueFd context = TRY(open_context(step));
  const std::string& source = step.source.empty() ? step.type : step.source;
  TRY(sys::fsconfig(context, FSCONFIG_SET_STRING, "source", source.c_str(), 0)
          .within("mounts[", step.index, "].source"));
  TRY(set_options(context, step));
  TRY(sys::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)
          .within("mounts[", step.index, "]: mounting ", step.type, " at '", step.destination, "'"));
  return sys::fsmount(context, static_cast<unsigned>(step.own.set))
      .within("mounts[", step.index, "]: mounting ", step.type, " at '", step.destination, "'");
}

}  // namespace mounts
