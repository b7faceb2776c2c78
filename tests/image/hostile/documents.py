"""Manifests, indexes, image configs and layouts."""
import json
import os

from writer import f, packed
from corpus import (ARCHITECTURE, CONFIG, DOCKER, GZIP, INDEX, MANIFEST, ONE, OUT, REF_NAME, TAR, F, Layer, about, case, changed,
                    first_layer, refused, sha256, tar, tree, without)

PLAIN = [F("f")]
ANY = "sha256:" + "a" * 64
ELSEWHERE = [f"file://{OUT}/victim", "http://127.0.0.1:1/layer", "../../../../etc/passwd", "\x1b[31m"]
HERE = {"os": "linux", "architecture": ARCHITECTURE}


def index(*entries, media=INDEX, **more):
    return {"schemaVersion": 2, "mediaType": media, "manifests": list(entries), **more}


def indexed(name, expect, build):
    """`build` gets the layout and the descriptor of a good image, and returns what index.json is to name."""
    def make(at):
        entry = at.image([ONE])
        at.index(build(at, entry))
    case(name, expect, make)


about("CVE-2021-41190: a document is one thing")
refused("manifest-and-index-in-one", "neither an index nor a manifest", ONE, manifest=changed("manifests", []))
refused("manifest-that-says-index", "differs from", ONE, manifest=changed("mediaType", INDEX))
refused("manifest-announced-as-index", "differs from", ONE, descriptor={"mediaType": INDEX})
refused("manifest-announced-as-index-and-silent", "manifests: required, but missing", ONE,
        manifest=without("mediaType"), descriptor={"mediaType": INDEX})
refused("manifest-of-docker-announced-as-oci", "differs from", ONE, manifest=changed("mediaType", DOCKER))
refused("manifest-that-says-config", "differs from", ONE, manifest=changed("mediaType", CONFIG))
refused("manifest-that-says-nothing-known", "differs from", ONE, manifest=changed("mediaType", "x/\x1b[31m"))
refused("manifest-announced-as-nothing-known", "'text/html' is not a type of container images", ONE,
        manifest=without("mediaType"), descriptor={"mediaType": "text/html"})
tree("manifest-without-a-media-type", PLAIN, ONE, manifest=without("mediaType"))
tree("manifest-of-docker", PLAIN, ONE, manifest=changed("mediaType", DOCKER), descriptor={"mediaType": DOCKER})
indexed("index-with-layers", {"refused": "neither an index nor a manifest"},
        lambda at, entry: at.put_json({**index({**entry, "platform": HERE}), "layers": []}, INDEX))
indexed("index-that-says-manifest", {"refused": "differs from"},
        lambda at, entry: at.put_json(index({**entry, "platform": HERE}, media=MANIFEST), INDEX))
refused("config-as-a-layer", "cannot be unpacked", ONE, manifest=lambda b: {**b, "layers": [b["config"]]})
refused("layer-as-the-config", "it is an artifact of type '.*tar'", ONE, manifest=lambda b: {**b, "config": b["layers"][0]})
refused("manifest-as-the-config", "it is an artifact of type", ONE,
        manifest=lambda b: {**b, "config": {**b["config"], "mediaType": MANIFEST}})
refused("artifact", "it is an artifact of type 'application/vnd\\.example', not a container image", ONE,
        manifest=changed("artifactType", "application/vnd.example"))
refused("manifest-of-schema-1", "is of schema 1", ONE,
        manifest=lambda b: {"schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": [], "history": [], "signatures": []})
refused("manifest-of-schema-3", "schemaVersion: 3 must be 2", ONE, manifest=changed("schemaVersion", 3))

