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
      "exec.json:1:11: format: written by another version of this program: format 0, and this one knows 1");
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
      {"\"format\":1,", "", "format: required, but missing"},
      {"\"format\":1", "\"format\":2",
       "format: written by another version of this program: format 2, and this one knows 1"},
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
