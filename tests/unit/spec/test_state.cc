#include <criterion/criterion.h>

#include "spec/state.h"
#include "tests/unit/support/expect.h"

namespace {

oci::State minimal() {
  return {.id = "web",
          .pid = 42,
          .pid_start_time = 7,
          .bundle = "/b",
          .rootfs = "/b/rootfs",
          .created = "2026-01-31T08:15:30.5Z",
          .owner = "root"};
}

oci::State full() {
  oci::State state = minimal();
  state.owner_uid = 1000;
  state.status = oci::Status::paused;
  state.annotations = {{"k", "v\n"}};
  state.cgroup_paths = {{"", "/sys/fs/cgroup/x"}, {"memory", "/sys/fs/cgroup/memory/x"}};
  state.created_cgroups = {"/sys/fs/cgroup/x"};
  state.hooks = oci::Hooks{.poststop = {{.path = "/bin/h", .args = {"h"}, .env = {"A=b"}, .timeout = 3}}};
  state.no_process = true;
  state.keep = true;
  state.exit = oci::Exit{.code = 137, .ended = "2026-01-31T08:15:31Z"};
  state.no_pivot = true;
  return state;
}

}  // namespace

Test(state, survives_the_disk) {
  for (const oci::State& state : {minimal(), full()}) {
    const std::string text = oci::encode(state);
    cr_expect(text.find('\n') == std::string::npos, "%s", text.c_str());
    const Result<oci::State> again = oci::parse_state(text);
    cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
    cr_expect(again.value() == state, "%s", text.c_str());
  }
}

Test(state, cgroups_that_were_all_made_are_said_in_a_word) {
  oci::State state = full();
  state.created_cgroups = {"/sys/fs/cgroup/x", "/sys/fs/cgroup/memory/x"};
  const std::string text = oci::encode(state);
  cr_expect(text.find("\"createdCgroups\":[\"all\"]") != std::string::npos, "%s", text.c_str());
  const Result<oci::State> again = oci::parse_state(text);
  cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
  cr_expect(again.value().created_cgroups == state.created_cgroups);

  state.created_cgroups.push_back("/sys/fs/cgroup/memory");  // a parent of one, as well
  cr_expect(oci::encode(state).find("\"all\"") == std::string::npos);
}

// Or it would be taken for a directory, wherever we happen to be.
Test(state, the_word_for_all_cgroups_stands_alone) {
  oci::State state = full();
  state.created_cgroups = {"all", "/sys/fs/cgroup/x"};
  const Result<oci::State> read = oci::parse_state(oci::encode(state));
  cr_assert(!read.ok());
  cr_expect_str_eq(read.error().message.c_str(), "state.json: createdCgroups: 'all' stands alone");
}

