// Image configs and options in, config.json out, compared as text with tests/data/bundle/NAME.golden.
// UPDATE=1 in the environment accepts what is made now.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "imagetool/bundle/config.h"
#include "imagetool/bundle/options.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace {

const Machine kMachine = {.caller = {},
                          .cwd = "/home/me",
                          .program = "/usr/bin/imagetool",
                          .environment = {"HOME=/home/me", "SECRET=host", "LANG=C.UTF-8"},
                          .processor = {.architecture = "amd64", .kernel_major = 6, .kernel_minor = 1}};

Facts facts() {
  return {.image_name = "example:1.0",
          .hostname = "web",
          .identity = {},
          .bundle = "/b/web",
          .lower_dirs = {"/store/layers/2", "/store/layers/1"},
          .volumes = {},
          .files = {{.destination = "/etc/hosts", .source = "/b/web/etc/hosts"}},
          .remove_command = {}};
}

// Every image config has a "rootfs", which says nothing here.
oci::ImageConfig parse(std::string text) {
  text.insert(text.find('{') + 1, R"("rootfs": {"type": "layers", "diff_ids": []}, )");
  return oci::parse_image_config(text).take();
}

struct Case {
  const char* name;
  const char* image;
  BundleOptions options;
  std::vector<std::string> arguments = {};
  Facts given = facts();
  Machine machine = kMachine;
};

const char* const kPlain = R"({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/hello"]}})";

std::vector<Case> cases() {
  std::vector<Case> list;
  list.push_back({.name = "defaults", .image = kPlain, .options = {}});
  BundleOptions short_form;
  short_form.security = {"seccomp=unconfined"};
  list.push_back({.name = "full-image",
                  .image = R"({"os": "linux", "architecture": "arm64", "variant": "v8", "author": "A <a@b>",
                    "created": "2024-01-02T03:04:05Z", "config": {
                      "Entrypoint": ["/entry", "-x"], "Cmd": ["serve", "--all"], "WorkingDir": "srv//app/../www/",
                      "Env": ["PATH=/opt/bin", "A=1", "EMPTY=", "A=2", "TWO=a=b"], "StopSignal": "SIGINT",
                      "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
                      "Labels": {"maintainer": "me", "org.opencontainers.image.author": "label wins"}}})",
                  .options = short_form,
                  .given = [] {
                    Facts f = facts();
                    f.identity = {.uid = 1000, .gid = 1001, .groups = {10, 20}, .home = "/srv/web"};
                    f.volumes = {{.destination = "/data", .source = "/b/web/volumes/0"},
                                 {.destination = "/var/lib/db/x", .source = "/b/web/volumes/1"}};
                    f.remove_command = {"/usr/bin/imagetool", "unbundle", "--hook", "/b/web"};
                    return f;
                  }()});
  BundleOptions all = short_form;
  all.tty = all.read_only = all.no_new_privileges = true;
  all.entrypoint = {"/bin/sh"};
  all.env = {"NEW=1", "HOME=/h", "PATH", "LANG", "A=9"};
  all.workdir = "/w";
  all.hostname = "named";
  all.network = Network::host;
  all.memory = "64m";
  all.memory_swap = "-1";
  all.cpus = "1.5";
  all.cpuset_cpus = "0-1";
  all.cpu_shares = 512;
  all.pids_limit = 100;
  all.shm_size = "1m";
  all.cap_add = {"net_admin"};
  all.cap_drop = {"CAP_MKNOD", "chown"};
  all.volumes = {"/etc:/mnt/etc:ro"};
  all.mounts = {"type=tmpfs,dst=/run,tmpfs-size=1m,tmpfs-mode=700"};
  all.tmpfs = {"/tmp:size=2m"};
  all.annotations = {"a=b"};
  all.labels = {"l=m"};
  all.ulimits = {"nofile=10:20", "core=0", "nofile=1024:unlimited"};
  all.devices = {"/dev/null:/dev/none:r"};
  list.push_back({.name = "all-options",
                  .image = R"({"os": "linux", "architecture": "amd64", "config": {
                    "Entrypoint": ["/entry"], "Cmd": ["dropped"], "Env": ["A=1", "B=2"]}})",
                  .options = all,
                  .arguments = {"-c", "exit 3"}});
  Machine ordinary = kMachine;
  ordinary.caller = rootless::find(1000, 1000, "", "", "");
  list.push_back({.name = "rootless", .image = kPlain, .options = short_form, .machine = ordinary});
  Machine ranged = kMachine;
  ranged.caller = rootless::find(1000, 1000, "me", "me:100000:65536", "me:200000:65536");
  Facts another = facts();
  another.identity = {.uid = 1000, .gid = 1001, .groups = {10, 70000}, .home = "/srv/web"};
  list.push_back({.name = "rootless-range",
                  .image = kPlain,
                  .options = short_form,
                  .given = another,
                  .machine = ranged});
  Facts plain_tree = facts();
  plain_tree.lower_dirs.clear();
  list.push_back({.name = "plain-tree", .image = kPlain, .options = short_form, .given = plain_tree});
  list.push_back({.name = "hostile-image",
                  .image = R"({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/x"],
                    "Env": ["SECRET", "=x", "HOME=/evil", "LD_PRELOAD=/evil.so", "MULTI=a\nb"], "WorkingDir": "../../..",
                    "Labels": {"org.systemd.property.ExecStartPre": "/bin/evil", "run.oci.hooks.stderr": "/etc/passwd",
                      "org.criu.config": "/x", "io.kubernetes.cri.container-type": "sandbox", "cdi.k8s.io/gpu": "all",
                      "io.containerd.image.restart": "x", "org.opencontainers.image.ref.name": "not-what-you-asked-for",
                      "": "nameless", "fine": "yes"}}})",
                  .options = short_form});
  return list;
}

