// Any bytes as an image config, and the config.json that a bundle gets for it: what an image says is data in there.  It is
// a configuration that a runtime accepts, whatever the image says; it names no place of the host, hides nothing of the kernel's,
// commands no runtime, and has the namespaces, masks and capabilities that it has for every image.
#include <algorithm>

#include "imagetool/bundle/config.h"
#include "spec/image.h"
#include "tests/fuzz/support/json_mutator.h"
#include "tests/fuzz/support/round_trip.h"

namespace {

using fuzz::must;

Machine machine(bool root) {
  Machine machine{.cwd = "/home/me",
                  .program = "/usr/bin/imagetool",
                  .environment = {"HOME=/home/me", "SECRET=host"},
                  .processor = {.architecture = "amd64", .kernel_major = 6, .kernel_minor = 1}};
  if (!root) {
    machine.caller.uid = machine.caller.gid = 1000;
    machine.caller.uids = machine.caller.gids = {{0, 1000, 1}, {1, 100000, 65536}};
  }
  return machine;
}

Facts make_facts(const users::Identity& identity, const std::vector<std::string>& volumes) {
  Facts facts{.image_name = "example:1.0",
              .hostname = "web",
              .identity = identity,
              .bundle = "/b/web",
              .lower_dirs = {"/store/layers/2", "/store/layers/1"}};
  for (const std::string& volume : volumes)
    facts.volumes.push_back(
        {.destination = volume, .source = str::cat("/b/web/volumes/", facts.volumes.size())});
  return facts;
}

void check_sentences(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) fuzz::must_be_sentence(Error(Kind::invalid, warning));
}

void check_volumes(const std::vector<std::string>& volumes) {
  for (const std::string& volume : volumes) {
    must(options::clean(volume) == volume && volume != "/", "a volume has a clean path", volume);
    for (const std::string_view kernel : {"/proc", "/sys", "/dev"})
      must(volume != kernel && !volume.starts_with(str::cat(kernel, "/")),
           "a volume hides nothing of the kernel's", volume);
  }
}

// `usual`: what the same machine makes for an image that says nothing but its command.
void check_config(const oci::Config& config, const oci::Config& usual, const Facts& facts) {
  must(config.linux_ == usual.linux_ && config.root == usual.root,
       "an image chooses nothing of the kernel's");
  must(config.process->capabilities->bounding == usual.process->capabilities->bounding, "nor capabilities");
  must(!config.hooks && config.hostname == usual.hostname, "nor hooks, nor a name");
  must(config.mounts.size() == usual.mounts.size() + facts.volumes.size(), "its mounts are its volumes");
  for (const oci::Mount& mount : config.mounts)
    must(mount.type != "bind" || mount.source->starts_with("/b/web/volumes/") || mount.source == "/sys",
         "what is bound is of the bundle", mount.source.value_or(""));
  for (const char* command :
       {"run.oci.handler", "org.systemd.property.X", "io.kubernetes.x", "module.wasm.image"})
    must(!config.annotations.contains(command), "no label commands a runtime", command);
  for (const std::string& variable : config.process->env)
    must(variable != "SECRET=host", "no variable is looked up in our environment");
}

void check_bundle(const oci::ImageConfig& image, const Machine& machine) {
  const users::Files files{.passwd = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n",
                           .group = "root:x:0:\nadm:x:4:web\n"};
  const auto identity = users::resolve(image.config.user.value_or(""), files);
  if (!identity.ok()) return fuzz::must_be_sentence(identity.error());
  std::vector<std::string> warnings;
  const std::vector<std::string> volumes = bundle_config::volumes(image, {}, warnings);
  check_sentences(warnings);
  check_volumes(volumes);
  const Facts facts = make_facts(identity.value(), volumes);
  const auto made = bundle_config::make(image, {}, {}, machine, facts);
  if (!made.ok()) return fuzz::must_be_sentence(made.error());
  check_sentences(made.value().warnings);
  const auto usual = bundle_config::make({}, {}, {"/bin/true"}, machine, make_facts(identity.value(), {}));
  must(usual.ok(), "an image that says nothing has a config");
  check_config(made.value().config, usual.value().config, facts);
  fuzz::round_trip(Result<oci::Config>(made.value().config), oci::parse_config);
}

}  // namespace

FUZZ_JSON_BEHIND(0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = oci::parse_image_config(fuzz::text(data, size));
  fuzz::round_trip(config, oci::parse_image_config);
  if (!config.ok()) return 0;
  for (const oci::Digest& diff_id : config.value().diff_ids)
    must(oci::Digest::parse(diff_id.text()).ok(), "a diff_id is well-formed");
  for (const bool root : {true, false}) check_bundle(config.value(), machine(root));
  return 0;
}
