#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>

#include "runtime/concerns/resctrl.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

oci::Config config(oci::IntelRdt rdt) {
  oci::Config config;
  config.linux_.emplace().intel_rdt = std::move(rdt);
  return config;
}

// A directory in the place of a mounted resctrl, which makes its files itself.
struct Tree {
  Tree() {
    char name[] = "/tmp/resctrl.XXXXXX";
    cr_assert(::mkdtemp(name) != nullptr);
    path = name;
    make("/mon_groups");
    put("/schemata", "    MB:0=100;1=100\n    L3:0=fff;1=fff\n");
    put("/tasks", "");
  }
  ~Tree() { cr_expect_eq(::system(str::cat("rm -rf ", path).c_str()), 0); }
  void make(const std::string& name) { cr_assert(sys::mkdirat(Fd::cwd(), (path + name).c_str(), 0755).ok()); }
  void put(const std::string& name, std::string_view text) {
    Result<UniqueFd> file = sys::open((path + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert(file.ok() && sys::write_all(file.value(), text).ok());
  }
  std::string get(const std::string& name) {
    Result<std::string> text = files::read(Fd::cwd(), (path + name).c_str(), 4096);
    return text.ok() ? text.value() : text.error().message;
  }
  bool has(const std::string& name) { return sys::fstatat(Fd::cwd(), (path + name).c_str(), 0).ok(); }
  // What `create` answers, without the tree's own name.
  std::string create(const oci::IntelRdt& rdt, resctrl::Group* made = nullptr) {
    Result<resctrl::Group> group = resctrl::create(plan::make_intel_rdt(config(rdt), "box"), path);
    std::string text;
    if (!group.ok()) text = group.error().message;
    if (group.ok() && made) *made = group.value();
    if (group.ok())
      for (const std::string& file : group.value().tasks) text += file + " ";
    for (size_t at = text.find(path); at != std::string::npos; at = text.find(path))
      text.erase(at, path.size());
    return text;
  }
  std::string path;
};

}  // namespace

Test(intel_rdt, plan) {
  const auto show = [](const oci::IntelRdt& rdt) {
    const plan::IntelRdt plan = plan::make_intel_rdt(config(rdt), "box");
    std::string text = str::cat("[", plan.group, "]", plan.own ? " own" : "", " ", plan.monitor);
    for (const plan::RdtLine& line : plan.schemata) text += " " + line.text;
    return text;
  };
  expect_text(show({}), "[box] own ");
  expect_text(show({.clos_id = "/"}), "[] ");
  expect_text(show({.clos_id = "gold",
                    .l3_cache_schema = "L3:0=f",
                    .mem_bw_schema = "MB:0=20",
                    .schemata = {"L2:0=f", "L3:0=3"},
                    .enable_monitoring = true}),
              "[gold] box L3:0=f MB:0=20 L2:0=f L3:0=3");
  cr_expect(!plan::make_intel_rdt(
                 [] {
                   oci::Config none;
                   none.linux_.emplace();
                   return none;
                 }(),
                 "box")
                 .wanted);
}

Test(intel_rdt, compares_schemata) {
  const std::string there = "    L3:0=007ff;1=01f\n    MB:0=100;1= 70\n";
  const struct {
    const char* line;
    bool want;
  } cases[] = {
      {"L3:0=7ff;1=1f", true}, {"L3:1=1F", true}, {"L3:0=7fe", false}, {"MB:1=70", true},
      {"MB:2=70", false},      {"L2:0=f", false}, {"L3:00=7ff", true}, {"L3:0=7ff;1=0", false},
  };
  for (const auto& c : cases) cr_expect_eq(plan::holds(there, c.line), c.want, "%s", c.line);
}

Test(intel_rdt, a_group_of_its_own) {
  Tree tree;
  resctrl::Group group;
  expect_text(tree.create({}, &group), "/box/tasks ");
  tree.put("/box/tasks", "");  // the kernel's part
  cr_assert(resctrl::enter(group.tasks, 42).ok());
  expect_text(tree.get("/box/tasks"), "42");
  cr_assert(sys::unlinkat(Fd::cwd(), (tree.path + "/box/tasks").c_str(), 0).ok());
  cr_assert(resctrl::destroy(group.created).ok());
  cr_expect(!tree.has("/box"));
  cr_expect(resctrl::destroy(group.created).ok(), "what is gone is no error");
}

// What a killed `create` may leave is on record before it is made.
Test(intel_rdt, intends_what_goes_with_the_container) {
  Tree tree;
  tree.make("/gold");
  tree.make("/gold/mon_groups");
  const auto intend = [&](const oci::IntelRdt& rdt) {
    std::string text;
    for (const std::string& path : resctrl::intend(plan::make_intel_rdt(config(rdt), "box"), tree.path))
      text += path.substr(tree.path.size()) + " ";
    return text;
  };
  expect_text(intend({.enable_monitoring = true}), "/box /box/mon_groups/box ");
  expect_text(intend({.clos_id = "gold", .enable_monitoring = true}), "/gold/mon_groups/box ");
  expect_text(intend({.clos_id = "new", .schemata = {"L3:0=f"}}), "");  // it stays, whoever made it
  expect_text(intend({.clos_id = "/"}), "");
  tree.make("/box");
  tree.make("/gold/mon_groups/box");
  expect_text(intend({}), "");
  expect_text(intend({.clos_id = "gold", .enable_monitoring = true}), "");
}

Test(intel_rdt, a_failure_leaves_nothing) {
  Tree tree;  // where nobody makes /box/schemata
  const std::string is = tree.create({.schemata = {"L3:0=f"}});
  cr_expect(is.starts_with("linux.intelRdt.schemata: writing 'L3:0=f': "), "%s", is.c_str());
  cr_expect(!tree.has("/box"));
}

Test(intel_rdt, a_group_that_exists) {
  Tree tree;
  tree.make("/gold");
  tree.make("/gold/mon_groups");
  tree.put("/gold/schemata", "    L3:0=7f0;1=01f\n    MB:0=020\n");
  tree.put("/gold/tasks", "");
  resctrl::Group group;
  expect_text(
      tree.create({.clos_id = "gold", .l3_cache_schema = "L3:0=7f0", .enable_monitoring = true}, &group),
      "/gold/tasks /gold/mon_groups/box/tasks ");
  expect_text(tree.get("/gold/schemata").substr(0, 9), "L3:0=7f0\n");
  cr_expect_eq(group.created.size(), 1UL, "the monitoring group alone goes with the container");
  expect_text(tree.create({.clos_id = "gold", .enable_monitoring = true}),
              "linux.intelRdt.enableMonitoring: '/gold/mon_groups/box' exists already; remove it");
  cr_assert(resctrl::destroy(group.created).ok());
  expect_text(tree.create({.clos_id = "gold", .l3_cache_schema = "L3:0=f"}),
              "linux.intelRdt.l3CacheSchema: '/gold' exists and does not have 'L3:0=f'; give it another "
              "closID, or leave "
              "this out");
  cr_expect(tree.has("/gold"));
}

Test(intel_rdt, update) {
  Tree tree;
  const std::string before = tree.get("/schemata");
  const std::vector<plan::RdtLine> lines = {{"--l3-cache-schema", "L3:0=f"}};
  {
    Result<Undo> restore = resctrl::change(tree.path + "/tasks", lines);
    cr_assert(restore.ok());
    expect_text(tree.get("/schemata").substr(0, 7), "L3:0=f\n");
  }
  expect_text(tree.get("/schemata"), before);  // what followed had failed
  Result<Undo> kept = resctrl::change(tree.path + "/tasks", lines);
  cr_assert(kept.ok());
  kept.value().keep();
  kept = Undo();
  expect_text(tree.get("/schemata").substr(0, 7), "L3:0=f\n");
  const Result<Undo> gone = resctrl::change(tree.path + "/gone/tasks", lines);
  cr_assert_not(gone.ok());
  expect_text(gone.error().message,
              str::cat("linux.intelRdt: '", tree.path, "/gone/schemata' does not exist"));
}

Test(intel_rdt, groups_by_name) {
  Tree tree;
  expect_text(tree.create({.clos_id = "gold"}),
              "linux.intelRdt.closID: there is no group '/gold'; make it first, or say what it shall be with "
              "'schemata'");
  resctrl::Group group;
  expect_text(tree.create({.clos_id = "/"}, &group), "/tasks ");
  cr_expect(group.created.empty() && group.made.empty());
  expect_text(tree.create({.clos_id = "/", .schemata = {"MB:0=50"}}), "/tasks ");
  expect_text(tree.get("/schemata").substr(0, 8), "MB:0=50\n");
}
