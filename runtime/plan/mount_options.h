// The options of one mount, sorted into what they act on.  A table says which option does what; whatever is not in it
// is data for the file system, as the specification asks.
#pragma once

#include "runtime/plan/mounts.h"

namespace plan {

// Attributes of the options as written, of all kinds of mounts; make_mounts drops what a bind mount ignores.
struct ParsedOptions {
  bool bind = false, recursive = false, remount = false;
  MountAttributes own, tree;
  bool own_given = false;  // some option is about `own`
  unsigned long superblock = 0, superblock_clear = 0;
  bool time_chosen = false;                 // by "relatime" and the like; "atime" only takes a choice back
  std::optional<size_t> superblock_option;  // one that only a superblock can have, for messages
  std::vector<unsigned long> propagation;
  std::vector<MountData> data;
  bool copy_up = false, source_nofollow = false, target_nofollow = false;
  bool idmap = false, idmap_tree = false;
};

ParsedOptions parse_options(const std::vector<std::string>& options);

// The data as the one string that mount(2) takes: "a,b=c", with the commas in values escaped again.
std::string join_data(const std::vector<MountData>& list);

// "shared" → MS_SHARED, "rslave" → MS_SLAVE|MS_REC, …; 0 if it is none of the eight.
unsigned long propagation_flag(std::string_view text);

}  // namespace plan
