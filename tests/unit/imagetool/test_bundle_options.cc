#include <criterion/criterion.h>

#include "imagetool/bundle/options.h"
#include "spec/base/text.h"

namespace {

const Machine kMachine = {.cwd = "/usr",
                          .environment = {"LANG=C", "EMPTY="},
                          .processor = {.architecture = "amd64", .kernel_major = 6}};

// What a set of options comes to, as far as it is about mounts.
std::string mounts(const BundleOptions& typed) {
  const Result<Wishes> r = options::understand(typed, kMachine);
  if (!r.ok()) return "error: " + r.error().message;
  std::string text;
  for (const oci::Mount& m : r.value().mounts)
    text += str::cat(m.type.value_or(""), " ", m.source.value_or(""), " ", m.destination, " ",
                     str::join(m.options, ","), ";");
  for (const std::string& volume : r.value().volumes) text += str::cat("own ", volume, ";");
  return text;
}

std::string error_of(const BundleOptions& typed) {
  const Result<Wishes> r = options::understand(typed, kMachine);
  return r.ok() ? "no error" : r.error().message;
}

template <class Member>
BundleOptions with(Member BundleOptions::*member, const Member& value) {
  BundleOptions typed;
  typed.*member = value;
  return typed;
}

}  // namespace

Test(bundle_options, volumes) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"/etc:/x", "bind /etc /x rbind,rprivate;"},
      {"./bin:/x:ro", "bind /usr/bin /x rbind,rprivate,ro;"},
      {"../etc:/x/../y:rw,rslave", "bind /etc /y rbind,rslave;"},
      {"/data", "own /data;"},
      {"name:/x",
       "error: --volume: 'name:/x': named volumes are kept by container engines: for a directory write "
       "'./name'"},
      {"/no/such:/x",
       "error: --volume: '/no/such:/x': mount source '/no/such' does not exist: make it first"},
      {"/etc:x", "error: --volume: '/etc:x': the path inside the container must be absolute"},
      {"/etc:/", "error: --volume: '/etc:/': nothing can be mounted over the container's '/'"},
      {"/etc:/a/..", "error: --volume: '/etc:/a/..': nothing can be mounted over the container's '/'"},
      {"/etc:/x:z",
       "error: --volume: '/etc:/x:z': unknown option 'z'; there are ro, rw and the kinds of propagation"},
      {"/etc:/x:ro:y",
       "error: --volume: '/etc:/x:ro:y': write SOURCE:DESTINATION[:ro], or DESTINATION alone"},
      {":/x", "error: --volume: ':/x': the source is missing"},
      {"", "error: --volume: '': write SOURCE:DESTINATION[:ro], or DESTINATION alone"},
  };
  for (const auto& c : cases) {
    const std::string got = mounts(with(&BundleOptions::volumes, {c.in}));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
}

Test(bundle_options, mounts) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"type=bind,src=/etc,dst=/x,ro", "bind /etc /x rbind,rprivate,ro;"},
      {"type=bind,source=/etc,target=/x,readonly=false,bind-propagation=shared",
       "bind /etc /x rbind,shared;"},
      {"type=tmpfs,destination=/x", "tmpfs tmpfs /x nosuid,nodev,noexec;"},
      {"type=tmpfs,dst=/x,tmpfs-size=1k,tmpfs-mode=1777",
       "tmpfs tmpfs /x nosuid,nodev,noexec,size=1024,mode=1777;"},
      {"dst=/x", "own /x;"},
      {"type=volume,dst=/x", "own /x;"},
      {"type=volume,src=v,dst=/x",
       "error: --mount: 'type=volume,src=v,dst=/x': volumes with a name are kept by container engines: use "
       "type=bind with a directory"},
      {"type=bind,dst=/x", "error: --mount: 'type=bind,dst=/x': the source is missing"},
      {"type=bind,src=/etc",
       "error: --mount: 'type=bind,src=/etc': the target is missing: add ',target=/PATH'"},
      {"type=nfs,src=/etc,dst=/x",
       "error: --mount: 'type=nfs,src=/etc,dst=/x': unknown type 'nfs'; there are bind, tmpfs and volume"},
      {"type=bind,src=,dst=/x", "error: --mount: 'type=bind,src=,dst=/x': 'src' needs a value"},
      {"type=tmpfs,dst=/x,tmpfs-mode=9",
       "error: --mount: 'type=tmpfs,dst=/x,tmpfs-mode=9': '9' is not an octal mode"},
      {"type=bind,src=/etc,dst=/x,colour=red",
       "error: --mount: 'type=bind,src=/etc,dst=/x,colour=red': unknown key 'colour'; there are type, "
       "source, target, "
       "readonly, bind-propagation, tmpfs-size and tmpfs-mode"},
  };
  for (const auto& c : cases) {
    const std::string got = mounts(with(&BundleOptions::mounts, {c.in}));
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
}

