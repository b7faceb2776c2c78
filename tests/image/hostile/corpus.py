"""The table of cases: what each image is, which rule it is about, and what is to become of it."""
import hashlib
import json
import os

from writer import END, f, raw

OUT = "/tmp/hostile-canary"
UP = "../" * 40 + OUT.lstrip("/")
TAR, GZIP, ZST = ("application/vnd.oci.image.layer.v1.tar" + suffix for suffix in ("", "+gzip", "+zstd"))
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
REF_NAME = "org.opencontainers.image.ref.name"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def sha256(data):
    return sha256_of([data])


def sha256_of(pieces):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return "sha256:" + digest.hexdigest()


class Layer:
    """A layer's blob, and the digest that its config promises."""

    def __init__(self, plain, blob=None, media=TAR, diff=None):
        self.diff = diff or sha256(plain)
        self.blob = plain if blob is None else blob
        self.media = media


def tar(*parts):
    return Layer(b"".join(parts) + END)


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(path + "/blobs/sha256", exist_ok=True)
        self.write("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')

    def write(self, name, data):
        with open(self.path + "/" + name, "wb") as file:
            file.write(data)

    def blob(self, digest):
        return f"{self.path}/blobs/{digest.replace(':', '/')}"

    def put(self, data, media):
        digest = sha256(data)
        self.write("blobs/" + digest.replace(":", "/"), data)
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def put_json(self, document, media):
        return self.put(document if isinstance(document, bytes) else json.dumps(document).encode(), media)

    def index(self, *manifests):
        self.write("index.json", json.dumps({"schemaVersion": 2, "manifests": list(manifests)}).encode())

    def image(self, layers, process=None, manifest=None, config=None, descriptor=None):
        """`manifest` and `config` are functions that spoil the documents before they are written."""
        document = {
            "os": "linux",
            "architecture": ARCHITECTURE,
            "config": {"Cmd": ["/x"], **(process or {})},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff for layer in layers]},
        }
        body = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put_json(config(document) if config else document, CONFIG),
            "layers": [self.put(layer.blob, layer.media) for layer in layers],
        }
        entry = {**self.put_json(manifest(body) if manifest else body, MANIFEST), **(descriptor or {})}
        self.index(entry)
        return entry


class Case:
    def __init__(self, rule, expect, make):
        self.rule, self.expect, self.make = rule, expect, make


CASES = {}
SECTION = [""]


def about(rule):
    """What the cases that follow are about: a CVE, a rule of a specification, or what could go wrong."""
    SECTION[0] = rule


def case(name, expect, make):
    assert name not in CASES, name
    CASES[name] = Case(SECTION[0], expect, make)


def made_of(layers, layout, more):
    """`layout`: a function that spoils the layout once the image is in it; it gets the image's descriptor."""
    def make(at):
        entry = at.image(list(layers), **more)
        if layout:
            layout(at, entry)
    return make


def refused(name, why, *layers, layout=None, **more):
    """`why`: an extended regular expression for the sentence."""
    case(name, {"refused": why}, made_of(layers, layout, more))


def tree(name, lines, *layers, layout=None, **more):
    """`lines`: of D, F, L and N below."""
    case(name, {"tree": sorted(lines)}, made_of(layers, layout, more))


def process(name, want, *layers, says="", layout=None, **more):
    """`want`: paths into config.json, and what is there (None: nothing); `says`: the warning that comes with it."""
    case(name, {"process": want, "says": says}, made_of(layers or (ONE,), layout, more))


def changed(key, value):
    return lambda document: {**document, key: value}


def without(key):
    return lambda document: {k: v for k, v in document.items() if k != key}


def first_layer(**changes):
    return lambda body: {**body, "layers": [{**body["layers"][0], **changes}]}


# ---- lines of a tree, as tests/image/hostile/try writes them ----


def escaped(name):
    return "".join(chr(b) if 0x21 <= b < 0x7F and b != 0x5C else "\\x%02x" % b for b in raw(name))


def line(kind, name, mode, what="", owner="0:0", mtime=0, links="", attributes=None):
    parts = [kind, "%o" % mode, escaped(name), what, owner if owner != "0:0" else "", f"@{mtime}" if mtime else "",
             f"={escaped(links)}" if links else ""]
    parts += [f"{key}={escaped(value)}" for key, value in sorted((attributes or {}).items())]
    return " ".join(part for part in parts if part)


def D(name, mode=0o755, **more):
    return line("d", name, mode, **more)


def F(name, data="x", mode=0o644, **more):
    """`data`: its content, or its size where that is a number."""
    return line("f", name, mode, str(data) if isinstance(data, int) else f"'{escaped(data)}'", **more)


def L(name, to, **more):
    return line("l", name, 0o777, "->" + escaped(to), **more)


def N(kind, name, mode=0o644, device=None, **more):
    """A fifo 'p', a device 'c' or 'b'."""
    return line(kind, name, mode, "%d:%d" % device if device else "", **more)


ONE = tar(f("f"))  # the simplest image there is
