// The store on a real directory: what gets a name and when, names in index.json, leases, sweeping.
#include <stdlib.h>
#include <unistd.h>

#include "imagetool/registry/reference.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/gc.h"
#include "imagetool/store/image.h"
#include "imagetool/store/leases.h"
#include "spec/base/file.h"
#include "spec/base/path.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

// A directory of the test's own, removed at its end.
class Scratch {
 public:
  Scratch() { cr_assert(::mkdtemp(path_) != nullptr); }
  ~Scratch() {
    const UniqueFd tmp = sys::open("/tmp", O_RDONLY | O_DIRECTORY).take();
    (void)path::remove_tree(tmp, path_ + 5);
  }
  [[nodiscard]] std::string operator/(std::string_view name) const { return str::cat(path_, "/", name); }

 private:
  char path_[32] = "/tmp/test_store.XXXXXX";
};

oci::Descriptor describe(std::string_view text, std::string_view type = "application/octet-stream") {
  Hasher hasher("sha256");
  hasher.update(text);
  oci::Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = hasher.finish().take();
  descriptor.size = text.size();
  return descriptor;
}

oci::Descriptor stage(const Store& store, std::string_view text,
                      std::string_view type = "application/octet-stream") {
  const oci::Descriptor descriptor = describe(text, type);
  Store::Writer writer = store.begin().take();
  cr_assert(writer.write(text).ok());
  cr_assert(writer.commit(descriptor.digest).ok());
  return descriptor;
}

bool exists(const std::string& path) { return sys::fstatat(Fd::cwd(), path.c_str(), 0).ok(); }

std::string blob_path(const Store& store, const oci::Descriptor& blob) {
  return str::cat(store.dir(), "/blobs/sha256/", blob.digest.hex());
}

// An image of one layer, whose blob and tree are both there and settled.
oci::Descriptor put_image(const Store& store, std::string_view layer_text) {
  const oci::Descriptor layer = stage(store, layer_text, "application/vnd.oci.image.layer.v1.tar");
  const std::string config_text =
      str::cat(R"({"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":[")",
               layer.digest.text(), R"("]}})");
  oci::Manifest manifest;
  manifest.media_type = oci::media::kManifest;
  manifest.config = stage(store, config_text, oci::media::kConfig);
  manifest.layers = {layer};
  const oci::Descriptor descriptor = stage(store, oci::encode(manifest), oci::media::kManifest);
  const Store::Unpacking tree = store.begin_layer().take();
  cr_assert(store.commit_layer(tree, layer.digest).ok());
  cr_assert(store.settle({layer.digest, manifest.config.digest, descriptor.digest}, {layer.digest}).ok());
  return descriptor;
}

std::string show(const Result<Image>& image) {
  if (!image.ok()) return "error: " + image.error().message;
  return str::join(image.value().names, " ");
}

std::string show(const Result<gc::Untagged>& untagged) {
  if (!untagged.ok()) return "error: " + untagged.error().message;
  return str::join(untagged.value().names, " ");
}

std::string show(const Result<gc::Freed>& freed) {
  if (!freed.ok()) return "error: " + freed.error().message;
  return str::cat(freed.value().blobs.size(), " blobs, ", freed.value().chain_ids.size(), " layers");
}

}  // namespace

Test(store, is_made_once_and_private) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "deep/store/").take();
  cr_expect(exists(scratch / "deep/store/oci-layout"));
  const struct stat st = sys::fstatat(Fd::cwd(), (scratch / "deep/store").c_str(), 0).take();
  cr_expect_eq(st.st_mode & 0777, 0700);
  cr_expect(Store::open(scratch / "deep/store").ok());
  expect_text(store.dir(), scratch / "deep/store");
}

