// Any bytes as an image's USER, /etc/passwd and /etc/group (the files separated by a NUL): digits are never names, and
// no id is out of range (R6).
#include "imagetool/bundle/users.h"

#include <algorithm>
#include <set>

#include "tests/fuzz/support/input.h"

using fuzz::must;

static bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const std::string user(input.line());
  const users::Files files{.passwd = std::string(input.until('\0')), .group = std::string(input.rest())};
  const auto who = users::resolve(user, files);
  const std::string_view name = std::string_view(user).substr(0, user.find(':'));
  if (!who.ok()) {
    fuzz::must_be_sentence(who.error());
    return 0;
  }
  must(who.value().uid != UINT32_MAX && who.value().gid != UINT32_MAX, "no id is -1");
  if (all_digits(name))
    must(str::number<uint32_t>(name) == who.value().uid, "digits are the number they say", name);
  if (name.empty()) must(who.value().uid == 0, "no name is root");
  if (const size_t colon = user.find(':'); colon != std::string::npos) {
    const std::string_view group = std::string_view(user).substr(colon + 1);
    if (all_digits(group))
      must(str::number<uint32_t>(group) == who.value().gid, "digits are a group's number", group);
    if (!group.empty()) must(who.value().groups.empty(), "a group that is given is the only one");
  }
  must(who.value().home.starts_with('/'), "a home is absolute", who.value().home);
  const std::set<uint32_t> once(who.value().groups.begin(), who.value().groups.end());
  must(once.size() == who.value().groups.size(), "each group once");
  if (users::is_numeric(user)) {
    const auto without = users::resolve(user, {});
    must(without.ok() && without.value().uid == who.value().uid, "a number needs no file");
  }
  return 0;
}
