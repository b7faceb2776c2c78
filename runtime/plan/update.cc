#include "runtime/plan/update.h"

#include <algorithm>
#include <functional>
#include <map>

#include "runtime/plan/cgroup_writes.h"

namespace plan {

namespace {

// ---- merging ----

// 0 is "not set".
template <class N>
void take_nonzero(std::optional<N>& into, const std::optional<N>& from) {
  if (from.value_or(0) != 0) into = from;
}

template <class T>
void take(std::optional<T>& into, const std::optional<T>& from) {
  if (from) into = from;
}

void take_text(std::optional<std::string>& into, const std::optional<std::string>& from) {
  if (from && !from->empty()) into = from;
}

void merge(oci::Memory& into, const oci::Memory& from) {
  if (from.limit.value_or(0) < 0 && !from.swap.value_or(0)) into.swap.reset();  // both limits go
  take_nonzero(into.limit, from.limit);
  take_nonzero(into.reservation, from.reservation);
  take_nonzero(into.swap, from.swap);
  take_nonzero(into.kernel, from.kernel);
  take_nonzero(into.kernel_tcp, from.kernel_tcp);
  take(into.swappiness, from.swappiness);
  take(into.disable_oom_killer, from.disable_oom_killer);
  take(into.use_hierarchy, from.use_hierarchy);
  take(into.check_before_update, from.check_before_update);
}

void merge(oci::Cpu& into, const oci::Cpu& from) {
  take_nonzero(into.shares, from.shares);
  take_nonzero(into.quota, from.quota);
  take_nonzero(into.period, from.period);
  take_nonzero(into.realtime_period, from.realtime_period);
  take_nonzero(into.realtime_runtime, from.realtime_runtime);
  take(into.burst, from.burst);
  take(into.idle, from.idle);
  take_text(into.cpus, from.cpus);
  take_text(into.mems, from.mems);
}

// A list whose entries are known by a key.  Of several with one key the last counts, as when they were written.
template <class T, class Key, class Merge>
void merge_list(std::vector<T>& into, const std::vector<T>& from, Key key, Merge merge_entry) {
  std::map<std::decay_t<std::invoke_result_t<Key, const T&>>, size_t> places;
  for (size_t i = 0; i < into.size(); ++i) places[std::invoke(key, into[i])] = i;
  for (const T& entry : from) {
    const auto [place, is_new] = places.try_emplace(std::invoke(key, entry), into.size());
    if (is_new)
      into.push_back(entry);
    else
      merge_entry(into[place->second], entry);
  }
}

template <class T, class Key>
void merge_list(std::vector<T>& into, const std::vector<T>& from, Key key) {
  merge_list(into, from, key, [](T& known, const T& entry) { known = entry; });
}

template <class Device>
std::pair<int64_t, int64_t> number(const Device& device) {
  return {device.major, device.minor};
}

void merge(std::vector<oci::ThrottleDevice>& into, const std::vector<oci::ThrottleDevice>& from) {
  merge_list(into, from, number<oci::ThrottleDevice>);
}

void merge(std::vector<oci::WeightDevice>& into, const std::vector<oci::WeightDevice>& from) {
  merge_list(into, from, number<oci::WeightDevice>,
             [](oci::WeightDevice& known, const oci::WeightDevice& entry) {
               take(known.weight, entry.weight);
               take(known.leaf_weight, entry.leaf_weight);
             });
}

void merge(oci::BlockIo& into, const oci::BlockIo& from) {
  take_nonzero(into.weight, from.weight);
  take_nonzero(into.leaf_weight, from.leaf_weight);
  merge(into.weight_device, from.weight_device);
  merge(into.throttle_read_bps_device, from.throttle_read_bps_device);
  merge(into.throttle_write_bps_device, from.throttle_write_bps_device);
  merge(into.throttle_read_iops_device, from.throttle_read_iops_device);
  merge(into.throttle_write_iops_device, from.throttle_write_iops_device);
}

template <class T>
void merge_part(std::optional<T>& into, const std::optional<T>& from) {
  if (!from) return;
  if (!into) into.emplace();
  merge(*into, *from);
}

oci::Resources merged(const oci::Resources& recorded, const oci::Resources& change) {
  oci::Resources all = recorded;
  merge_part(all.memory, change.memory);
  merge_part(all.cpu, change.cpu);
  merge_part(all.block_io, change.block_io);
  if (change.pids && change.pids->limit) all.pids = change.pids;
  merge_list(all.hugepage_limits, change.hugepage_limits, &oci::HugepageLimit::page_size);
  if (change.network) {
    if (!all.network) all.network.emplace();
    take(all.network->class_id, change.network->class_id);
    merge_list(all.network->priorities, change.network->priorities, &oci::InterfacePriority::name);
  }
  for (const auto& [device, limits] : change.rdma) all.rdma[device] = limits;
  for (const auto& [file, value] : change.unified) all.unified[file] = value;
  return all;
}

// ---- what goes together ----

bool is_v2(Cgroup& plan, std::string_view controller) {
  const CgroupDirectory* directory = find_directory(plan, controller);
  return directory && directory->v2;
}

// The change, with what was recorded of the other half where one file holds both, or one property of systemd's is made of
// both.
oci::Resources complete(const oci::Resources& change, const oci::Resources& all, Cgroup& plan) {
  oci::Resources asked = change;
  if (asked.cpu && (asked.cpu->period.value_or(0) || asked.cpu->quota.value_or(0)) && is_v2(plan, "cpu")) {
    if (all.cpu->quota) asked.cpu->quota = all.cpu->quota;
    if (all.cpu->period) asked.cpu->period = all.cpu->period;
    if (all.cpu->burst) asked.cpu->burst = all.cpu->burst;  // before Linux 6.10 a write to cpu.max changes it
  }
  // What was idle has lost its weight.
  if (asked.cpu && asked.cpu->idle == 0 && all.cpu->shares) asked.cpu->shares = all.cpu->shares;
  if (asked.memory && (asked.memory->limit.value_or(0) || asked.memory->swap.value_or(0)) &&
      is_v2(plan, "memory")) {
    if (all.memory->limit) asked.memory->limit = all.memory->limit;
    if (all.memory->swap) asked.memory->swap = all.memory->swap;
  }
  return asked;
}

Result<> check_together(const oci::Resources& all, const Cgroup& plan) {
  if (!all.memory) return {};
  const int64_t limit = all.memory->limit.value_or(0), swap = all.memory->swap.value_or(0);
  if (limit > 0 && swap > 0 && swap < limit)
    return Error(Kind::invalid,
                 str::cat(plan.name("memory.swap"), ": memory and swap together would be limited to ", swap,
                          " bytes, below the ", limit, " of memory alone; change both at once"));
  return {};
}

// What is switched on again needs a write that creation never does: 0 is how a new cgroup starts.
void allow_oom_killer(const oci::Resources& recorded, const oci::Resources& change, Cgroup& plan) {
  const bool was = recorded.memory && recorded.memory->disable_oom_killer.value_or(false);
  CgroupDirectory* memory = find_directory(plan, "memory");
  if (was && change.memory && change.memory->disable_oom_killer == false && memory && !memory->v2)
    memory->writes.push_back(
        {.file = "memory.oom_control", .value = "0", .property = plan.name("memory.disableOOMKiller")});
}

// Who asks for a weight wants one that holds: what was idle is so no more, as with systemd, whose one property means either.
void end_idleness(Update& update) {
  CgroupDirectory* cpu = find_directory(update.cgroup, "cpu");
  if (!cpu) return;
  std::vector<CgroupWrite>& writes = cpu->writes;
  const auto weight = std::ranges::find_if(writes, is_cpu_weight, &CgroupWrite::file);
  if (weight == writes.end() || std::ranges::find(writes, kCpuIdle, &CgroupWrite::file) != writes.end())
    return;
  writes.insert(
      writes.begin(),
      {.file = std::string(kCpuIdle), .value = "0", .property = weight->property, .optional = true});
  if (update.resources.cpu && update.resources.cpu->idle) update.resources.cpu->idle = 0;
  update.resources.unified.erase(std::string(kCpuIdle));
}

std::optional<MemoryCheck> memory_check(const oci::Resources& asked, const oci::Resources& all,
                                        Cgroup& plan) {
  if (!asked.memory || !all.memory->check_before_update.value_or(false) || !is_v2(plan, "memory"))
    return std::nullopt;
  const CgroupDirectory* directory = find_directory(plan, "memory");
  return MemoryCheck{directory->mount_point + directory->path,
                     std::max<int64_t>(asked.memory->limit.value_or(0), 0),
                     std::max<int64_t>(asked.memory->swap.value_or(0), 0), plan.name("memory.limit"),
                     plan.name("memory.swap")};
}

}  // namespace

Result<Update> make_update(const oci::Resources& recorded, const oci::Resources& change,
                           std::vector<CgroupDirectory> directories, std::string (*name)(std::string_view)) {
  Update update;
  update.cgroup.directories = std::move(directories);
  update.cgroup.name = name;
  if (!change.devices.empty() && change.devices != recorded.devices)
    return Error(Kind::unsupported,
                 str::cat(name("devices"),
                          ": the rules of a container that exists cannot be changed; leave them out"));
  update.resources = merged(recorded, change);
  TRY(check_together(update.resources, update.cgroup));
  const oci::Resources asked = complete(change, update.resources, update.cgroup);
  TRY(add_writes(asked, update.cgroup));
  allow_oom_killer(recorded, change, update.cgroup);
  end_idleness(update);
  update.check = memory_check(asked, update.resources, update.cgroup);
  return update;
}

}  // namespace plan