about("R9, R11: sizes and digests hold")
refused("manifest-size-differs", "has [0-9]+ bytes instead of the 7", ONE, descriptor={"size": 7})
refused("manifest-size-negative", "manifests\\[0\\]\\.size: -1", ONE, descriptor={"size": -1})
refused("manifest-size-text", "manifests\\[0\\]\\.size: expected", ONE, descriptor={"size": "7"})
refused("manifest-size-with-a-fraction", "manifests\\[0\\]\\.size: ", ONE, descriptor={"size": 7.5})
refused("manifest-digest-of-another", "has the digest|missing from the layout", ONE, descriptor={"digest": ANY})
refused("manifest-of-5-mebibytes", "4194304 are the most", ONE, manifest=changed("annotations", {"a": "b" * (5 << 20)}))
refused("layer-size-too-small", "has [0-9]+ bytes instead of the 3", ONE, manifest=first_layer(size=3))
refused("layer-size-too-large", "has [0-9]+ bytes instead of the 1000000", ONE, manifest=first_layer(size=1000000))
refused("layer-size-negative", "layers\\[0\\]\\.size: -5", ONE, manifest=first_layer(size=-5))
refused("layer-of-an-exbibyte", "1099511627776 are the most", ONE, manifest=first_layer(size=2**60))
refused("layer-size-beyond-63-bits", "layers\\[0\\]\\.size: .*out of range", ONE, manifest=first_layer(size=2**63))
refused("layer-size-missing", "layers\\[0\\]\\.size: required, but missing", ONE,
        manifest=lambda b: {**b, "layers": [{k: v for k, v in b["layers"][0].items() if k != "size"}]})
refused("layer-that-is-missing", "the blob is missing from the layout", ONE, manifest=first_layer(digest=ANY))
refused("layer-that-is-elsewhere", "the blob is missing from the layout", ONE, manifest=first_layer(digest=ANY, urls=ELSEWHERE))
tree("layer-that-is-elsewhere-as-well", PLAIN, ONE, manifest=first_layer(urls=ELSEWHERE))
tree("layer-with-data-of-another", PLAIN, ONE, manifest=first_layer(data="Li4vLi4vLi4v"))
refused("layer-with-other-content", "has the digest", ONE,
        layout=lambda at, _: at.write("blobs/" + sha256(ONE.blob).replace(":", "/"), bytes(len(ONE.blob))))
refused("config-of-9-mebibytes", "its config has .* bytes, and 8388608 are the most", ONE, process={"Labels": {"a": "b" * (9 << 20)}})
refused("config-size-differs", "has [0-9]+ bytes instead of the 5", ONE, manifest=lambda b: {**b, "config": {**b["config"], "size": 5}})
refused("config-with-other-content", "has the digest", ONE,
        layout=lambda at, entry: spoil_config(at, entry))
refused("diff-id-of-another-layer", "and the image's config says", tar(f("f")),
        config=changed("rootfs", {"type": "layers", "diff_ids": [ANY]}))
refused("diff-id-of-the-packed-layer", "and the image's config says",
        Layer(ONE.blob, packed(ONE.blob), GZIP, diff=sha256(packed(ONE.blob))))
tree("digests-of-sha512", PLAIN, ONE, layout=lambda at, entry: use_sha512(at))


def spoil_config(at, entry):
    with open(at.blob(entry["digest"]), "rb") as file:
        config = json.load(file)["config"]
    at.write("blobs/" + config["digest"].replace(":", "/"), b" " * config["size"])


def use_sha512(at):
    """The same image, its layer called by another algorithm."""
    import hashlib
    digest = "sha512:" + hashlib.sha512(ONE.blob).hexdigest()
    os.mkdir(at.path + "/blobs/sha512")
    at.write("blobs/" + digest.replace(":", "/"), ONE.blob)
    at.image([ONE], manifest=first_layer(digest=digest))


