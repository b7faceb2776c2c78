#include <criterion/criterion.h>

#include "spec/image.h"
#include "tests/unit/support/expect.h"

namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

oci::Digest parsed_digest(char c) { return oci::Digest::parse(digest(c)).take(); }

// '{' and '}' around members with 'single' quotes for double ones, and @a for a digest of a's.
std::string json_of(std::string_view members) {
  std::string out = "{";
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i] == '@')
      out += digest(members[++i]);
    else
      out += members[i] == '\'' ? '"' : members[i];
  }
  return out + "}";
}

template <class T>
std::string show(const Result<T>& result) {
  return result.ok() ? oci::encode(result.value()) : result.error().message;
}

std::string manifest(std::string_view members, std::string_view announced = {}) {
  return show(oci::parse_manifest(json_of(members), announced));
}

std::string index(std::string_view members, std::string_view announced = {}) {
  return show(oci::parse_index(json_of(members), announced));
}

std::string config(std::string_view members) { return show(oci::parse_image_config(json_of(members))); }

constexpr std::string_view kConfig =
    "'config':{'mediaType':'application/vnd.oci.image.config.v1+json','digest':'@c','size':2}";

}  // namespace

Test(image, reads_manifests) {
  oci::Manifest full;
  full.media_type = oci::media::kManifest;
  full.artifact_type = "application/x.artifact";
  full.config = {.media_type = std::string(oci::media::kConfig), .digest = parsed_digest('c'), .size = 2};
  full.layers = {{.media_type = std::string(oci::media::kLayer) + "+zstd",
                  .digest = parsed_digest('a'),
                  .size = INT64_MAX,
                  .platform = oci::Platform{.os = "linux",
                                            .architecture = "arm64",
                                            .variant = "v8",
                                            .os_version = "1",
                                            .os_features = {"x"}},
                  .annotations = {{"k", "v"}},
                  .urls = {"https://example.org/x"},
                  .artifact_type = "application/x"}};
  full.subject = full.config;
  full.annotations = {{"org.opencontainers.image.title", "t"}};
  const std::string text = oci::encode(full);
  const Result<oci::Manifest> again = oci::parse_manifest(text, oci::media::kManifest);
  cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
  cr_expect(again.value() == full);
  expect_text(
      text,
      json_of("'schemaVersion':2,'mediaType':'application/vnd.oci.image.manifest.v1+json',"
              "'artifactType':'application/x.artifact',"
              "'config':{'mediaType':'application/vnd.oci.image.config.v1+json','digest':'@c','size':2},"
              "'layers':[{'mediaType':'application/vnd.oci.image.layer.v1.tar+zstd','digest':'@a',"
              "'size':9223372036854775807,'urls':['https://example.org/x'],'annotations':{'k':'v'},"
              "'platform':{'architecture':'arm64','os':'linux','os.version':'1','os.features':['x'],"
              "'variant':'v8'},'artifactType':'application/x'}],"
              "'subject':{'mediaType':'application/vnd.oci.image.config.v1+json','digest':'@c','size':2},"
              "'annotations':{'org.opencontainers.image.title':'t'}"));
}

Test(image, reads_indexes) {
  const oci::Index full{.media_type = std::string(oci::media::kIndex),
                        .manifests = {{.media_type = std::string(oci::media::kManifest),
                                       .digest = parsed_digest('1'),
                                       .size = 3}},
                        .annotations = {{"a", "b"}},
                        .artifact_type = "application/x",
                        .subject = oci::Descriptor{.media_type = "a/b", .digest = parsed_digest('2')}};
  const Result<oci::Index> again = oci::parse_index(oci::encode(full), "");
  cr_assert(again.ok(), "%s", again.ok() ? "" : again.error().message.c_str());
  cr_expect(again.value() == full);
  expect_text(index("'schemaVersion':2,'manifests':[]"), json_of("'schemaVersion':2,'manifests':[]"));
}