Test(store, refuses_what_is_none) {
  const Scratch scratch;
  cr_assert(sys::mkdirat(Fd::cwd(), (scratch / "full").c_str(), 0755).ok());
  cr_assert(sys::mkdirat(Fd::cwd(), (scratch / "full/x").c_str(), 0755).ok());
  expect_text(
      Store::open(scratch / "full").error().message,
      str::cat("store '", scratch / "full",
               "': it is no image store, and not empty: there is 'x'; name another directory with --store"));
  cr_assert(sys::mkdirat(Fd::cwd(), (scratch / "other").c_str(), 0755).ok());
  const UniqueFd other = sys::open((scratch / "other").c_str(), O_RDONLY | O_DIRECTORY).take();
  cr_assert(files::replace(other, "oci-layout", R"({"imageLayoutVersion":"2.0"})", 0644).ok());
  expect_text(Store::open(scratch / "other").error().message,
              str::cat("store '", scratch / "other",
                       "': oci-layout says version '2.0', and this program knows 1.0.0"));
  expect_text(Store::open("/proc/nowhere/store").error().message,
              "store '/proc/nowhere/store' cannot be made there; name another directory with --store");
}

Test(store, a_blob_is_named_when_it_is_settled) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor blob = describe("some bytes");
  cr_expect(!store.has(blob));
  {
    Store::Writer lost = store.begin().take();
    cr_expect(lost.write("some bytes").ok());
  }
  cr_expect(!store.has(blob), "what is not committed is gone");
  (void)stage(store, "some bytes");
  cr_expect(store.has(blob));
  cr_expect(!exists(blob_path(store, blob)), "staged has no name yet");
  expect_text(store.read_blob(blob, 100).take(), "some bytes");
  (void)stage(store, "some bytes");  // a second time is no error
  cr_expect(store.settle({blob.digest}, {}).ok());
  cr_expect(exists(blob_path(store, blob)));
  cr_expect(store.settle({blob.digest}, {}).ok(), "settling is idempotent");
  cr_expect_eq(store.read_blob(blob, 5).error().kind, Kind::invalid);
}

Test(store, a_file_that_was_cut_counts_as_absent) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor blob = stage(store, "some bytes");
  cr_assert(store.settle({blob.digest}, {}).ok());
  const UniqueFd file = sys::open(blob_path(store, blob).c_str(), O_WRONLY).take();
  cr_assert(sys::ftruncate(file, 3).ok());
  cr_expect(!store.has(blob));
  cr_expect_eq(store.read_blob(blob, 100).error().kind, Kind::invalid);
  (void)stage(store, "some bytes");
  cr_expect(store.settle({blob.digest}, {}).ok());
  expect_text(store.read_blob(blob, 100).take(), "some bytes", "mended");
}

Test(store, a_part_is_made_by_one_at_a_time) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Digest digest = describe("x").digest;
  UniqueFd first = store.try_part(Store::Part::blob, digest).take();
  cr_expect(first.valid());
  cr_expect(!store.try_part(Store::Part::blob, digest).take().valid());
  cr_expect(store.try_part(Store::Part::layer, digest).take().valid(), "a layer may have its blob's digest");
  first.reset();
  cr_expect(store.try_part(Store::Part::blob, digest).take().valid());
}

Test(store, a_sweep_is_alone) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  UniqueFd shared = store.share().take();
  cr_expect(store.share().ok());
  expect_text(show(gc::sweep(store, {})),
              str::cat("error: store '", store.dir(), "' is being used by process ", ::getpid(), " (",
                       str::trim(files::read(Fd::cwd(), "/proc/self/comm", 64).take()), ")"));
  shared.reset();
  expect_text(show(gc::sweep(store, {})), "0 blobs, 0 layers");
}