about("CVE-2024-3727: digests are digests before they are names")
for name, digest in (("climbs", "sha256:../../../../etc/passwd"), ("in-capitals", "sha256:" + "A" * 64), ("short", "sha256:" + "a" * 63),
                     ("long", "sha256:" + "a" * 65), ("of-md5", "md5:" + "a" * 32), ("of-no-algorithm", "a" * 64), ("empty", ""),
                     ("with-a-nul", "sha256:" + "a" * 63 + "\0"), ("with-a-newline", "sha256:" + "a" * 64 + "\n"),
                     ("with-a-query", "sha256:" + "a" * 60 + "?x=y")):
    refused(f"manifest-digest-{name}", "manifests\\[0\\]\\.digest: |must not hold a NUL", ONE, descriptor={"digest": digest})
    refused(f"layer-digest-{name}", "layers\\[0\\]\\.digest: |must not hold a NUL", ONE, manifest=first_layer(digest=digest))
refused("diff-id-climbs", "diff_ids\\[0\\]: ", ONE, config=changed("rootfs", {"type": "layers", "diff_ids": ["sha256:../../x"]}))

about("R6: documents are read strictly")
refused("manifest-twice-the-same-key", "layers.*twice|duplicate|'layers'", ONE,
        manifest=lambda b: json.dumps(b).encode().replace(b'"layers"', b'"layers": [], "layers"'))
refused("manifest-nested-deeply", "deep|depth|nest", ONE, manifest=lambda b: b"[" * 100000)
refused("manifest-of-a-million-values", "values", ONE, manifest=lambda b: json.dumps({**b, "x": [0] * 1000000}).encode())
refused("manifest-that-is-empty", "image manifest|manifest:1", ONE, manifest=lambda b: b"")
refused("manifest-that-is-html", "manifest:1:1", ONE, manifest=lambda b: b"<html><body>log in</body></html>")
refused("manifest-that-is-null", "expected", ONE, manifest=lambda b: b"null")
refused("manifest-that-is-a-list", "expected", ONE, manifest=lambda b: b"[]")
refused("manifest-cut-in-the-middle", "manifest:1:", ONE, manifest=lambda b: json.dumps(b).encode()[:-20])
refused("manifest-and-more-behind-it", "manifest:1:", ONE, manifest=lambda b: json.dumps(b).encode() + b"{}")
refused("manifest-that-is-no-utf-8", "UTF-8", ONE, manifest=lambda b: json.dumps(b).encode().replace(b"layers", b"lay\xff\xfers", 1))
refused("manifest-with-a-byte-order-mark", "manifest:1:1", ONE, manifest=lambda b: b"\xef\xbb\xbf" + json.dumps(b).encode())
refused("manifest-of-many-mistakes", "layers\\[0\\]: expected", ONE, manifest=changed("layers", [1] * 50000))
refused("manifest-without-config", "config: required, but missing", ONE, manifest=without("config"))
refused("manifest-without-layers", "layers: required, but missing", ONE, manifest=without("layers"))
refused("manifest-layers-an-object", "layers: expected", ONE, manifest=changed("layers", {}))
refused("manifest-layers-null", "layers", ONE, manifest=changed("layers", None))
refused("manifest-annotations-that-are-no-text", "annotations", ONE, manifest=changed("annotations", {"a": {}}))
tree("manifest-with-keys-of-nobody", PLAIN, ONE, manifest=changed("vnd.example", {"layers": [1, 2, 3]}))
tree("manifest-with-ten-thousand-annotations", PLAIN, ONE, manifest=changed("annotations", {f"k{i}": "v" for i in range(10000)}))
refused("layer-of-unknown-type", "'text/html', which cannot be unpacked", ONE, manifest=first_layer(mediaType="text/html"))
refused("layer-that-is-encrypted", "\\+encrypted', which cannot be unpacked", ONE, manifest=first_layer(mediaType=GZIP + "+encrypted"))
refused("layer-of-xz", "\\+xz', which cannot be unpacked", ONE, manifest=first_layer(mediaType=TAR + "+xz"))
refused("layer-type-with-an-escape", "is not a media type|'text/.x1b", ONE, manifest=first_layer(mediaType="text/\x1b]0;owned\x07"))
refused("layer-type-empty", "layers\\[0\\]\\.mediaType: ", ONE, manifest=first_layer(mediaType=""))
refused("layers-and-diff-ids-differ", "has 1 layers and its config 0 diff_ids", ONE,
        config=changed("rootfs", {"type": "layers", "diff_ids": []}))
