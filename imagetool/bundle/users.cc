#include "imagetool/bundle/users.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "spec/base/text.h"

namespace users {

namespace {

// The kernel takes (uid_t)-1 for "leave it as it is".
constexpr uint32_t kLargestId = 4294967294;

struct PasswdLine {
  std::string_view name, home;
  uint32_t uid = 0, gid = 0;
};

struct GroupLine {
  std::string_view name, members;
  uint32_t gid = 0;
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<uint32_t> id(std::string_view digits) {
  if (!all_digits(digits)) return std::nullopt;
  const std::optional<uint32_t> n = str::number<uint32_t>(digits);
  return n && *n <= kLargestId ? n : std::nullopt;
}

std::optional<PasswdLine> passwd_line(std::string_view line) {
  const std::vector<std::string_view> fields =
      str::split(line, ':');  // name:password:uid:gid:gecos:home:shell
  if (fields.size() < 6 || fields[0].empty()) return std::nullopt;
  const std::optional<uint32_t> uid = id(fields[2]);
  const std::optional<uint32_t> gid = id(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return PasswdLine{.name = fields[0], .home = fields[5], .uid = *uid, .gid = *gid};
}

std::optional<GroupLine> group_line(std::string_view line) {
  const std::vector<std::string_view> fields = str::split(line, ':');  // name:password:gid:members
  if (fields.size() < 3 || fields[0].empty()) return std::nullopt;
  const std::optional<uint32_t> gid = id(fields[2]);
  if (!gid) return std::nullopt;
  return GroupLine{.name = fields[0], .members = fields.size() > 3 ? fields[3] : "", .gid = *gid};
}

// The first well-formed line for which `wanted` holds.
template <class Line, class Wanted>
std::optional<Line> first(std::string_view text, std::optional<Line> (*parse)(std::string_view),
                          Wanted wanted) {
  for (const std::string_view line : str::split(text, '\n'))
    if (const std::optional<Line> parsed = parse(str::trim(line)); parsed && wanted(*parsed)) return parsed;
  return std::nullopt;
}

std::vector<uint32_t> groups_of(std::string_view user, std::string_view group_file) {
  std::vector<uint32_t> groups;
  std::unordered_set<uint32_t> seen;
  for (const std::string_view line : str::split(group_file, '\n')) {
    const std::optional<GroupLine> group = group_line(str::trim(line));
    if (!group) continue;
    const std::vector<std::string_view> members = str::split(group->members, ',');
    const bool member = std::find(members.begin(), members.end(), user) != members.end();
    if (member && seen.insert(group->gid).second) groups.push_back(group->gid);
  }
  return groups;
}

Error out_of_range(std::string_view what, std::string_view text) {
  return Error(Kind::invalid,
               str::cat(what, " '", str::printable(text), "' is not a number from 0 to ", kLargestId));
}

Error unknown(std::string_view what, std::string_view name, std::string_view file) {
  return Error(Kind::not_found, str::cat(what, " '", str::printable(name), "' is not in the image's ", file));
}

Result<uint32_t> resolve_group(std::string_view group, std::string_view group_file) {
  if (all_digits(group)) {
    const std::optional<uint32_t> gid = id(group);
    return gid ? Result<uint32_t>(*gid) : out_of_range("group", group);
  }
  const auto found =
      first<GroupLine>(group_file, group_line, [&](const GroupLine& g) { return g.name == group; });
  return found ? Result<uint32_t>(found->gid) : unknown("group", group, "/etc/group");
}

}  // namespace

bool is_numeric(std::string_view user) {
  const size_t colon = user.find(':');
  const std::string_view name = user.substr(0, colon);
  const std::string_view group = colon == std::string_view::npos ? "" : user.substr(colon + 1);
  return (name.empty() || all_digits(name)) && (group.empty() || all_digits(group));
}

Result<Identity> resolve(std::string_view user, const Files& files) {
  const size_t colon = user.find(':');
  const std::string_view name = user.substr(0, colon);
  const std::string_view group = colon == std::string_view::npos ? "" : user.substr(colon + 1);
  const bool is_number = name.empty() || all_digits(name);
  const std::optional<uint32_t> uid = name.empty() ? 0 : id(name);
  if (is_number && !uid) return out_of_range("user", name);

  const std::optional<PasswdLine> line =
      first<PasswdLine>(files.passwd, passwd_line,
                        [&](const PasswdLine& p) { return is_number ? p.uid == *uid : p.name == name; });
  if (!is_number && !line) return unknown("user", name, "/etc/passwd");

  Identity who;
  who.uid = line ? line->uid : *uid;
  who.gid = line ? line->gid : 0;
  if (line && line->home.starts_with('/')) who.home = line->home;
  if (!group.empty())
    who.gid = TRY(resolve_group(group, files.group));
  else if (line && !all_digits(name))
    who.groups = groups_of(line->name, files.group);
  return who;
}

}  // namespace users