Test(catalog, names_fit_the_grammar) {
  const struct {
    const char *name, *want;  // want ending in '-': eight digits follow
  } cases[] = {
      {"docker.io/library/hello-world:latest", "docker.io/library/hello-world:latest"},
      {"localhost:5000/a/b:v1", "localhost:5000/a/b:v1"},
      {"quay.io/a--b:x", "quay.io/a--b:x"},
      {"quay.io/a__b:x", "quay.io/a_b:x-"},
      {"quay.io/a---b:x", "quay.io/a-b:x-"},
      {"[::1]:5000/app:x", "1.5000/app:x-"},
      {"quay.io/a:_x", "quay.io/a:x-"},
  };
  for (const auto& c : cases) {
    const std::string got = catalog::ref_name(c.name), want = c.want;
    const bool hashed = want.back() == '-';
    expect_text(hashed ? got.substr(0, got.size() - 8) : got, want, c.name);
  }
  cr_expect(catalog::ref_name("quay.io/a__b:x") != catalog::ref_name("quay.io/a___b:x"));
}

Test(catalog, what_other_tools_write) {
  const struct {
    const char *full, *ref, *want;
  } cases[] = {
      {"docker.io/library/app:1", "docker.io/library/app:1", "docker.io/library/app:1"},
      {"docker.io/library/app:1", "copy", "docker.io/library/copy:latest"},  // umoci tag keeps our annotation
      {"app", "app", "docker.io/library/app:latest"},  // not in full, and the same image all the same
      {"quay.io/a__b:x", "", ""},
      {"", "quay.io/org/app:2", "quay.io/org/app:2"},
      {"", "Not-A-Reference", "Not-A-Reference"},
      {"", "", ""},
  };
  for (const auto& c : cases) {
    oci::Descriptor entry = describe("x");
    if (*c.full) entry.annotations["io.containerd.image.name"] = c.full;
    if (*c.ref) entry.annotations["org.opencontainers.image.ref.name"] = c.ref;
    expect_text(catalog::interpret(entry).name, c.want, c.ref);
  }
  oci::Descriptor entry = describe("x");
  const std::string index = describe("index").digest.text();
  entry.annotations["io.imagetool.index"] = index + " " + entry.digest.text();
  expect_text(catalog::interpret(entry).index.text(), index);
  entry.annotations["io.imagetool.index"] = index + " " + index;
  cr_expect(catalog::interpret(entry).index.empty(), "the entry means another manifest by now");
}

Test(image, chain_ids) {
  const std::vector<oci::Digest> diffs = {describe("a").digest, describe("b").digest, describe("c").digest};
  const std::vector<oci::Digest> chains = images::chain_ids(diffs);
  cr_assert_eq(chains.size(), 3);
  expect_text(chains[0].text(), diffs[0].text());
  expect_text(chains[1].text(), describe(str::cat(chains[0].text(), " ", diffs[1].text())).digest.text());
  expect_text(chains[2].text(), describe(str::cat(chains[1].text(), " ", diffs[2].text())).digest.text());
  cr_expect(images::chain_ids({}).empty());
}

Test(image, is_found_by_everything_it_is_called) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor manifest = put_image(store, "layer");
  const oci::Digest index = describe("index").digest;
  cr_assert(catalog::put(store, "docker.io/library/app:1", manifest, index).ok());
  cr_assert(catalog::put(store, "quay.io/a__b:x", manifest, {}).ok());
  const std::string both = "docker.io/library/app:1 quay.io/a__b:x";
  const Image image = images::find(store, "app:1").take();
  for (const std::string& what :
       {std::string("app:1"), std::string("docker.io/library/app:1"), std::string("quay.io/a__b:x"),
        image.id().text(), image.id().short_id(), image.digest().text(), "app@" + image.digest().text(),
        "app:9@" + image.digest().text(), "app@" + index.text(), index.text()})
    expect_text(show(images::find(store, what)), both, what);
  for (const std::string& what : {std::string("app"), std::string("app:2"), "other@" + index.text()})
    cr_expect_eq(images::find(store, what).error().kind, Kind::not_found, "%s", what.c_str());
  cr_expect(image.unpacked());
  expect_text(image.lower_dirs().at(0), str::cat(store.dir(), "/layers/", image.layers.at(0).chain_id.hex()));
}

