#include <criterion/criterion.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "runtime/plan/mount_options.h"
#include "runtime/plan/mounts.h"
#include "tests/unit/support/expect.h"

namespace {

std::string hex(uint64_t n) {
  char text[20];
  return std::string(text, std::to_chars(text, text + sizeof text, n, 16).ptr);
}

std::string show(const plan::MountAttributes& attributes, std::string_view name) {
  if (attributes.empty()) return {};
  return str::cat(" ", name, "=+", hex(attributes.set), "-", hex(attributes.clear));
}

std::string_view kind(plan::MountKind kind) {
  switch (kind) {
    case plan::MountKind::filesystem:
      return "mount";
    case plan::MountKind::bind:
      return "bind";
    case plan::MountKind::remount:
      return "remount";
    case plan::MountKind::rebind:
      return "rebind";
    case plan::MountKind::link:
      return "link";
  }
  return "?";
}

// One line with everything that differs from the default.
std::string show(const plan::MountStep& step) {
  std::string line = str::cat(step.index, " ", kind(step.kind), " ", step.source, " on ", step.target);
  if (step.kind == plan::MountKind::filesystem) line += str::cat(" type ", step.type);
  line += show(step.own, "own");
  if (step.lifted) line += str::cat(" lifted=", hex(step.lifted));
  line += show(step.tree, "tree");
  if (step.superblock | step.superblock_clear)
    line += str::cat(" super=+", hex(step.superblock), "-", hex(step.superblock_clear));
  for (const unsigned long flag : step.propagation) line += str::cat(" propagation=", hex(flag));
  for (const plan::MountData& data : step.data)
    line += str::cat(" ", data.key, data.value ? "=" : "", data.value.value_or(""));
  for (const auto& [on, text] :
       std::initializer_list<std::pair<bool, const char*>>{{step.recursive, " recursive"},
                                                           {step.copy_up, " copy-up"},
                                                           {step.links_refused, " no-links"},
                                                           {step.source_nofollow, " source-nofollow"},
                                                           {step.seal_later, " seal-later"},
                                                           {step.open_early, " early"},
                                                           {step.open_outside, " outside"},
                                                           {step.idmap, " idmap"},
                                                           {step.idmap_tree, " idmap-tree"}})
    if (on) line += text;
  for (const oci::IdMapping& m : step.uid_mappings)
    line += str::cat(" uid=", m.container_id, ":", m.host_id, ":", m.size);
  if (!step.warning.empty()) line += str::cat(" (", step.warning, ")");
  return line;
}

std::string show(const Result<std::vector<plan::MountStep>>& steps) {
  if (!steps.ok()) return "error: " + steps.error().message;
  std::string text;
  for (const plan::MountStep& step : steps.value()) text += show(step) + "\n";
  return text;
}

oci::Mount mount_of(std::string destination, std::string type, std::string source,
                    std::vector<std::string> options) {
  oci::Mount mount;
  mount.destination = std::move(destination);
  if (!type.empty()) mount.type = std::move(type);
  if (!source.empty()) mount.source = std::move(source);
  mount.options = std::move(options);
  return mount;
}

std::string make(const oci::Mount& mount, const plan::MountFacts& facts) {
  oci::Config config;
  config.mounts.push_back(mount);
  return show(plan::make_mounts(config, facts));
}

plan::MountFacts facts_of(bool user_namespace) {
  plan::MountFacts facts;
  facts.bundle = "/bundle";
  facts.user_namespace = user_namespace;
  return facts;
}

struct Case {
  const char* destination;
  const char* type;
  const char* source;
  std::vector<std::string> options;
  const char* want;
};

void check(const std::vector<Case>& cases, const plan::MountFacts& facts) {
  for (const Case& c : cases) {
    const std::string got = make(mount_of(c.destination, c.type, c.source, c.options), facts);
    expect_text(got, c.want, c.destination);
  }
}

}  // namespace