refused("more-diff-ids-than-layers", "has 1 layers and its config 2 diff_ids", ONE,
        config=changed("rootfs", {"type": "layers", "diff_ids": [ONE.diff] * 2}))
refused("diff-ids-missing", "rootfs\\.diff_ids: required", ONE, config=changed("rootfs", {"type": "layers"}))
refused("rootfs-missing", "rootfs: required", ONE, config=without("rootfs"))
refused("rootfs-of-another-type", "rootfs\\.type: unknown value", ONE, config=changed("rootfs", {"type": "layers+base", "diff_ids": []}))
refused("config-is-no-json", "image config:1:1", ONE, config=lambda c: b"<html>")
refused("config-is-empty", "image config", ONE, config=lambda c: b"")
refused("config-without-architecture", "architecture: required", ONE, config=without("architecture"))
refused("config-architecture-a-number", "architecture: expected", ONE, config=changed("architecture", 64))
refused("config-of-windows", "it is an image for windows/amd64, not for Linux", ONE,
        config=lambda c: {**c, "os": "windows", "architecture": "amd64"})
refused("config-of-an-os-with-an-escape", "it is an image for .x1b\\[2J/", ONE, config=changed("os", "\x1b[2J"))
refused("five-thousand-layers", "has 5000 layers, and 500 are the most", ONE, manifest=lambda b: {**b, "layers": b["layers"] * 5000},
        config=changed("rootfs", {"type": "layers", "diff_ids": [ONE.diff] * 5000}))
tree("hundred-layers-of-one-blob", PLAIN, ONE, manifest=lambda b: {**b, "layers": b["layers"] * 100},
     config=changed("rootfs", {"type": "layers", "diff_ids": [ONE.diff] * 100}))
tree("no-layers-at-all", [])

about("image-spec, image-index.md: which of several")


def nested(depth):
    def build(at, entry):
        for _ in range(depth):
            entry = at.put_json(index({**entry, "platform": HERE}), INDEX)
        return entry
    return build


WRONG = {"mediaType": MANIFEST, "digest": ANY, "size": 7}
indexed("index", {"tree": PLAIN}, nested(1))
indexed("index-in-an-index", {"tree": PLAIN}, nested(3))
indexed("indexes-without-end", {"refused": "indexes are nested more than 4 deep"}, nested(9))
indexed("index-that-holds-nothing", {"refused": "the index lists no image for any platform"}, lambda at, _: at.put_json(index(), INDEX))
indexed("index-for-other-machines", {"refused": "there is no image for linux/.*; there is plan9/mips, linux/.x1b\\[31m"},
        lambda at, entry: at.put_json(index({**entry, "platform": {"os": "plan9", "architecture": "mips"}},
                                            {**entry, "platform": {"os": "linux", "architecture": "\x1b[31m"}}), INDEX))
indexed("index-first-match-wins", {"tree": PLAIN},
        lambda at, entry: at.put_json(index({**entry, "platform": HERE}, {**WRONG, "platform": HERE}), INDEX))
