// linux.cgroupsPath, linux.resources and annotations in the words of systemd, for --systemd-cgroup.
//
// cgroupsPath is SLICE:PREFIX:NAME then: the scope PREFIX-NAME.scope in SLICE ("system.slice:cri:web"); a NAME that ends with
// ".slice" is a slice itself.  An empty SLICE is system.slice, or user.slice of a user's manager.
//
// The limits stay writes to control files, as without systemd: each of them that systemd knows becomes a property of the unit as
// well, or systemd would undo it when it next writes that file.  So there is one place that knows what a limit means, and
// properties follow from files (systemd.resource-control(5), org.freedesktop.systemd1(5)).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/cgroup.h"
#include "runtime/systemd/request.h"
#include "spec/base/error.h"

namespace plan {

// Annotations that begin so become properties of the unit; of those that a stranger may set (an image or a pod's author can).
inline constexpr std::string_view kSystemdAnnotations = "org.systemd.property.";

// The unit of a container, with everything but its limits.  `user_manager`: CgroupHost's.  Kind::invalid:
// linux.cgroupsPath or an annotation.
Result<Unit> make_unit(std::string_view cgroups_path, std::string_view id,
                       const std::map<std::string, std::string>& annotations,
                       const std::optional<std::string>& user_manager);

// Changes quotas in cpu.max to those that systemd will have, which counts in whole percents: one that the file held beside it would
// change behind everybody's back.
void count_as_systemd(Cgroup& cgroup);
// What the writes of `cgroup` are as properties.
std::vector<systemd::Property> limit_properties(const Cgroup& cgroup);
// What `rules` are as DevicePolicy and DeviceAllow; empty: they cannot be said so.
std::vector<systemd::Property> device_properties(const std::vector<oci::DeviceRule>& rules);

}  // namespace plan