Test(mounts, file_systems) {
  check(
      {
          {"/proc", "proc", "proc", {}, "0 mount proc on proc type proc no-links\n"},
          {"/dev",
           "tmpfs",
           "tmpfs",
           {"nosuid", "strictatime", "mode=755", "size=65536k"},
           "0 mount tmpfs on dev type tmpfs own=+22-70 mode=755 size=65536k no-links\n"},
          {"dev//pts/.",
           "devpts",
           "devpts",
           {"newinstance", "gid=5"},
           "0 mount devpts on dev/pts type devpts newinstance gid=5\n"},
          // Read-only for this mount alone: the superblock belongs to the namespace.
          {"/sys", "sysfs", "sysfs", {"ro", "nosuid"}, "0 mount sysfs on sys type sysfs own=+3-0 no-links\n"},
          {"/t", "tmpfs", "", {"ro", "noexec"}, "0 mount  on t type tmpfs own=+8-0 seal-later\n"},
          {"/x",
           "ext4",
           "/dev/sda",
           {"ro", "sync", "lazytime", "noatime"},
           "0 mount /dev/sda on x type ext4 own=+11-70 super=+2000011-0\n"},
          {"/x",
           "ext4",
           "/dev/sda",
           {"ro,nodev,data=journal", "rw"},
           "0 mount /dev/sda on x type ext4 own=+4-1 super=+0-1 data=journal\n"},
          {"/x",
           "tmpfs",
           "",
           {"silent", "loud", "defaults", "x-gvfs-hide", "nosymfollow", "symfollow"},
           "0 mount  on x type tmpfs own=+0-200000\n"},
          {"/x", "tmpfs", "", {"tmpcopyup"}, "0 mount  on x type tmpfs copy-up\n"},
          {"/x",
           "tmpfs",
           "",
           {"rshared", "slave"},
           "0 mount  on x type tmpfs propagation=104000 propagation=80000\n"},
          {"/",
           "overlay",
           "overlay",
           {"lowerdir=/a:/b\\:c"},
           "0 mount overlay on  type overlay lowerdir=/a:/b\\:c\n"},
          {"/o",
           "overlay",
           "overlay",
           {"upperdir=/a\\,b,workdir=/w\\\\,ro"},
           "0 mount overlay on o type overlay own=+1-0 super=+1-0 upperdir=/a,b workdir=/w\\\\\n"},
          {"/a/../b", "tmpfs", "", {}, "0 mount  on a/../b type tmpfs\n"},
          {"/..", "tmpfs", "", {}, "0 mount  on  type tmpfs\n"},
      },
      facts_of(false));
}

Test(mounts, binds) {
  check(
      {
          // Like its source, or else what is named and nothing more; access times stay until one is chosen.
          {"/d", "bind", "/src", {"rbind"}, "0 bind /src on d recursive\n"},
          {"/d", "bind", "/src", {"rbind", "rslave"}, "0 bind /src on d propagation=84000 recursive\n"},
          {"/d", "bind", "/src", {"rbind", "rw"}, "0 bind /src on d own=+0-20000f lifted=1 recursive\n"},
          {"/d", "", "rel", {"bind", "ro", "nosuid"}, "0 bind /bundle/rel on d own=+3-20000c\n"},
          {"/d",
           "",
           "/s",
           {"bind", "suid", "dev", "exec", "atime", "diratime", "norelatime", "nostrictatime"},
           "0 bind /s on d own=+0-20000f lifted=e\n"},
          {"/d", "", "/s", {"bind", "atime"}, "0 bind /s on d own=+0-20000f\n"},
          {"/d", "", "/s", {"bind", "noatime"}, "0 bind /s on d own=+10-2000ff\n"},
          {"/d", "", "/s", {"bind", "noatime", "atime"}, "0 bind /s on d own=+0-20000f\n"},
          {"/d", "", "/s", {"bind", "relatime"}, "0 bind /s on d own=+0-2000ff\n"},
          {"/d", "", "/s", {"bind", "nodiratime"}, "0 bind /s on d own=+80-20007f\n"},
          {"/d", "", "/s", {"bind", "rw", "ro", "nodev", "dev"}, "0 bind /s on d own=+1-20000e lifted=4\n"},
          {"/d",
           "",
           "/s",
           {"rbind", "rro", "rnosuid", "rdev", "rnoatime"},
           "0 bind /s on d tree=+13-74 recursive\n"},
          {"/d", "", "/s", {"rbind", "rstrictatime", "rrelatime"}, "0 bind /s on d tree=+0-70 recursive\n"},
          {"/d", "", "/s", {"rbind", "rshared"}, "0 bind /s on d propagation=104000 recursive early\n"},
          {"/d",
           "",
           "/s",
           {"bind", "src-nofollow", "dest-nofollow"},
           "0 bind /s on d no-links source-nofollow\n"},
          {"/proc", "", "/s", {"bind"}, "0 bind /s on proc no-links\n"},
          {"/d",
           "",
           "/s",
           {"bind", "ro", "mode=755", "size=1k"},
           "0 bind /s on d own=+1-20000e (mounts[0].options[2]: 'mode' has no effect on a bind mount, "
           "ignoring)\n"},
          {"/d", "", "", {"remount", "bind", "ro", "suid"}, "0 rebind  on d own=+1-2 super=+1-0\n"},
          {"/d", "tmpfs", "", {"remount", "size=1m"}, "0 remount  on d size=1m\n"},
      },
      facts_of(false));
}

