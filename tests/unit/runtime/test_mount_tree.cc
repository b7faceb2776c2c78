#include <criterion/criterion.h>

#include "runtime/concerns/mount_tree.h"
#include "tests/unit/support/expect.h"

Test(mount_tree, lines) {
  const struct {
    const char* line;
    const char* want;
  } cases[] = {
      {"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", "36 35 /mnt2 ext3"},
      {"36 35 98:0 / /a\\040b\\134c\\011 rw - ext3 /dev/root rw", "36 35 /a b\\c\t ext3"},
      {"36 35 98:0 / /half\\04 rw - ext3 /dev/root rw", "36 35 /half\\04 ext3"},
      {"", "0 0  "},
      {"36 x 98:0 / /mnt rw", "0 0  "},
      {"36 35 98:0 /", "0 0  "},
  };
  for (const auto& c : cases) {
    const mounts::MountLine got = mounts::parse_mount_line(c.line);
    expect_text(str::cat(got.id, " ", got.parent, " ", got.path, " ", got.type), c.want);
  }
}