indexed("index-with-attestations", {"tree": PLAIN},
        lambda at, entry: at.put_json(index(
            {**WRONG, "platform": HERE, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            {**WRONG, "platform": {"os": "unknown", "architecture": "unknown"}}, {**entry, "platform": HERE}), INDEX))
indexed("index-entry-of-nobody-comes-first", {"tree": PLAIN},
        lambda at, entry: at.put_json(index({**WRONG, "mediaType": "application/vnd.example+json", "platform": HERE},
                                            {**entry, "platform": HERE}), INDEX))
indexed("index-platform-without-an-os", {"refused": "platform\\.os: required"},
        lambda at, entry: at.put_json(index({**entry, "platform": {"architecture": ARCHITECTURE}}), INDEX))
indexed("index-of-entries-of-nobody", {"tree": PLAIN},
        lambda at, entry: at.put_json(index({**WRONG, "mediaType": "application/vnd.example+json",
                                             "platform": {"os": "a", "architecture": "b"}}, {**entry, "platform": HERE}), INDEX))
indexed("index-size-differs", {"refused": "has [0-9]+ bytes instead of the 3"},
        lambda at, entry: {**at.put_json(index({**entry, "platform": HERE}), INDEX), "size": 3})

about("image-spec, image-layout.md: a directory of a stranger's")


def replaced(at, name, make):
    """`make(path)` puts something else in the place of a file."""
    os.rename(f"{at.path}/{name}", f"{at.path}/moved")
    make(f"{at.path}/{name}")


def blob_is(make):
    return lambda at, _: replaced(at, "blobs/" + sha256(ONE.blob).replace(":", "/"), make)


refused("layout-without-its-mark", "it is no OCI image layout", ONE, layout=lambda at, _: os.unlink(at.path + "/oci-layout"))
refused("layout-mark-that-is-text", "oci-layout", ONE, layout=lambda at, _: at.write("oci-layout", b"yes"))
refused("layout-of-version-9", "oci-layout: .*version '9\\.0\\.0'", ONE,
        layout=lambda at, _: at.write("oci-layout", b'{"imageLayoutVersion": "9.0.0"}'))
refused("layout-without-an-index", "index\\.json", ONE, layout=lambda at, _: os.unlink(at.path + "/index.json"))
refused("layout-index-that-is-a-fifo", "index\\.json", ONE, layout=lambda at, _: replaced(at, "index.json", os.mkfifo))
refused("layout-index-that-is-a-directory", "index\\.json", ONE, layout=lambda at, _: replaced(at, "index.json", os.mkdir))
refused("layout-index-without-end", "index\\.json", ONE,
        layout=lambda at, _: replaced(at, "index.json", lambda path: os.symlink("/dev/zero", path)))
refused("layout-index-of-17-mebibytes", "larger than 16777216", ONE, layout=lambda at, _: at.write("index.json", b" " * (17 << 20)))
refused("layout-of-no-image", "there is no image in it", ONE, layout=lambda at, _: at.index())
refused("layout-of-several-images", "there are several images in it; name one behind a colon: a, b.x1b\\[31m", ONE,
        layout=lambda at, entry: at.index({**entry, "annotations": {REF_NAME: "a"}}, {**entry, "annotations": {REF_NAME: "b\x1b[31m"}}))
refused("blob-that-is-a-fifo", "it is not a regular file", ONE, layout=blob_is(os.mkfifo))
refused("blob-that-is-a-directory", "it is not a regular file", ONE, layout=blob_is(os.mkdir))
refused("blob-that-is-a-device", "it is not a regular file", ONE, layout=blob_is(lambda path: os.symlink("/dev/zero", path)))
refused("blob-that-leads-nowhere", "the blob is missing from the layout", ONE, layout=blob_is(lambda path: os.symlink("nowhere", path)))
refused("blob-that-leads-to-itself", "Too many levels", ONE, layout=blob_is(lambda path: os.symlink(os.path.basename(path), path)))
refused("blob-that-leads-out", "has [0-9]+ bytes instead of", ONE, layout=blob_is(lambda path: os.symlink(OUT + "/victim", path)))
tree("blob-behind-a-link", PLAIN, ONE, layout=blob_is(lambda path: os.symlink("../../moved", path)))
tree("layout-named-by-what-is-no-name", PLAIN, ONE, descriptor={"annotations": {REF_NAME: "$(touch /tmp/owned); \x1b]0;x\x07 ../../etc -rf"}})