// What a remount hands to mount(2) means the same as what was written.
Test(mounts, data_of_a_remount) {
  const struct {
    std::vector<std::string> options;
    const char* want;
  } cases[] = {
      {{}, ""},
      {{"size=1m", "ro"}, "size=1m"},
      {{"size=1m,nr_inodes=7", "huge"}, "size=1m,nr_inodes=7,huge"},
      {{"upperdir=/a\\,b", "x=\\:y"}, "upperdir=/a\\,b,x=\\:y"},
      {{"mpol=bind:0,2"}, "mpol=bind:0,2"},
      {{"e="}, "e="},
  };
  for (const auto& c : cases)
    expect_text(plan::join_data(plan::parse_options(c.options).data), c.want, c.want);
}

Test(mounts, refused) {
  check(
      {
          {"", "tmpfs", "", {}, "error: mounts[0].destination: empty"},
          {"/d",
           "bind",
           "/s",
           {},
           "error: mounts[0].type: 'bind' alone mounts nothing; add 'bind' or 'rbind' to the options"},
          {"/d",
           "",
           "/s",
           {},
           "error: mounts[0].type: missing; only bind mounts (option 'bind' or 'rbind') have no type"},
          {"/d", "", "", {"bind"}, "error: mounts[0].source: a bind mount needs the path of what it shows"},
          {"/d",
           "",
           "/s",
           {"bind", "sync"},
           "error: mounts[0].options[1]: 'sync' is of a whole file system, so a bind mount cannot have it"},
          {"/d",
           "",
           "/s",
           {"bind", "sise=1"},
           "error: mounts[0].options[1]: unknown option 'sise=1' for a bind mount"},
          {"/d",
           "",
           "/s",
           {"bind", "tmpcopyup"},
           "error: mounts[0].options: 'tmpcopyup' is for tmpfs, not for bind mounts"},
          {"/d", "ext4", "/s", {"tmpcopyup"}, "error: mounts[0].options: 'tmpcopyup' is for tmpfs"},
          {"/d", "tmpfs", "", {"idmap"}, "error: mounts[0].options: ids can only be mapped on bind mounts"},
          {"/d",
           "",
           "/s",
           {"bind", "idmap"},
           "error: mounts[0].options: 'idmap' needs uidMappings and gidMappings, here or in linux"},
          {"/proc", "tmpfs", "", {}, "error: mounts[0].destination: '/proc' can only be a procfs, not tmpfs"},
          {"/sys/fs/cgroup",
           "cgroup",
           "",
           {},
           "error: mounts[0].type: this host has no cgroup file system mounted"},
      },
      facts_of(false));
}

Test(mounts, user_namespace) {
  plan::MountFacts facts = facts_of(true);
  facts.gid_mappings = {{0, 1000, 4}};
  check(
      {
          // Not mapped: the option would be refused by the kernel.
          {"/dev/pts", "devpts", "", {"gid=5", "mode=620"}, "0 mount  on dev/pts type devpts mode=620\n"},
          {"/dev/pts", "devpts", "", {"gid=3"}, "0 mount  on dev/pts type devpts gid=3\n"},
          // Namespaces of the host: their file systems can only be shown, and nothing beneath stays writable.
          {"/sys", "sysfs", "sysfs", {"ro", "nosuid"}, "0 bind /sys on sys tree=+3-0 recursive no-links\n"},
          {"/proc", "proc", "proc", {}, "0 bind /proc on proc recursive no-links\n"},
          {"/dev/mqueue", "mqueue", "", {}, "0 bind /dev/mqueue on dev/mqueue recursive\n"},
          {"/d", "", "/s", {"rbind", "rshared"}, "0 bind /s on d propagation=104000 recursive\n"},
      },
      facts);
  facts.privileged = true;
  check({{"/d", "", "/s", {"rbind", "rshared"}, "0 bind /s on d propagation=104000 recursive outside\n"}},
        facts);
  facts.own_pid = facts.own_network = facts.own_ipc = true;
  check({{"/sys", "sysfs", "sysfs", {}, "0 mount sysfs on sys type sysfs no-links\n"},
         {"/proc", "proc", "proc", {}, "0 mount proc on proc type proc no-links\n"}},
        facts);
}

