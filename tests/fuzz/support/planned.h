// For targets of what the runtime plans: the cgroups that a host may have, and what must hold of every plan
// for them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/cgroup.h"
#include "tests/fuzz/support/input.h"

namespace fuzz {

// `kind` 0: none; 1: cgroup v1; 2: v2 alone; 3: some of both.
inline std::vector<plan::HostHierarchy> hierarchies(size_t kind) {
  const std::vector<plan::HostHierarchy> old = {
      {.mount_point = "/sys/fs/cgroup/systemd", .controllers = {"name=systemd"}},
      {.mount_point = "/sys/fs/cgroup/cpu,cpuacct", .controllers = {"cpu", "cpuacct"}},
      {.mount_point = "/sys/fs/cgroup/cpuset", .controllers = {"cpuset"}},
      {.mount_point = "/sys/fs/cgroup/memory", .controllers = {"memory"}},
      {.mount_point = "/sys/fs/cgroup/blkio", .controllers = {"blkio"}},
      {.mount_point = "/sys/fs/cgroup/net_cls,net_prio", .controllers = {"net_cls", "net_prio"}},
      {.mount_point = "/sys/fs/cgroup/devices", .controllers = {"devices"}},
      {.mount_point = "/sys/fs/cgroup/hugetlb", .controllers = {"hugetlb"}},
      {.mount_point = "/sys/fs/cgroup/pids", .controllers = {"pids"}},
      {.mount_point = "/sys/fs/cgroup/rdma", .controllers = {"rdma"}}};
  const plan::HostHierarchy unified = {
      .mount_point = "/sys/fs/cgroup",
      .controllers = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"},
      .v2 = true};
  if (kind == 0) return {};
  if (kind == 1) return old;
  if (kind == 2) return {unified};
  return {
      old[0], old[1], old[3], {.mount_point = "/sys/fs/cgroup/unified", .controllers = {"pids"}, .v2 = true}};
}

// No step of it leads upwards, and none is empty.
inline bool goes_down(std::string_view path) {
  for (const std::string_view part : str::split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

inline void must_be_file(const std::string& file, std::string_view what) {
  must(!file.empty() && file != "." && file != ".." && file.find('/') == std::string::npos, what, file);
}

inline void must_be_sound(const plan::Cgroup& cgroup) {
  for (const plan::CgroupDirectory& directory : cgroup.directories) {
    must(directory.path.starts_with('/') && goes_down(directory.path.substr(1)),
         "a cgroup is beneath its hierarchy, and not the hierarchy itself", directory.path);
    for (const plan::CgroupWrite& write : directory.writes) {
      must_be_file(write.file, "what is written is a file of the cgroup");
      must(!write.property.empty(), "a write knows its property", write.file);
    }
  }
}

inline void must_name_property(const Error& error) {
  must_be_sentence(error, false);
  must(error.message.find(": ") != std::string::npos, "an error names the property", error.message);
}

}  // namespace fuzz