Test(bundle_options, last_of_a_destination_wins) {
  BundleOptions typed;
  typed.volumes = {"/etc:/x", "/usr:/x/", "/y"};
  typed.tmpfs = {"/y", "/z:size=1m"};
  const std::string got = mounts(typed);
  cr_expect_str_eq(got.c_str(),
                   "bind /usr /x rbind,rprivate;tmpfs tmpfs /y nosuid,nodev,noexec;"
                   "tmpfs tmpfs /z nosuid,nodev,noexec,size=1m;");
}

Test(bundle_options, environment) {
  const Wishes wishes =
      options::understand(with(&BundleOptions::env, {"A=1", "LANG", "NOT_SET", "EMPTY", "A=2=3"}), kMachine)
          .take();
  cr_expect(wishes.env.at("A") == "2=3");
  cr_expect(wishes.env.at("LANG") == "C");
  cr_expect(wishes.env.at("EMPTY") == "");
  cr_expect_not(wishes.env.at("NOT_SET").has_value());
}

Test(bundle_options, capabilities) {
  const struct {
    std::vector<std::string> add, drop;
    size_t count;
    const char* has;
    const char* lacks;
  } cases[] = {
      {{}, {}, 14, "CAP_CHOWN", "CAP_SYS_ADMIN"},
      {{"sys_admin"}, {}, 15, "CAP_SYS_ADMIN", ""},
      {{"CAP_SYS_ADMIN", "SYS_ADMIN"}, {}, 15, "CAP_SYS_ADMIN", ""},
      {{}, {"ALL"}, 0, "", "CAP_CHOWN"},
      {{"kill"}, {"all"}, 1, "CAP_KILL", "CAP_CHOWN"},
      {{"all"}, {}, 41, "CAP_CHECKPOINT_RESTORE", ""},
      {{"ALL"}, {"sys_admin"}, 40, "CAP_CHOWN", "CAP_SYS_ADMIN"},
      {{}, {"chown"}, 13, "CAP_KILL", "CAP_CHOWN"},
  };
  for (const auto& c : cases) {
    BundleOptions typed;
    typed.cap_add = c.add;
    typed.cap_drop = c.drop;
    const std::vector<std::string> got = options::understand(typed, kMachine).take().capabilities;
    const std::string joined = " " + str::join(got, " ") + " ";
    cr_expect_eq(got.size(), c.count, "%s", joined.c_str());
    if (*c.has) cr_expect(joined.find(str::cat(" ", c.has, " ")) != std::string::npos, "%s", c.has);
    if (*c.lacks) cr_expect(joined.find(str::cat(" ", c.lacks, " ")) == std::string::npos, "%s", c.lacks);
  }
}

Test(bundle_options, cpus) {
  const struct {
    const char* in;
    int64_t quota;
  } cases[] = {{"1", 100000},  {"0.5", 50000},      {".5", 50000},
               {"2.", 200000}, {"1.50000", 150000}, {"0.01", 1000}};
  for (const auto& c : cases) {
    const Wishes wishes =
        options::understand(with(&BundleOptions::cpus, std::optional<std::string>(c.in)), kMachine).take();
    cr_expect_eq(wishes.resources.cpu->quota.value_or(0), c.quota, "%s", c.in);
    cr_expect_eq(wishes.resources.cpu->period.value_or(0), 100000u);
  }
}