Test(image, refuses_documents_that_could_be_two_things) {
  const std::string both = str::cat("'schemaVersion':2,'manifests':[],'layers':[],", kConfig);
  const std::string neither =
      ":1:1: holds both 'manifests' and 'layers' or 'config', so it is neither an index nor a manifest";
  expect_text(index(both), "image index" + neither);
  expect_text(manifest(both), "image manifest" + neither);
  expect_text(index(str::cat("'schemaVersion':2,'manifests':[],", kConfig)), "image index" + neither);
  const std::string good = str::cat("'schemaVersion':2,'layers':[],", kConfig);
  expect_text(manifest(good, "application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"),
              json_of(str::cat("'schemaVersion':2,", kConfig, ",'layers':[]")));
  expect_text(manifest(good, oci::media::kIndex),
              "image manifest:1:1: mediaType: 'application/vnd.oci.image.index.v1+json' is not that of an "
              "image manifest");
  expect_text(manifest(str::cat("'mediaType':'application/vnd.oci.image.manifest.v1+json',", good),
                       oci::media::kDockerManifest),
              "image manifest:1:1: mediaType: 'application/vnd.oci.image.manifest.v1+json' differs from "
              "'application/vnd.docker.distribution.manifest.v2+json', as which it was announced");
  expect_text(manifest(str::cat("'mediaType':'application/vnd.oci.image.index.v1+json',", good)),
              "image manifest:1:1: mediaType: 'application/vnd.oci.image.index.v1+json' is not that of an "
              "image manifest");
  expect_text(
      index("'mediaType':'application/vnd.oci.image.manifest.v1+json','schemaVersion':2,'manifests':[]"),
      "image index:1:1: mediaType: 'application/vnd.oci.image.manifest.v1+json' is not that of an image "
      "index");
  cr_expect(oci::parse_manifest(json_of("'schemaVersion':1,'fsLayers':[]"), "").error().kind ==
            Kind::unsupported);
}

Test(image, refuses_bad_descriptors) {
  const struct {
    const char *layer, *want;
  } cases[] = {
      {"'mediaType':'a/b','digest':'@a','size':-1",
       "layers[0].size: -1 is out of range 0..18446744073709551615"},
      {"'mediaType':'a/b','digest':'@a','size':1.5",
       "layers[0].size: expected an integer, got the number 1.5"},
      {"'mediaType':'a/b','digest':'@a','size':9223372036854775808",
       "layers[0].size: 9223372036854775808 is out of range 0..9223372036854775807"},
      {"'mediaType':'a/b','digest':'@a','size':'1'",
       "layers[0].size: expected an integer, got the string '1'"},
      {"'mediaType':'a/b','digest':'sha256:../../x','size':1",
       "layers[0].digest: digest 'sha256:../../x': needs 64 lower-case hexadecimal digits"},
      {"'mediaType':'a/b','size':1", "layers[0].digest: required, but missing"},
      {"'mediaType':'ab','digest':'@a','size':1", "layers[0].mediaType: 'ab' is not a media type"},
      {"'mediaType':'a/','digest':'@a','size':1", "layers[0].mediaType: 'a/' is not a media type"},
      {"'mediaType':'a/b c','digest':'@a','size':1", "layers[0].mediaType: 'a/b c' is not a media type"},
      {"'mediaType':'a/b','digest':'@a','size':1,'platform':{'os':'linux'}",
       "layers[0].platform.architecture: required, but missing"},
      {"'mediaType':'a/b','digest':'@a','size':1,'annotations':{'a':1}",
       "layers[0].annotations.a: expected a string, got the number 1"},
  };
  for (const auto& c : cases) {
    const std::string is = manifest(str::cat("'schemaVersion':2,", kConfig, ",'layers':[{", c.layer, "}]"));
    cr_expect(is.ends_with(str::cat(": ", c.want)), "%s\n%s", c.layer, is.c_str());
  }
  expect_text(manifest("'schemaVersion':3,'layers':{}"),
              "image manifest:1:18: schemaVersion: 3 must be 2\n"
              "image manifest:1:29: layers: expected an array, got an object\n"
              "image manifest:1:1: config: required, but missing");
}

