#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/plan/devices.h"
#include "tests/unit/support/expect.h"

namespace {

std::string octal(mode_t mode) {
  char text[12];
  return std::string(text, std::to_chars(text, text + sizeof text, mode, 8).ptr);
}

std::string show(const plan::DeviceStep& step) {
  if (step.kind != plan::DeviceKind::node) return str::cat(step.path, " -> ", step.link);
  const char type = S_ISCHR(step.type) ? 'c' : S_ISBLK(step.type) ? 'b' : S_ISFIFO(step.type) ? 'p' : '?';
  return str::cat(step.path, " ", type, " ", ::major(step.number), ":", ::minor(step.number), " ",
                  octal(step.mode.value_or(0666)), " ", step.uid.value_or(0), ":", step.gid.value_or(0),
                  step.from_host ? " from-host" : "", step.must_exist ? " must-exist" : "");
}

std::string make(const std::vector<oci::Device>& devices, bool user_namespace,
                 const std::vector<plan::MountStep>& mounts = {}) {
  oci::Config config;
  config.linux_ = oci::Linux{};
  config.linux_->devices = devices;
  plan::MountFacts facts;
  facts.user_namespace = user_namespace;
  const auto steps = plan::make_devices(config, facts, mounts);
  if (!steps.ok()) return "error: " + steps.error().message;
  std::string text;
  for (const plan::DeviceStep& step : steps.value()) text += show(step) + "\n";
  return text;
}

oci::Device device(const char* type, const char* path, std::optional<int64_t> major,
                   std::optional<int64_t> minor, std::optional<uint32_t> mode = {},
                   std::optional<uint32_t> uid = {}) {
  return {type, path, major, minor, mode, uid, uid};
}

constexpr char kDefaults[] =
    "dev/null c 1:3 666 0:0\ndev/zero c 1:5 666 0:0\ndev/full c 1:7 666 0:0\ndev/random c 1:8 666 0:0\n"
    "dev/urandom c 1:9 666 0:0\ndev/tty c 5:0 666 0:0\n"
    "dev/fd -> /proc/self/fd\ndev/stdin -> /proc/self/fd/0\ndev/stdout -> /proc/self/fd/1\n"
    "dev/stderr -> /proc/self/fd/2\ndev/core -> /proc/kcore\ndev/ptmx -> pts/ptmx\n";

}  // namespace

Test(devices, defaults) {
  expect_text(make({}, false), kDefaults);
  const std::string inside = make({}, true);
  cr_expect(inside.starts_with("dev/null c 1:3 666 0:0 from-host\n"), "%s", inside.c_str());
}

Test(devices, listed) {
  const struct {
    oci::Device device;
    const char* want;
  } cases[] = {
      {device("c", "/dev/fuse", 10, 229, 0600, 7), "dev/fuse c 10:229 600 7:7\n"},
      {device("u", "/dev/x", 1, 2), "dev/x c 1:2 666 0:0\n"},
      {device("b", "/x//./sda", 8, 0, 0100660),
       "x/sda b 8:0 660 0:0\n"},  // with the file type, as some write it
      {device("p", "/var/fifo", {}, {}), "var/fifo p 0:0 666 0:0\n"},
  };
  for (const auto& c : cases) {
    const std::string want = std::string(c.want) + kDefaults;
    const std::string got = make({c.device}, false);
    expect_text(got, want, c.device.path);
  }
  // It takes the place of a default one.
  const std::string own = make({device("c", "/dev/tty", 5, 0, 0620)}, false);
  cr_expect(own.starts_with("dev/tty c 5:0 620 0:0\n"));
  cr_expect(own.find("dev/tty", 8) == std::string::npos);
}

Test(devices, refused) {
  const struct {
    oci::Device device;
    const char* want;
  } cases[] = {
      {device("c", "dev/a", 1, 2),
       "error: linux.devices[0].path: 'dev/a' is not an absolute path of a device"},
      {device("c", "/dev/../a", 1, 2),
       "error: linux.devices[0].path: '/dev/../a' is not an absolute path of a device"},
      {device("c", "/", 1, 2), "error: linux.devices[0].path: '/' is not an absolute path of a device"},
  };
  for (const auto& c : cases) {
    const std::string got = make({c.device}, false);
    expect_text(got, c.want);
  }
}

Test(devices, nothing_is_made_in_a_bound_dev) {
  plan::MountStep dev;
  dev.kind = plan::MountKind::bind;
  dev.target = "dev";
  expect_text(make({}, false, {dev}), "");
  expect_text(make({device("c", "/dev/kvm", 10, 232), device("c", "/x", 1, 3)}, false, {dev}),
              "dev/kvm c 10:232 666 0:0 must-exist\nx c 1:3 666 0:0\n");
  plan::MountStep tmpfs = dev;
  tmpfs.kind = plan::MountKind::filesystem;
  expect_text(make({}, false, {dev, tmpfs}), kDefaults);
}
