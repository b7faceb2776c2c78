// Any words as the options of a mount: each lands in one place, no bit is both set and cleared, the last word wins; and
// whatever the mount, a step names something beneath the root, and an error the property.
#include "runtime/plan/mount_options.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>

#include "tests/fuzz/support/input.h"

namespace {

using fuzz::must;

void check(const plan::MountAttributes& attributes) {
  const uint64_t time = MOUNT_ATTR__ATIME;
  must((attributes.set & attributes.clear & ~time) == 0, "no attribute is both set and cleared");
  const uint64_t chosen = attributes.set & time;
  must(chosen == MOUNT_ATTR_RELATIME || chosen == MOUNT_ATTR_NOATIME || chosen == MOUNT_ATTR_STRICTATIME,
       "access times are one choice of three");
  must(chosen == 0 || (attributes.clear & time) == time, "a choice of access times clears the others");
}

void check(const plan::ParsedOptions& parsed, const std::vector<std::string>& options) {
  check(parsed.own);
  check(parsed.tree);
  must((parsed.superblock & parsed.superblock_clear) == 0, "no flag is both set and cleared");
  must(!parsed.recursive || parsed.bind, "what is recursive is a bind mount");
  must(!parsed.idmap_tree || parsed.idmap, "ridmap is idmap");
  const auto known = plan::mount_options();
  for (const plan::MountData& data : parsed.data) {
    must(data.option && *data.option < options.size(), "data knows which option it was");
    must(data.value || !std::binary_search(known.begin(), known.end(), data.key), "what we know is no data",
         data.key);
    must(data.key.find('=') == std::string::npos, "a key ends at the first '='", data.key);
  }
}

// All words once more change nothing: the last word has won already.
void check_last_word(const plan::ParsedOptions& once, std::vector<std::string> options) {
  const std::vector<std::string> copy = options;
  options.insert(options.end(), copy.begin(), copy.end());
  const plan::ParsedOptions twice = plan::parse_options(options);
  must(once.own == twice.own && once.tree == twice.tree, "the last word wins, of attributes");
  must(once.superblock == twice.superblock && once.superblock_clear == twice.superblock_clear,
       "the last word wins, of flags");
  must(once.bind == twice.bind && once.recursive == twice.recursive && once.time_chosen == twice.time_chosen,
       "the last word wins");
}

void check(const plan::MountStep& step, const oci::Config& config) {
  must(step.index < config.mounts.size(), "a step knows its entry");
  must(!step.target.starts_with('/') && !step.target.ends_with('/'), "a target is relative", step.target);
  must(step.target.find("//") == std::string::npos, "a target has no empty parts", step.target);
  must(step.kind != plan::MountKind::bind || step.source.starts_with('/'), "the source of a bind is absolute",
       step.source);
  check(step.own);
  must((step.superblock & step.superblock_clear) == 0, "no flag of a step is both set and cleared");
}

void check_plan(const oci::Config& config, const plan::MountFacts& facts) {
  const auto steps = plan::make_mounts(config, facts);
  if (!steps.ok()) {
    fuzz::must_be_sentence(steps.error(), false);  // a line for each entry
    must(steps.error().message.starts_with("mounts[") || steps.error().message.starts_with("linux."),
         "an error names the property", steps.error().message);
    return;
  }
  for (const plan::MountStep& step : steps.value()) check(step, config);
}

}  // namespace

// Destination, type, source, and then the options, one a line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t host = input.byte();
  oci::Mount mount;
  mount.destination = str::cat("/", input.line());
  if (const std::string_view type = input.line(); !type.empty()) mount.type = std::string(type);
  if (const std::string_view source = input.line(); !source.empty()) mount.source = std::string(source);
  while (!input.empty() && mount.options.size() < 100) mount.options.emplace_back(input.line());

  const plan::ParsedOptions parsed = plan::parse_options(mount.options);
  check(parsed, mount.options);
  check_last_word(parsed, mount.options);

  oci::Config config;
  config.mounts = {mount, mount};
  config.linux_.emplace();
  plan::MountFacts facts{.bundle = "/bundle",
                         .user_namespace = (host & 1) != 0,
                         .own_pid = (host & 2) != 0,
                         .own_network = (host & 4) != 0,
                         .own_cgroup = (host & 8) != 0};
  if (host & 16)
    facts.cgroups = {{"/sys/fs/cgroup/cpu,cpuacct", {"cpu", "cpuacct"}, "/x"}, {"/sys/fs/cgroup", {}, "/x"}};
  if (host & 32) facts.mount_label = "system_u:object_r:container_file_t:s0";
  check_plan(config, facts);
  return 0;
}
