#include "runtime/plan/mount_options.h"

#include <linux/mount.h>
// linux/mount.h first: it defines MS_* as macros, and sys/mount.h adapts its enumeration to them.
#include <sys/mount.h>

#include <algorithm>

#include "spec/base/names.h"

namespace plan {

namespace {

enum class Act {
  nothing,
  bind,
  rbind,
  remount,
  set,         // a bit of the mount
  clear,       //
  time,        // which of the three ways to keep access times
  time_back,   // back to the default way
  tree_set,    // the same four for the mount and all beneath it
  tree_clear,  //
  tree_time,
  super_set,  // a bit of the superblock
  super_clear,
  propagation,
  copy_up,
  source_nofollow,
  target_nofollow,
  idmap,
  ridmap,
};

struct Meaning {
  Act act;
  uint64_t bits = 0;
  bool operator==(const Meaning&) const = default;
};

constexpr names::Table<Meaning> kOptions[] = {
    {{Act::super_clear, MS_SYNCHRONOUS}, "async"},
    {{Act::time_back, MOUNT_ATTR_RELATIME}, "atime"},
    {{Act::bind}, "bind"},
    {{Act::nothing}, "defaults"},
    {{Act::target_nofollow}, "dest-nofollow"},
    {{Act::clear, MOUNT_ATTR_NODEV}, "dev"},
    {{Act::clear, MOUNT_ATTR_NODIRATIME}, "diratime"},
    {{Act::super_set, MS_DIRSYNC}, "dirsync"},
    {{Act::clear, MOUNT_ATTR_NOEXEC}, "exec"},
    {{Act::idmap}, "idmap"},
    {{Act::super_set, MS_I_VERSION}, "iversion"},
    {{Act::super_set, MS_LAZYTIME}, "lazytime"},
    {{Act::nothing}, "loud"},
    {{Act::super_set, MS_MANDLOCK}, "mand"},
    {{Act::time, MOUNT_ATTR_NOATIME}, "noatime"},
    {{Act::set, MOUNT_ATTR_NODEV}, "nodev"},
    {{Act::set, MOUNT_ATTR_NODIRATIME}, "nodiratime"},
    {{Act::set, MOUNT_ATTR_NOEXEC}, "noexec"},
    {{Act::super_clear, MS_I_VERSION}, "noiversion"},
    {{Act::super_clear, MS_LAZYTIME}, "nolazytime"},
    {{Act::super_clear, MS_MANDLOCK}, "nomand"},
    {{Act::time_back, MOUNT_ATTR_RELATIME}, "norelatime"},
    {{Act::time_back, MOUNT_ATTR_RELATIME}, "nostrictatime"},
    {{Act::set, MOUNT_ATTR_NOSUID}, "nosuid"},
    {{Act::set, MOUNT_ATTR_NOSYMFOLLOW}, "nosymfollow"},
    {{Act::propagation, MS_PRIVATE}, "private"},
    {{Act::tree_time, MOUNT_ATTR_RELATIME}, "ratime"},
    {{Act::rbind}, "rbind"},
    {{Act::tree_clear, MOUNT_ATTR_NODEV}, "rdev"},
    {{Act::tree_clear, MOUNT_ATTR_NODIRATIME}, "rdiratime"},
    {{Act::time, MOUNT_ATTR_RELATIME}, "relatime"},
    {{Act::remount}, "remount"},
    {{Act::tree_clear, MOUNT_ATTR_NOEXEC}, "rexec"},
    {{Act::ridmap}, "ridmap"},
    {{Act::tree_time, MOUNT_ATTR_NOATIME}, "rnoatime"},
    {{Act::tree_set, MOUNT_ATTR_NODEV}, "rnodev"},
    {{Act::tree_set, MOUNT_ATTR_NODIRATIME}, "rnodiratime"},
    {{Act::tree_set, MOUNT_ATTR_NOEXEC}, "rnoexec"},
    {{Act::tree_time, MOUNT_ATTR_RELATIME}, "rnorelatime"},
    {{Act::tree_time, MOUNT_ATTR_RELATIME}, "rnostrictatime"},
    {{Act::tree_set, MOUNT_ATTR_NOSUID}, "rnosuid"},
    {{Act::tree_set, MOUNT_ATTR_NOSYMFOLLOW}, "rnosymfollow"},
    {{Act::super_set, MS_RDONLY}, "ro"},
    {{Act::propagation, MS_PRIVATE | MS_REC}, "rprivate"},
    {{Act::tree_time, MOUNT_ATTR_RELATIME}, "rrelatime"},
    {{Act::tree_set, MOUNT_ATTR_RDONLY}, "rro"},
    {{Act::tree_clear, MOUNT_ATTR_RDONLY}, "rrw"},
    {{Act::propagation, MS_SHARED | MS_REC}, "rshared"},
    {{Act::propagation, MS_SLAVE | MS_REC}, "rslave"},
    {{Act::tree_time, MOUNT_ATTR_STRICTATIME}, "rstrictatime"},
    {{Act::tree_clear, MOUNT_ATTR_NOSUID}, "rsuid"},
    {{Act::tree_clear, MOUNT_ATTR_NOSYMFOLLOW}, "rsymfollow"},
    {{Act::propagation, MS_UNBINDABLE | MS_REC}, "runbindable"},
    {{Act::super_clear, MS_RDONLY}, "rw"},
    {{Act::propagation, MS_SHARED}, "shared"},
    {{Act::nothing}, "silent"},
    {{Act::propagation, MS_SLAVE}, "slave"},
    {{Act::source_nofollow}, "src-nofollow"},
    {{Act::time, MOUNT_ATTR_STRICTATIME}, "strictatime"},
    {{Act::clear, MOUNT_ATTR_NOSUID}, "suid"},
    {{Act::clear, MOUNT_ATTR_NOSYMFOLLOW}, "symfollow"},
    {{Act::super_set, MS_SYNCHRONOUS}, "sync"},
    {{Act::copy_up}, "tmpcopyup"},
    {{Act::propagation, MS_UNBINDABLE}, "unbindable"},
};

// The last word wins, in both directions.
void change(MountAttributes& attributes, uint64_t set, uint64_t clear) {
  attributes.set = (attributes.set & ~clear) | set;
  attributes.clear = (attributes.clear & ~set) | clear;
}

// Access times are one choice of three in the bits of MOUNT_ATTR__ATIME; the kernel wants all of them cleared.
void choose_time(MountAttributes& attributes, uint64_t choice) {
  attributes.set = (attributes.set & ~static_cast<uint64_t>(MOUNT_ATTR__ATIME)) | choice;
  attributes.clear |= MOUNT_ATTR__ATIME;
}

// "ro" and "rw" are of both, the mount and the superblock.
void change_superblock(ParsedOptions& parsed, const Meaning& meaning, size_t option) {
  const auto bits = static_cast<unsigned long>(meaning.bits);
  const bool on = meaning.act == Act::super_set;
  parsed.superblock = on ? parsed.superblock | bits : parsed.superblock & ~bits;
  parsed.superblock_clear = on ? parsed.superblock_clear & ~bits : parsed.superblock_clear | bits;
  parsed.own_given |= bits == MS_RDONLY;
  if (bits == MS_RDONLY)
    change(parsed.own, on ? MOUNT_ATTR_RDONLY : 0, on ? 0 : MOUNT_ATTR_RDONLY);
  else if (on)
    parsed.superblock_option = option;
}

bool is_own(Act act) {
  return act == Act::set || act == Act::clear || act == Act::time || act == Act::time_back;
}

void apply(ParsedOptions& parsed, const Meaning& meaning, size_t option) {
  parsed.own_given |= is_own(meaning.act);
  switch (meaning.act) {
    case Act::nothing:
      break;
    case Act::bind:
      parsed.bind = true;
      break;
    case Act::rbind:
      parsed.bind = parsed.recursive = true;
      break;
    case Act::remount:
      parsed.remount = true;
      break;
    case Act::set:
      change(parsed.own, meaning.bits, 0);
      break;
    case Act::clear:
      change(parsed.own, 0, meaning.bits);
      break;
    case Act::time:
    case Act::time_back:
      choose_time(parsed.own, meaning.bits);
      parsed.time_chosen = meaning.act == Act::time;
      break;
    case Act::tree_set:
      change(parsed.tree, meaning.bits, 0);
      break;
    case Act::tree_clear:
      change(parsed.tree, 0, meaning.bits);
      break;
    case Act::tree_time:
      choose_time(parsed.tree, meaning.bits);
      break;
    case Act::super_set:
    case Act::super_clear:
      change_superblock(parsed, meaning, option);
      break;
    case Act::propagation:
      parsed.propagation.push_back(static_cast<unsigned long>(meaning.bits));
      break;
    case Act::copy_up:
      parsed.copy_up = true;
      break;
    case Act::source_nofollow:
      parsed.source_nofollow = true;
      break;
    case Act::target_nofollow:
      parsed.target_nofollow = true;
      break;
    case Act::idmap:
      parsed.idmap = true;
      break;
    case Act::ridmap:
      parsed.idmap = parsed.idmap_tree = true;
      break;
  }
}

MountData as_data(std::string_view text, size_t option) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {std::string(text), std::nullopt, option};
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)), option};
}