Test(mounts, mapped_ids) {
  oci::Config config;
  oci::Mount mount = mount_of("/d", "", "/s", {"rbind", "ridmap"});
  mount.uid_mappings = mount.gid_mappings = {{0, 5000, 10}};
  config.mounts = {mount};
  expect_text(show(plan::make_mounts(config, facts_of(false))),
              "error: mounts[0].options: only root may map the ids of a mount");
  plan::MountFacts facts = facts_of(false);
  facts.privileged = true;
  expect_text(show(plan::make_mounts(config, facts)),
              "0 bind /s on d recursive outside idmap idmap-tree uid=0:5000:10\n");
  config.mounts[0].options.emplace_back("shared");
  expect_text(show(plan::make_mounts(config, facts)),
              "0 bind /s on d propagation=100000 recursive early idmap idmap-tree uid=0:5000:10\n");
  config.mounts[0].options.pop_back();
  config.mounts[0].gid_mappings.clear();
  expect_text(show(plan::make_mounts(config, facts_of(false))),
              "error: mounts[0].gidMappings: missing; uidMappings and gidMappings only go together");
  config.mounts[0].uid_mappings.clear();
  config.linux_ = oci::Linux{};
  config.linux_->uid_mappings = config.linux_->gid_mappings = {{0, 7000, 1}};
  facts.user_namespace = true;
  expect_text(show(plan::make_mounts(config, facts)),
              "0 bind /s on d recursive outside idmap idmap-tree uid=0:7000:1\n");
  facts.joins_user = true;  // the namespace itself has the mappings, whatever is said of them
  expect_text(show(plan::make_mounts(config, facts)), "0 bind /s on d recursive outside idmap idmap-tree\n");
}

Test(mounts, cgroups) {
  plan::MountFacts facts = facts_of(false);
  facts.cgroups = {{"/sys/fs/cgroup", {}, "/web"}};
  const oci::Mount cgroup = mount_of("/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid"});
  expect_text(make(cgroup, facts), "0 bind /sys/fs/cgroup/web on sys/fs/cgroup own=+3-0\n");
  facts.own_cgroup = true;
  expect_text(make(cgroup, facts), "0 mount cgroup2 on sys/fs/cgroup type cgroup2 own=+3-0\n");

  facts.cgroups = {{"/sys/fs/cgroup/cpu,cpuacct", {"cpu", "cpuacct"}, "/web"},
                   {"/sys/fs/cgroup/systemd", {"name=systemd"}, "/web"},
                   {"/sys/fs/cgroup/unified", {}, "/web"}};
  expect_text(make(cgroup, facts),
              "0 mount tmpfs on sys/fs/cgroup type tmpfs own=+2-0 mode=755 seal-later\n"
              "0 mount cgroup on sys/fs/cgroup/cpu,cpuacct type cgroup own=+3-0 cpu cpuacct\n"
              "0 link cpu,cpuacct on sys/fs/cgroup/cpu\n"
              "0 link cpu,cpuacct on sys/fs/cgroup/cpuacct\n"
              "0 mount cgroup on sys/fs/cgroup/systemd type cgroup own=+3-0 none name=systemd\n"
              "0 mount cgroup2 on sys/fs/cgroup/unified type cgroup2 own=+3-0\n");
  facts.own_cgroup = false;
  expect_text(make(cgroup, facts),
              "0 mount tmpfs on sys/fs/cgroup type tmpfs own=+2-0 mode=755 seal-later\n"
              "0 bind /sys/fs/cgroup/cpu,cpuacct/web on sys/fs/cgroup/cpu,cpuacct own=+3-0\n"
              "0 link cpu,cpuacct on sys/fs/cgroup/cpu\n"
              "0 link cpu,cpuacct on sys/fs/cgroup/cpuacct\n"
              "0 bind /sys/fs/cgroup/systemd/web on sys/fs/cgroup/systemd own=+3-0\n"
              "0 bind /sys/fs/cgroup/unified/web on sys/fs/cgroup/unified own=+3-0\n");
}