// A device is as it is on this machine, which is not the same on all: a golden cannot hold its owner and mode.
void pin_devices(const std::vector<std::string>& typed, std::vector<oci::Device>& devices) {
  cr_assert_eq(typed.size(), devices.size());
  for (size_t i = 0; i < typed.size(); ++i) {
    const std::string node = typed[i].substr(0, typed[i].find(':'));
    const struct stat st = sys::fstatat(Fd::cwd(), node.c_str(), 0).take();
    cr_expect(devices[i].uid == st.st_uid && devices[i].gid == st.st_gid &&
                  devices[i].file_mode == (st.st_mode & 07777),
              "%s", node.c_str());
    devices[i].uid = devices[i].gid = 0;
    devices[i].file_mode = 0666;
  }
}

std::string make(const Case& c) {
  const oci::ImageConfig image = parse(c.image);
  Result<Wishes> wishes = options::understand(c.options, c.machine);
  if (!wishes.ok()) return "error: " + wishes.error().message;
  pin_devices(c.options.devices, wishes.value().devices);
  Result<MadeConfig> made = bundle_config::make(image, wishes.value(), c.arguments, c.machine, c.given);
  if (!made.ok()) return "error: " + made.error().message;
  std::string text = oci::encode(made.value().config);
  const Result<oci::Config> again = oci::parse_config(text);
  cr_expect(again.ok(), "%s: %s", c.name, again.ok() ? "" : again.error().message.c_str());
  if (!text.ends_with('\n')) text += '\n';
  for (const std::string& warning : made.value().warnings) text += "warning: " + warning + "\n";
  return text;
}

const char* const kData = "tests/data/bundle/";

}  // namespace

Test(bundle_config, goldens) {
  const UniqueFd data = sys::open(kData, O_RDONLY | O_DIRECTORY).take();
  for (const Case& c : cases()) {
    const std::string got = make(c);
    const std::string file = str::cat(kData, c.name, ".golden");
    if (::getenv("UPDATE"))
      cr_assert(files::replace(data, str::cat(c.name, ".golden").c_str(), got, 0644).ok());
    const Result<std::string> want = files::read(Fd::cwd(), file.c_str(), 1 << 20);
    cr_expect(want.ok() && want.value() == got, "%s differs; UPDATE=1 accepts this:\n%s", file.c_str(),
              got.c_str());
  }
}

Test(bundle_config, errors) {
  const char* const no_command = R"({"os": "linux", "architecture": "amd64", "config": {}})";
  const char* const empty_name = R"({"os": "linux", "architecture": "amd64", "config": {"Cmd": [""]}})";
  BundleOptions no_entrypoint;
  no_entrypoint.entrypoint = {""};
  Machine ordinary = kMachine;
  ordinary.caller = rootless::find(1000, 1000, "me", "", "");
  Facts other = facts();
  other.identity.uid = 70;
  const struct {
    Case in;
    const char* want;
  } rows[] = {
      {{.name = "", .image = no_command, .options = {}},
       "error: image 'example:1.0' names no command: say what to run behind it, as in -- /bin/sh"},
      {{.name = "", .image = kPlain, .options = no_entrypoint},
       "error: image 'example:1.0' names no command: say what to run behind it, as in -- /bin/sh"},
      {{.name = "", .image = empty_name, .options = {}},
       "error: image 'example:1.0': the command to run is an empty name"},
      {{.name = "", .image = kPlain, .options = {}, .given = other, .machine = ordinary},
       "error: image 'example:1.0': user 70:0 is not among the ids that you may have in a container: add "
       "--user 0; root can give this user more ids with `apt install uidmap` and `usermod --add-subuids "
       "100000-165535 --add-subgids 100000-165535 me`"},
  };
  for (const auto& row : rows) {
    const std::string got = make(row.in);
    cr_expect_str_eq(got.c_str(), row.want);
  }
}

Test(bundle_config, volumes) {
  const oci::ImageConfig image = parse(R"({"os": "linux", "architecture": "amd64", "config": {
    "Volumes": {"/data/": {}, "relative": {}, "/proc": {}, "/a/../sys/fs": {}, "/": {}, "/dev/shm": {}, "/dev2": {},
                "/data/../data": {}, "/mine": {}}}})");
  BundleOptions typed;
  typed.volumes = {"/etc:/mine", "/more"};
  const Wishes wishes = options::understand(typed, kMachine).take();
  std::vector<std::string> warnings;
  std::vector<std::string> got = bundle_config::volumes(image, wishes, warnings);
  const std::string joined = str::join(got, " ");
  cr_expect_str_eq(joined.c_str(), "/data /relative /dev2 /more");
  cr_expect_eq(warnings.size(), 4u);
}

Test(bundle_config, hostname) {
  const std::string long_name(80, 'x');
  const struct {
    const char* in;
    std::string want;
  } rows[] = {{"web", "web"},
              {"my_web!", "my-web"},
              {"-a-", "a"},
              {"..", "container"},
              {"", "container"},
              {"a.b", "a.b"},
              {"\xc3\xa4", "container"},
              {"x y", "x-y"},
              {long_name.c_str(), std::string(63, 'x')}};
  for (const auto& row : rows) {
    const std::string got = bundle_config::hostname(row.in);
    cr_expect_str_eq(got.c_str(), row.want.c_str(), "%s", row.in);
  }
}

Test(bundle_config, overlay_quoted) {
  const std::string got = bundle_config::overlay_quoted("/a:b,c\\d e");
  cr_expect_str_eq(got.c_str(), "/a\\:b\\,c\\\\d e");
}