Test(gc, keeps_what_is_named_or_leased) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor first = put_image(store, "first"), second = put_image(store, "second");
  cr_assert(catalog::put(store, "docker.io/library/a:1", first, {}).ok());
  cr_assert(catalog::put(store, "docker.io/library/b:1", second, {}).ok());
  expect_text(show(gc::sweep(store, {})), "0 blobs, 0 layers");

  const std::string bundle = scratch / "bundle";
  cr_assert(sys::mkdirat(Fd::cwd(), bundle.c_str(), 0755).ok());
  const Image image = images::find(store, "a:1").take();
  cr_assert(leases::add(store, {.bundle = bundle, .image = "a:1"}, image).ok());
  expect_text(show(gc::remove_name(store, "a:1", false)),
              str::cat("error: image 'a:1' is in use by bundle '", bundle,
                       "' (remove it: `imagetool unbundle ", bundle, "`); --force removes only its name"));
  expect_text(show(gc::remove_name(store, "a:1", true)), "docker.io/library/a:1");
  expect_text(show(gc::sweep(store, {})), "0 blobs, 0 layers", "leased");
  cr_expect_eq(images::all(store).take().size(), 2);

  cr_assert(leases::release(store, bundle).ok());
  cr_assert(leases::release(store, bundle).ok(), "that there is none is no error");
  expect_text(show(gc::sweep(store, {})), "3 blobs, 1 layers");
  expect_text(show(images::find(store, "b:1")), "docker.io/library/b:1");
}

Test(leases, live_as_long_as_their_bundle) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor manifest = put_image(store, "layer");
  cr_assert(catalog::put(store, "docker.io/library/a:1", manifest, {}).ok());
  const Image image = images::find(store, "a:1").take();
  const std::string bundle = scratch / "bundle";
  cr_assert(sys::mkdirat(Fd::cwd(), bundle.c_str(), 0755).ok());
  cr_assert(leases::add(store, {.bundle = bundle, .container = "web", .image = "a:1"}, image).ok());
  const std::vector<Lease> users = leases::users_of(store, manifest.digest).take();
  cr_assert_eq(users.size(), 1);
  expect_text(users[0].container, "web");
  expect_text(users[0].bundle, bundle);
  cr_expect_eq(users[0].chain_ids.size(), 1);

  // Another directory in its place is another bundle.
  cr_assert(sys::mkdirat(Fd::cwd(), (scratch / "other").c_str(), 0755).ok());
  cr_assert(sys::unlinkat(Fd::cwd(), bundle.c_str(), AT_REMOVEDIR).ok());
  cr_expect(leases::users_of(store, manifest.digest).take().empty());
  cr_assert(sys::renameat(Fd::cwd(), (scratch / "other").c_str(), Fd::cwd(), bundle.c_str()).ok());
  cr_expect(leases::users_of(store, manifest.digest).take().empty());
  cr_assert(leases::drop_stale(store).ok());
  cr_expect(sys::list(sys::open((scratch / "store/leases").c_str(), O_RDONLY | O_DIRECTORY).take().get())
                .take()
                .empty());
}

Test(leases, refuse_a_layer_that_is_gone) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  const oci::Descriptor manifest = put_image(store, "layer");
  const Image image = images::load(store, manifest).take();
  expect_text(show(gc::sweep(store, {})), "3 blobs, 1 layers", "nothing names it");
  const std::string bundle = scratch / "bundle";
  cr_assert(sys::mkdirat(Fd::cwd(), bundle.c_str(), 0755).ok());
  cr_expect_eq(leases::add(store, {.bundle = bundle}, image).error().kind, Kind::conflict);
}

Test(leases, one_that_cannot_be_read_stops_a_sweep) {
  const Scratch scratch;
  const Store store = Store::open(scratch / "store").take();
  (void)put_image(store, "layer");
  cr_assert(files::replace(store.leases(), "x.json", "{}", 0600).ok());
  cr_expect(!gc::sweep(store, {}).ok());
  cr_assert(sys::unlinkat(store.leases(), "x.json", 0).ok());
  expect_text(show(gc::sweep(store, {})), "3 blobs, 1 layers", "nothing had been removed");
}
