// Any bytes as the documents in which the runtime keeps a container, state.json and exec.json: a disk may
// break, or another version have written them.  They survive being written, `list` reads of them what `state`
// does, and what is printed of them, or sent to hooks and to a seccomp agent, is JSON.
#include "spec/state.h"

#include <algorithm>

#include "spec/json.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

namespace {

using fuzz::must;

void must_be_json(std::string_view text, const oci::State& state, oci::Status now, bool whole) {
  const auto parsed = json::parse(text, {.name = "state"});
  must(parsed.ok(), "what is printed is JSON", text);
  std::optional<json::Value> root = parsed.value().root();
  if (!whole) root = root->find("state");
  must(root.has_value(), "the state is there", text);
  must(root->find_string("id") == state.id && root->find_string("status") == oci::text(now),
       "it says which container, and how it is", text);
}

// What `list` and others look at, of which the first is not told all.
void check_listed(std::string_view text, const oci::State& state) {
  const auto listed = oci::parse_listed(text);
  must(listed.ok(), "what can be read can be listed");
  oci::State as_listed = state;
  as_listed.hooks.reset();
  as_listed.created_cgroups.clear();
  std::erase_if(as_listed.cgroup_paths,
                [](const auto& entry) { return !entry.first.empty() && entry.first != "freezer"; });
  must(listed.value() == as_listed, "what is listed is what is there");
}

void check(std::string_view text, const oci::State& state) {
  check_listed(text, state);
  for (const auto& [controller, path] : state.cgroup_paths)
    must(path.starts_with('/'), "a cgroup has an absolute path", path);
  for (const auto* list : {&state.created_cgroups, &state.rdt_tasks, &state.created_rdt})
    for (const std::string& path : *list)
      must(path.starts_with('/'), "what is removed has an absolute path", path);
  for (const oci::Status now : {oci::Status::stopped, oci::Status::running}) {
    must_be_json(oci::public_state(state, now, now == oci::Status::running), state, now, true);
    must_be_json(oci::process_state(state, now, state.pid, {"seccompFd", "pidFd"}, state.owner), state, now,
                 false);
  }
}

}  // namespace

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto state = oci::parse_state(text);
  fuzz::round_trip(state, oci::parse_state);
  if (state.ok())
    check(text, state.value());
  else if (const auto listed = oci::parse_listed(text); !listed.ok())
    fuzz::must_be_sentence(listed.error(), false);
  fuzz::round_trip(oci::parse_exec_defaults(text), oci::parse_exec_defaults);
  return 0;
}
