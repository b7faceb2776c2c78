#include <criterion/criterion.h>

#include "imagetool/rootless.h"
#include "spec/base/text.h"

namespace {

std::string show(const std::vector<oci::IdMapping>& mappings) {
  std::vector<std::string> list;
  for (const oci::IdMapping& m : mappings)
    list.push_back(str::cat(m.container_id, ":", m.host_id, ":", m.size));
  return str::join(list, " ");
}

}  // namespace

Test(rootless, finds_the_ids_of_a_user) {
  const struct {
    const char *name, *subuid, *want;
  } cases[] = {
      {"me", "", "0:1000:1"},
      {"me", "you:100000:65536\nme:200000:65536\n", "0:1000:1 1:200000:65536"},
      {"me", "1000:200000:10\nme:300000:20\n", "0:1000:1 1:200000:10 11:300000:20"},
      {"", ":200000:10\n", "0:1000:1"},
      {"", "1000:200000:10", "0:1000:1 1:200000:10"},
      {"me", "me:200000\nme:x:1\nme:1:-1\nme:5:0\n me:7:8:9\n#me:1:1\n", "0:1000:1"},
      {"me", "me:4294967295:2\nme:10:4294967295\n", "0:1000:1"},
  };
  for (const auto& c : cases) {
    const rootless::Caller caller = rootless::find(1000, 100, c.name, c.subuid, "me:1:2");
    const std::string got = show(caller.uids);
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.subuid);
    cr_expect(caller.gids.front().host_id == 100);
    cr_expect(caller.has_range() == (caller.uids.size() > 1 && caller.gids.size() > 1));
  }
}

Test(rootless, root_needs_none) {
  const rootless::Caller root = rootless::find(0, 0, "root", "root:1:2", "root:1:2");
  cr_expect(root.uids.empty() && root.gids.empty() && root.more_ids.empty());
}

Test(rootless, a_range_that_is_free_is_proposed) {
  const rootless::Caller caller =
      rootless::find(1000, 1000, "me", "you:100000:65536\nshe:165536:65536\n", "you:100000:65536\n");
  const std::string want =
      "root can give this user more ids with `apt install uidmap` and `usermod --add-subuids 231072-296607 "
      "--add-subgids 231072-296607 me`";
  cr_expect_str_eq(caller.more_ids.c_str(), want.c_str());
}