Test(state, cgroups_that_differ_in_their_names_share_a_line) {
  const struct {
    std::map<std::string, std::string> paths;
    std::string want;
  } cases[] = {
      {{{"", "/c/x"}}, R"({"":"/c/x"})"},
      {{{"cpu", "/c/cpu/x"}}, R"({"cpu":"/c/cpu/x"})"},
      {{{"cpu", "/c/cpu/x"}, {"freezer", "/c/freezer/x"}, {"name=systemd", "/c/systemd/x"}},
       R"({"cpu freezer":"/c/*/x","name=systemd":"/c/systemd/x"})"},
      {{{"cpu", "/c/cpu,cpuacct/x"}, {"cpuacct", "/c/cpu,cpuacct/x"}},
       R"({"cpu cpuacct":"/c/cpu,cpuacct/x"})"},
      {{{"", "/c/unified/x"}, {"cpu", "/c/cpu/cpu/x"}, {"pids", "/c/pids/cpu/x"}},
       R"({"":"/c/unified/x","cpu pids":"/c/*/cpu/x"})"},
      {{{"cpu", "/c/cpu/*"}, {"freezer", "/c/freezer/*"}}, R"({"cpu":"/c/cpu/*","freezer":"/c/freezer/*"})"},
  };
  for (const auto& c : cases) {
    oci::State state = minimal();
    state.cgroup_paths = c.paths;
    const std::string text = oci::encode(state);
    cr_expect(text.find("\"cgroupPaths\":" + c.want) != std::string::npos, "%s", text.c_str());
    const Result<oci::State> again = oci::parse_state(text);
    cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
    cr_expect(again.value() == state, "%s", text.c_str());

    // `list` has the one that it asks whether it is frozen.
    std::map<std::string, std::string> freezer;
    for (const auto& [controller, path] : c.paths)
      if (controller.empty() || controller == "freezer") freezer.emplace(controller, path);
    const Result<oci::State> listed = oci::parse_listed(text);
    cr_assert(listed.ok(), "%s", listed.ok() ? "" : listed.error().message.c_str());
    cr_expect(listed.value().cgroup_paths == freezer, "%s", text.c_str());
  }
}

Test(state, list_reads_what_it_shows) {
  const std::string text = oci::encode(full());
  const Result<oci::State> listed = oci::parse_listed(text);
  cr_assert(listed.ok(), "%s", listed.ok() ? "" : listed.error().message.c_str());
  const oci::Status now = oci::Status::stopped;
  const std::string got = oci::public_state(listed.value(), now, false);
  expect_text(got, oci::public_state(full(), now, false));
  cr_expect(listed.value().exit == full().exit && listed.value().status == full().status);
  const Result<oci::State> none = oci::parse_listed("{}");
  cr_assert_not(none.ok());
  cr_expect(none.error().message.find("id: required, but missing") != std::string::npos);
}

Test(state, defaults_of_exec_survive_the_disk) {
  const oci::ExecDefaults full = {.namespaces = {oci::NamespaceType::pid, oci::NamespaceType::user},
                                  .process = oci::Process{.args = {"sh"}, .cwd = "/"},
                                  .seccomp = oci::Seccomp{.default_action = oci::SeccompAction::allow},
                                  .resources = oci::Resources{.pids = oci::Pids{7}}};
  for (const oci::ExecDefaults& defaults : {oci::ExecDefaults{}, full}) {
    const Result<oci::ExecDefaults> again = oci::parse_exec_defaults(oci::encode(defaults));
    cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
    cr_expect(again.value() == defaults);
  }
  const auto other = oci::parse_exec_defaults("{\"format\":0}");
  cr_assert_not(other.ok());
  expect_text(
      other.error().message,
      "exec.json:1:11: format: written by another version of this program: format 0, and this one knows 2");
}

Test(state, refuses_what_it_did_not_write) {
  const struct {
    std::string from, to, want;
  } cases[] = {
      {"\"pid\":42", "\"pid\":\"42\"", "pid: expected an integer, got the string '42'"},
      {"\"pid\":42", "\"pid\":-1", "pid: -1 is no process id"},
      {"\"status\":\"created\"", "\"status\":\"crated\"",
       "status: unknown value 'crated' (did you mean 'created'?)"},
      {"\"bundle\":\"/b\"", "\"bundle\":\"b\"", "bundle: 'b' must be an absolute path"},
      {"\"id\":\"web\",", "", "id: required, but missing"},
      {"\"format\":2,", "", "format: required, but missing"},
      {"\"format\":2", "\"format\":1",
       "format: written by another version of this program: format 1, and this one knows 2"},
  };
  for (const auto& c : cases) {
    std::string text = oci::encode(minimal());
    const size_t at = text.find(c.from);
    cr_assert_neq(at, std::string::npos, "%s", c.from.c_str());
    text.replace(at, c.from.size(), c.to);
    const Result<oci::State> state = oci::parse_state(text);
    cr_assert_not(state.ok(), "%s", c.to.c_str());
    cr_expect(state.error().message.starts_with("state.json:1:"));
    cr_expect(state.error().message.ends_with(": " + c.want), "%s", state.error().message.c_str());
  }
}

Test(state, shows_itself_as_the_specification_says) {
  oci::State state = minimal();
  state.annotations = {{"org.x", "y"}};
  expect_text(
      oci::public_state(state, oci::Status::running, false),
      R"({"ociVersion":"1.3.0","id":"web","pid":42,"status":"running","bundle":"/b","rootfs":"/b/rootfs",)"
      R"("created":"2026-01-31T08:15:30.5Z","annotations":{"org.x":"y"},"owner":"root"})");
  state.annotations.clear();
  state.exit = oci::Exit{.code = 3, .ended = "2026-01-31T08:15:31Z"};
  expect_text(
      oci::public_state(state, oci::Status::stopped, true),
      "{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 0,\n  \"status\": \"stopped\",\n"
      "  \"bundle\": \"/b\",\n  \"rootfs\": \"/b/rootfs\",\n  \"created\": \"2026-01-31T08:15:30.5Z\",\n"
      "  \"annotations\": {},\n  \"owner\": \"root\",\n  \"exitCode\": 3,\n  \"ended\": "
      "\"2026-01-31T08:15:31Z\"\n}");
}

Test(state, names_every_status) {
  expect_text(std::string(oci::text(oci::Status::creating)), "creating");
  expect_text(std::string(oci::text(oci::Status::created)), "created");
  expect_text(std::string(oci::text(oci::Status::running)), "running");
  expect_text(std::string(oci::text(oci::Status::stopped)), "stopped");
  expect_text(std::string(oci::text(oci::Status::paused)), "paused");
}

Test(state, goes_to_a_seccomp_agent) {
  oci::State state;
  state.id = "web";
  state.pid = 7;
  state.bundle = "/b";
  state.rootfs = "/b/rootfs";
  const std::string text = oci::process_state(state, oci::Status::running, 9, {"seccompFd"}, "meta");
  expect_text(text, R"({"ociVersion":"1.3.0","fds":["seccompFd"],"pid":9,"metadata":"meta",)"
                    R"("state":{"ociVersion":"1.3.0","id":"web","pid":7,"status":"running","bundle":"/b",)"
                    R"("rootfs":"/b/rootfs","created":"","annotations":{},"owner":""}})");
}