// config.md: the options a runtime MUST or SHOULD know.  None of them may end up as data for the file system.
Test(mounts, knows_the_options_of_the_specification) {
  const std::vector<std::string_view> known = plan::mount_options();
  for (const char* option : {"async",
                             "atime",
                             "bind",
                             "defaults",
                             "dev",
                             "diratime",
                             "dirsync",
                             "exec",
                             "iversion",
                             "lazytime",
                             "loud",
                             "mand",
                             "noatime",
                             "nodev",
                             "nodiratime",
                             "noexec",
                             "noiversion",
                             "nolazytime",
                             "nomand",
                             "norelatime",
                             "nostrictatime",
                             "nosuid",
                             "nosymfollow",
                             "private",
                             "ratime",
                             "rbind",
                             "rdev",
                             "rdiratime",
                             "relatime",
                             "remount",
                             "rexec",
                             "rnoatime",
                             "rnodev",
                             "rnodiratime",
                             "rnoexec",
                             "rnorelatime",
                             "rnostrictatime",
                             "rnosuid",
                             "rnosymfollow",
                             "ro",
                             "rprivate",
                             "rrelatime",
                             "rro",
                             "rrw",
                             "rshared",
                             "rslave",
                             "rstrictatime",
                             "rsuid",
                             "rsymfollow",
                             "runbindable",
                             "rw",
                             "shared",
                             "silent",
                             "slave",
                             "strictatime",
                             "suid",
                             "symfollow",
                             "sync",
                             "tmpcopyup",
                             "unbindable",
                             "idmap",
                             "ridmap"})
    cr_expect(std::find(known.begin(), known.end(), option) != known.end(), "%s", option);
}

Test(mounts, rootfs) {
  oci::Config config;
  config.root = oci::Root{"rootfs", true};
  config.linux_ = oci::Linux{};
  const struct {
    const char* text;
    unsigned long want;
  } cases[] = {{"", 0},
               {"shared", MS_SHARED},
               {"rslave", MS_SLAVE | MS_REC},
               {"private", MS_PRIVATE},
               {"unbindable", MS_UNBINDABLE}};
  for (const auto& c : cases) {
    config.linux_->rootfs_propagation = c.text;
    const Result<plan::RootfsPlan> got = plan::make_rootfs(config, facts_of(false), false, {});
    cr_assert(got.ok(), "%s", c.text);
    cr_expect(got.value().propagation == c.want && got.value().readonly && !got.value().replaced, "%s",
              c.text);
    expect_text(got.value().path, "/bundle/rootfs");
  }
  config.linux_->rootfs_propagation = "ro";
  expect_text(plan::make_rootfs(config, facts_of(false), false, {}).error().message,
              "linux.rootfsPropagation: 'ro' is none of shared, slave, private, unbindable (or rshared…)");
}

Test(mounts, first_mount_may_replace_the_root) {
  oci::Config config;
  config.root = oci::Root{"/rootfs", std::nullopt};
  const struct {
    oci::Mount mount;
    bool want;
  } cases[] = {{mount_of("/", "overlay", "o", {"lowerdir=/a"}), true},
               {mount_of("/", "", "/x", {"rbind"}), true},
               {mount_of("/", "", "", {"remount", "bind", "ro"}), false},
               {mount_of("/x", "tmpfs", "", {}), false}};
  for (const auto& c : cases) {
    config.mounts = {c.mount};
    const auto steps = plan::make_mounts(config, facts_of(false));
    cr_assert(steps.ok());
    cr_expect(plan::make_rootfs(config, facts_of(false), false, steps.value()).value().replaced == c.want,
              "%s", c.mount.destination.c_str());
  }
}

Test(mounts, beneath) {
  const struct {
    const char *path, *directory;
    bool want;
  } cases[] = {{"dev/null", "dev", true}, {"dev", "dev", true},    {"dev", "", true},
               {"", "dev", false},        {"devil", "dev", false}, {"dev", "dev/pts", false}};
  for (const auto& c : cases)
    cr_expect(plan::is_beneath(c.path, c.directory) == c.want, "%s in %s", c.path, c.directory);
}