// As Docker writes it: properties of its own, and null for what is empty.
Test(image, reads_dockers_configs) {
  const Result<oci::ImageConfig> parsed = oci::parse_image_config(
      json_of("'architecture':'amd64','config':{'Hostname':'','Domainname':'','User':'','AttachStdin':false,'"
              "Tty':false,"
              "'ExposedPorts':{'80/tcp':{},'53/udp':null},'Env':['PATH=/bin','A=b=c'],'Cmd':['/"
              "hello'],'ArgsEscaped':true,"
              "'Image':'x','Volumes':null,'WorkingDir':'/','Entrypoint':null,'OnBuild':null,'Labels':null,"
              "'Healthcheck':{'Test':['CMD']}},'container':'y','container_config':{'Env':7},"
              "'created':'2023-05-04T17:37:03.872958712Z','docker_version':'20.10.23',"
              "'history':[{'created_by':'x','empty_layer':true}],'os':'linux','rootfs':{'type':'layers','"
              "diff_ids':['@a','@b']}"));
  cr_assert(parsed.ok(), "%s", parsed.ok() ? "" : parsed.error().message.c_str());
  const oci::ImageConfig& c = parsed.value();
  cr_expect(c.os == "linux" && c.architecture == "amd64" && !c.variant && !c.author);
  cr_expect(c.created == "2023-05-04T17:37:03.872958712Z");
  cr_expect(c.config.cmd == std::vector<std::string>{"/hello"});
  cr_expect(!c.config.entrypoint && c.config.volumes.empty() && c.config.labels.empty());
  cr_expect((c.config.env == std::vector<std::string>{"PATH=/bin", "A=b=c"}));
  cr_expect((c.config.exposed_ports == std::vector<std::string>{"80/tcp", "53/udp"}));
  cr_expect(c.config.user == "" && c.config.working_dir == "/");
  cr_expect((c.diff_ids == std::vector<oci::Digest>{parsed_digest('a'), parsed_digest('b')}));
  cr_expect(oci::parse_image_config(oci::encode(c)).value() == c);
}

Test(image, keeps_an_empty_entrypoint_apart_from_none) {
  const std::string rest =
      "'architecture':'amd64','os':'linux','rootfs':{'type':'layers','diff_ids':[]},'config':";
  const Result<oci::ImageConfig> some =
      oci::parse_image_config(json_of(rest + "{'Entrypoint':[],'StopSignal':'SIGUSR1'}"));
  cr_assert(some.ok());
  cr_expect(some.value().config.entrypoint == std::vector<std::string>{});
  cr_expect(some.value().config.stop_signal == "SIGUSR1");
  const Result<oci::ImageConfig> none = oci::parse_image_config(json_of(rest + "null"));
  cr_assert(none.ok());
  cr_expect(none.value().config == oci::ImageProcess());
}

Test(image, refuses_bad_configs) {
  expect_text(config("'os':'linux','rootfs':{'type':'squash','diff_ids':['@a','x',7]},'config':{'Env':'A=b','"
                     "Volumes':[]}"),
              "image config:1:32: rootfs.type: unknown value 'squash' (there is only 'layers')\n"
              "image config:1:127: rootfs.diff_ids[1]: 'x' is not a digest such as 'sha256:…'\n"
              "image config:1:131: rootfs.diff_ids[2]: expected a string, got the number 7\n"
              "image config:1:151: config.Env: expected an array, got the string 'A=b'\n"
              "image config:1:167: config.Volumes: expected an object, got an array\n"
              "image config:1:1: architecture: required, but missing");
}

Test(image, knows_media_types) {
  using oci::Compression;
  const struct {
    const char* type;
    std::optional<Compression> want;
  } cases[] = {
      {"application/vnd.oci.image.layer.v1.tar", Compression::none},
      {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::gzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::zstd},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::gzip},
      {"application/vnd.docker.image.rootfs.diff.tar", Compression::none},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::gzip},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::zstd},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::gzip},
      {"application/vnd.oci.image.layer.v1.tar+bzip2", std::nullopt},
      {"application/vnd.oci.image.layer.v1.tarball", std::nullopt},
      {"application/vnd.in-toto+json", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& c : cases) cr_expect(oci::layer_compression(c.type) == c.want, "%s", c.type);
  cr_expect(oci::is_index(oci::media::kIndex) && oci::is_index(oci::media::kDockerIndex));
  cr_expect(oci::is_manifest(oci::media::kManifest) && oci::is_manifest(oci::media::kDockerManifest));
  cr_expect(!oci::is_index(oci::media::kManifest) && !oci::is_manifest(oci::media::kIndex) &&
            !oci::is_manifest(""));
}

Test(image, shows_platforms) {
  expect_text(oci::Platform{.os = "linux", .architecture = "arm64", .variant = "v8"}.text(),
              "linux/arm64/v8");
  expect_text(oci::Platform{.os = "linux", .architecture = "amd64"}.text(), "linux/amd64");
  expect_text(oci::Platform{.os = "linux", .architecture = "amd64", .variant = ""}.text(), "linux/amd64");
}
