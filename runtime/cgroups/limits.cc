#include "runtime/cgroups/limits.h"

#include <cerrno>
#include <memory>
#include <optional>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/control.h"
#include "spec/base/log.h"

namespace cgroups {

namespace {

// ---- one value ----

// Why the kernel would not have it, as far as the errno alone does not say.
std::string reason(const plan::CgroupWrite& w, const std::string& directory, int err) {
  if (err != EBUSY || !w.file.starts_with("memory.")) return {};
  const Result<std::string> usage = read_file(directory, "memory.usage_in_bytes");
  return usage.ok() ? str::cat(" (it uses ", str::trim(usage.value()), " bytes now)") : std::string();
}

Result<> write_one(const plan::CgroupWrite& w, const std::string& directory) {
  Result<> written = write_file(directory, w.file, w.value);
  if (!written.ok() && written.error().errnum == ENOENT && !w.other_file.empty())
    written = write_file(directory, w.other_file, w.other_value);
  if (written.ok()) return {};
  const int err = written.error().errnum;
  // An old limit of kernel memory is EOPNOTSUPP today; a file that is not there was never one.
  if (w.optional && (err == ENOENT || err == EOPNOTSUPP || err == 524 /* ENOTSUPP, the kernel's own */))
    return {};
  if (err == ENOENT)
    return Error(Kind::unsupported,
                 str::cat(w.property, ": this kernel has no '", w.file, "' in '", directory, "'"));
  return Error::os(str::cat(w.property, ": writing '", str::printable(w.value), "' to '", directory, "/",
                            w.file, "'", reason(w, directory, err)),
                   err);
}

// All of them, in rounds: see limits.h.
Result<> write_all(const std::vector<const plan::CgroupWrite*>& writes, const std::string& directory) {
  std::vector<const plan::CgroupWrite*> left = writes;
  while (!left.empty()) {
    std::vector<const plan::CgroupWrite*> refused;
    std::optional<Error> first;
    for (const plan::CgroupWrite* w : left) {
      Result<> written = write_one(*w, directory);
      if (written.ok()) continue;
      if (written.error().errnum != EINVAL) return written;
      refused.push_back(w);
      if (!first) first = written.take_error();
    }
    if (refused.size() == left.size()) return std::move(*first);
    left = std::move(refused);
  }
  return {};
}

// ---- and back ----

// What to write to have the value back that stands in `text` now.
std::string old_value(const plan::CgroupWrite& w, std::string_view text) {
  if (!w.unset.empty()) {  // a line for each device or interface
    const std::string_view key = std::string_view(w.value).substr(0, w.value.find(' '));
    const std::string_view old = value_of(text, key);
    return old.empty() ? w.unset : str::cat(key, " ", str::trim(old));
  }
  const std::string_view line = str::trim(text.substr(0, text.find('\n')));
  // memory.oom_control reads as a list, whose first value is the one that is written.
  const bool list = str::trim(text).find('\n') != std::string_view::npos;
  return std::string(list ? line.substr(line.find_last_of(' ') + 1) : line);
}

// What can be read can be put back; what cannot (cgroup.kill) has no old value.
void remember(const plan::CgroupWrite& w, const std::string& directory, plan::CgroupDirectory& old) {
  for (const std::string& file : {w.file, w.other_file}) {
    if (file.empty()) continue;
    const Result<std::string> text = read_file(directory, file);
    if (!text.ok()) continue;
    old.writes.push_back(
        {.file = file, .value = old_value(w, text.value()), .property = w.property, .optional = true});
    return;
  }
}

}  // namespace

Result<> write_limits(const plan::CgroupDirectory& plan, const std::string& directory) {
  std::vector<const plan::CgroupWrite*> writes;
  for (const plan::CgroupWrite& w : plan.writes) writes.push_back(&w);
  return write_all(writes, directory);
}

Result<Undo> apply(const plan::Cgroup& plan) {
  const auto old = std::make_shared<std::vector<plan::CgroupDirectory>>();
  Undo restore([old] {
    for (auto directory = old->rbegin(); directory != old->rend(); ++directory) {
      const Result<> restored = write_limits(*directory, directory->path);
      if (!restored.ok()) logs::warn("putting back the old limits: ", restored.error().message, ", ignoring");
    }
  });
  for (const plan::CgroupDirectory& part : plan.directories) {
    const std::string directory = part.mount_point + part.path;
    plan::CgroupDirectory before{
        .mount_point = {}, .path = directory, .controllers = {}, .v2 = part.v2, .writes = {}};
    for (const plan::CgroupWrite& w : part.writes) remember(w, directory, before);
    old->push_back(std::move(before));
    TRY(write_limits(part, directory));
  }
  return restore;
}

}  // namespace cgroups