Test(bundle_options, mistakes) {
  using Text = std::optional<std::string>;
  using List = std::vector<std::string>;
  BundleOptions swap_below = with(&BundleOptions::memory, Text("2m"));
  swap_below.memory_swap = "1m";
  const struct {
    BundleOptions in;
    const char* want;
  } cases[] = {
      {with(&BundleOptions::env, List{"=x"}), "--env '=x': the name is missing: write NAME=VALUE"},
      {with(&BundleOptions::memory, Text("lots")),
       "--memory 'lots': not a size: write bytes, or a number with k, m or g behind it"},
      {with(&BundleOptions::memory, Text("0")),
       "--memory '0': not a size: write bytes, or a number with k, m or g behind it"},
      {with(&BundleOptions::memory_swap, Text("1m")),
       "--memory-swap '1m': needs --memory, of which it is the sum with swap"},
      {swap_below, "--memory-swap '1m': less than --memory, which it includes"},
      {with(&BundleOptions::cpus, Text("many")), "--cpus 'many': not a number of CPUs, as 2 or 0.5"},
      {with(&BundleOptions::cpus, Text("1.x")), "--cpus '1.x': not a number of CPUs, as 2 or 0.5"},
      {with(&BundleOptions::cpus, Text(".")), "--cpus '.': not a number of CPUs, as 2 or 0.5"},
      {with(&BundleOptions::cpus, Text("-1")), "--cpus '-1': not a number of CPUs, as 2 or 0.5"},
      {with(&BundleOptions::cpus, Text("0")),
       "--cpus '0': less than 0.01 CPU is more than the kernel can divide"},
      {with(&BundleOptions::pids_limit, std::optional<int64_t>(0)),
       "--pids-limit '0': write a positive number, or -1 for no limit"},
      {with(&BundleOptions::cap_add, List{"sys_admim"}),
       "--cap-add 'sys_admim': no such capability; did you mean 'CAP_SYS_ADMIN'?"},
      {with(&BundleOptions::ulimits, List{"nofile"}), "--ulimit 'nofile': write NAME=SOFT[:HARD]"},
      {with(&BundleOptions::ulimits, List{"nofile=9:8"}),
       "--ulimit 'nofile=9:8': the soft limit is above the hard one"},
      {with(&BundleOptions::ulimits, List{"nofile=x"}),
       "--ulimit 'nofile=x': 'x' is neither a number nor 'unlimited'"},
      {with(&BundleOptions::devices, List{"/etc"}), "--device '/etc': '/etc' is not a device"},
      {with(&BundleOptions::devices, List{"/dev/nothing"}),
       "--device '/dev/nothing': '/dev/nothing' does not exist"},
      {with(&BundleOptions::devices, List{"/dev/null:rx"}),
       "--device '/dev/null:rx': 'rx' is not made of r, w and m"},
      {with(&BundleOptions::security, List{"label=x"}),
       "--security-opt 'label=x': there are seccomp=unconfined, seccomp=FILE and no-new-privileges"},
      {with(&BundleOptions::workdir, Text("srv")), "--workdir 'srv': the path must be absolute"},
      {with(&BundleOptions::hostname, Text("a b")),
       "--hostname 'a b': a host name has 1 to 63 letters, digits, '-', '_' and '.', and no '-' at either "
       "end"},
      {with(&BundleOptions::annotations, List{"=x"}),
       "--annotation '=x': the name is missing: write NAME=VALUE"},
  };
  for (const auto& c : cases) {
    const std::string got = error_of(c.in);
    cr_expect_str_eq(got.c_str(), c.want);
  }
}

Test(bundle_options, clean) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {{"/", "/"},        {"//a//b/", "/a/b"}, {"/a/./b/..", "/a"}, {"/../../x", "/x"},
               {"relative", "-"}, {"", "-"},           {"/...", "/..."}};
  for (const auto& c : cases) {
    const std::string got = options::clean(c.in).value_or("-");
    cr_expect_str_eq(got.c_str(), c.want, "%s", c.in);
  }
}
