#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/life/state_dir.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace {

// A state root of its own for each test; whatever is left in it goes at the end.
struct Root {
  std::string base = "/tmp/test_state_dir.XXXXXX", path;
  Root() {
    ::mkdtemp(base.data());
    path = base + "/a/b";
  }
  ~Root() {
    auto ids = state_dirs::list(path);
    if (ids.ok())
      for (const std::string& id : ids.value()) {
        auto dir = StateDir::open(path, id);
        if (dir.ok() && dir.value().lock(0).ok()) (void)std::move(dir).take().forget();
      }
    ::rmdir(path.c_str());
    ::rmdir((base + "/a").c_str());
    ::rmdir(base.c_str());
  }
};

oci::State state(const char* id) {
  oci::State s;
  s.id = id;
  s.bundle = s.rootfs = "/b";
  s.created = "2026-01-01T00:00:00Z";
  s.owner = "root";
  return s;
}

template <class T>
std::string message(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().message;
}

}  // namespace

Test(state_dir, ids) {
  const std::string longest(255, 'a'), too_long(256, 'a');
  for (const char* good : {"web", "a", "A_b+c-d.9", "..a", "...", longest.c_str()})
    cr_expect(state_dirs::check_id(good).ok(), "%s", good);
  for (const char* bad : {"", ".", "..", "a/b", "../a", "a b", "a\n", "\xc3\xa9", "a:b", too_long.c_str()})
    cr_expect(!state_dirs::check_id(bad).ok(), "%s", bad);
  const std::string got = message(state_dirs::check_id("a/\x1b"));
  cr_expect_str_eq(got.c_str(),
                   "'a/\\x1b' cannot be a container id: it is made of letters, digits and _ + - .");
}

Test(state_dir, a_name_is_claimed_once) {
  const Root root;
  auto first = StateDir::claim(root.path, "web");
  cr_assert(first.ok());
  const auto second = StateDir::claim(root.path, "web");
  cr_assert(!second.ok());
  cr_expect_eq(second.error().kind, Kind::conflict);
  cr_expect_str_eq(second.error().message.c_str(),
                   "container 'web' already exists; delete it first with `runtime delete web`");
  struct stat st {};
  ::stat(root.path.c_str(), &st);
  cr_expect_eq(st.st_mode & 07777, 01700);
  ::stat((root.path + "/web").c_str(), &st);
  cr_expect_eq(st.st_mode & 0777, 0711);
}

Test(state_dir, saved_loaded_listed_forgotten) {
  const Root root;
  StateDir dir = StateDir::claim(root.path, "web").take();
  const std::string unfinished = message(dir.load());
  cr_expect_str_eq(unfinished.c_str(),
                   "container 'web' does not exist: its creation has not finished; if it was interrupted, "
                   "`runtime delete web` clears the name");
  cr_assert(dir.save(state("web")).ok());
  cr_expect_eq(dir.load().take().id, "web");
  cr_assert(dir.save_exec_defaults({.namespaces = {oci::NamespaceType::pid}}).ok());
  cr_expect_eq(dir.load_exec_defaults().take().namespaces.size(), 1);
  { StateDir other = StateDir::claim(root.path, "db").take(); }
  const auto ids = state_dirs::list(root.path).take();
  cr_assert_eq(ids.size(), 2);
  cr_expect(ids[0] == "db" && ids[1] == "web");

  cr_assert(files::replace(dir.fd(), "exec.fifo", "", 0600).ok());
  cr_assert(dir.forget().ok());
  const auto gone = StateDir::open(root.path, "web");
  cr_assert(!gone.ok());
  cr_expect_eq(gone.error().kind, Kind::not_found);
  cr_expect_str_eq(gone.error().message.c_str(),
                   "container 'web' does not exist; `runtime list` shows those that do");
}

Test(state_dir, what_is_not_there) {
  cr_expect(state_dirs::list("/nowhere/at/all").take().empty());
  const std::string got = message(StateDir::open("/nowhere/at/all", "web"));
  cr_expect_str_eq(got.c_str(), "container 'web' does not exist; `runtime list` shows those that do");
  const Root root;
  { StateDir other = StateDir::claim(root.path, "db").take(); }
  const UniqueFd fd = state_dirs::open_root(root.path).take();
  const std::string half = message(state_dirs::peek(fd, "db"));
  cr_expect_str_eq(half.c_str(), "container 'db' does not exist; `runtime list` shows those that do");
}

Test(state_dir, broken_state_is_named) {
  const Root root;
  const StateDir dir = StateDir::claim(root.path, "web").take();
  cr_assert(files::replace(dir.fd(), "state.json", "{\"id\": 1", 0600).ok());
  const auto got = dir.load();
  cr_assert(!got.ok());
  cr_expect_eq(got.error().kind, Kind::invalid);
  cr_expect(got.error().message.starts_with("container 'web': "), "%s", got.error().message.c_str());
}

Test(state_dir, locks_keep_others_out) {
  const Root root;
  StateDir holder = StateDir::claim(root.path, "web").take();
  StateDir other = StateDir::open(root.path, "web").take();
  const auto busy = other.lock(30);
  cr_assert(!busy.ok());
  cr_expect_eq(busy.error().kind, Kind::conflict);
  cr_expect_str_eq(busy.error().message.c_str(),
                   "container 'web' is busy: another command has been working on it for more than 30 ms");
  // A child with a copy of the descriptor, as the container's first process is one, does not prolong the lock.
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  holder.unlock();
  cr_expect(other.lock(0).ok());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  StateDir late = StateDir::open(root.path, "web").take();
  cr_assert(other.forget().ok());
  other.unlock();
  const auto gone = late.lock(0);
  cr_assert(!gone.ok());
  cr_expect_eq(gone.error().kind, Kind::not_found);
}

Test(state_dir, of_many_claims_one_wins) {
  const Root root;
  constexpr int kRacers = 8;
  pid_t racers[kRacers];
  for (pid_t& racer : racers) {
    racer = ::fork();
    if (racer == 0) {
      auto claimed = StateDir::claim(root.path, "web");
      ::_exit(claimed.ok() ? 0 : claimed.error().kind == Kind::conflict ? 1 : 2);
    }
  }
  int won = 0, lost = 0;
  for (const pid_t racer : racers) {
    int status = 0;
    ::waitpid(racer, &status, 0);
    won += WEXITSTATUS(status) == 0;
    lost += WEXITSTATUS(status) == 1;
  }
  cr_expect_eq(won, 1);
  cr_expect_eq(lost, kRacers - 1);
}

// What could not be read again would be a container that nobody can stop.
Test(state_dir, writes_only_what_it_can_read) {
  const Root root;
  StateDir dir = StateDir::claim(root.path, "web").take();
  oci::State large = state("web");
  large.annotations["a"] = std::string(1'300'000, '\x7f');  // six bytes each
  cr_assert(dir.save(large).ok());
  cr_expect(dir.load().ok());
  large.annotations["b"] = large.annotations["a"];
  const std::string got = message(dir.save(large));
  cr_expect_str_eq(got.c_str(),
                   "saving the state of container 'web': 'state.json' would be larger than 8388608 bytes; "
                   "config.json has too much in annotations, hooks or process");
  cr_expect(dir.load().ok(), "the one before stays");
}