// Splits at commas, but for those behind a backslash, which belong to a path of overlayfs and lose it here: each option
// reaches the file system by itself (fsconfig(2)), where a comma needs no quoting.  Other escapes are the file system's.
std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      if (text[i + 1] != ',') parts.back() += text[i];
      parts.back() += text[++i];
    } else if (text[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

std::string with_commas_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == ',') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

ParsedOptions parse_options(const std::vector<std::string>& options) {
  ParsedOptions parsed;
  for (size_t i = 0; i < options.size(); ++i) {
    // "mode=755,size=64k" as one option is what a careless author writes and mount(2) understands.
    for (const std::string& text : split_options(options[i])) {
      if (const std::optional<Meaning> meaning = names::value(kOptions, text))
        apply(parsed, *meaning, i);
      else if (!text.empty() && !text.starts_with("x-"))
        parsed.data.push_back(as_data(text, i));
    }
  }
  return parsed;
}

std::string join_data(const std::vector<MountData>& list) {
  std::string text;
  for (const MountData& data : list)
    text += str::cat(text.empty() ? "" : ",", data.key, data.value ? "=" : "",
                     with_commas_escaped(data.value.value_or("")));
  return text;
}

unsigned long propagation_flag(std::string_view text) {
  const std::optional<Meaning> meaning = names::value(kOptions, text);
  return meaning && meaning->act == Act::propagation ? static_cast<unsigned long>(meaning->bits) : 0;
}

std::vector<std::string_view> mount_options() {
  std::vector<std::string_view> texts = names::all(kOptions);
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace plan
