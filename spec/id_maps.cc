#include "spec/id_maps.h"

#include "spec/base/process.h"
#include "spec/base/text.h"

namespace id_maps {

namespace {

// They are part of the system, wherever PATH leads.
constexpr std::string_view kPath = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin";
constexpr int64_t kTimeoutMs = 60'000;  // names may come from a directory server

Result<std::string> find(std::string_view name) {
  Result<std::string> found = process::find(name, kPath);
  if (found.ok()) return found;
  return Error(Kind::not_found,
               str::cat("'", name,
                        "' is not installed, and without it a user has one id only: ", "apt install uidmap"));
}

Result<> run(const std::string& helper, pid_t pid, const std::vector<oci::IdMapping>& mappings) {
  process::Command command{.path = helper, .argv = {helper, str::cat(pid)}, .timeout_ms = kTimeoutMs};
  for (const oci::IdMapping& m : mappings)
    for (const uint32_t number : {m.container_id, m.host_id, m.size})
      command.argv.push_back(str::cat(number));
  const process::Outcome outcome = TRY(process::run(command));
  if (outcome.ok()) return {};
  return Error(Kind::denied, str::cat(helper, ": ", outcome.text()));
}

}  // namespace

Result<Helpers> find_helpers() {
  Helpers helpers;
  helpers.newuidmap = TRY(find("newuidmap"));
  helpers.newgidmap = TRY(find("newgidmap"));
  return helpers;
}

Result<> write(pid_t pid, const std::vector<oci::IdMapping>& uids, const std::vector<oci::IdMapping>& gids) {
  const Helpers helpers = TRY(find_helpers());
  TRY(run(helpers.newuidmap, pid, uids));
  return run(helpers.newgidmap, pid, gids);
}

}  // namespace id_maps
