"""Names and links that try to leave the root, and file types that change between layers."""
from writer import d, entry, f, hard, records, sym
from corpus import OUT, UP, D, F, L, N, about, refused, tar, tree

CANARY = [D("tmp"), D("tmp/hostile-canary"), F("tmp/hostile-canary/victim")]

about("R1: names stay below the root")
tree("dot-dot-stops-at-the-root", [F("up")], tar(f("../" * 20 + "up")))
tree("dot-dot-in-the-middle", [F("b")], tar(f("a/../../../b")))
tree("dot-dot-behind-a-directory", [D("a"), F("b")], tar(d("a"), f("a/../b")))
tree("dot-dot-by-pax", [F("up")], tar(records([("path", "../" * 200 + "up")]), f("x")))
tree("absolute-names-are-below-the-root", CANARY, tar(f(OUT + "/victim")))
tree("slashes-and-dots", [D("a"), F("a/b")], tar(f("//.//a/./b")))
tree("file-with-a-slash-behind-it", [F("f")], tar(f("f/")))
tree("names-that-only-look-like-dots", [F("...", ""), F("..a", ""), F("a..", "")], tar(f("...", ""), f("..a", ""), f("a..", "")))
tree("backslashes-are-no-separators", [F("..\\..\\x")], tar(f("..\\..\\x")))
tree("drive-letters-are-names", [D("c:"), F("c:/x")], tar(f("c:/x")))
tree("link-then-file-through-it", [*CANARY, L("l", OUT)], tar(sym("l", OUT), f("l/victim")))
tree("relative-link-then-file", [*CANARY, L("l", UP)], tar(sym("l", UP), f("l/victim")))
tree("link-in-one-layer-file-in-the-next", [*CANARY, L("l", OUT)], tar(sym("l", OUT)), tar(f("l/victim")))
tree("chain-of-links-then-file", [*CANARY, L("a", "b"), L("b", "./c"), L("c", OUT)],
     tar(sym("a", "b"), sym("b", "./c"), sym("c", OUT), f("a/victim")))
tree("chain-of-links-over-layers", [*CANARY, L("a", "b"), L("b", "c"), L("c", OUT)],
     tar(sym("c", OUT)), tar(sym("b", "c")), tar(sym("a", "b")), tar(f("a/victim")))
tree("link-to-the-root-then-file", [D("etc"), F("etc/x"), L("l", "/")], tar(sym("l", "/"), f("l/etc/x")))
tree("link-to-dot-then-file", [L("l", "."), F("x")], tar(sym("l", "."), f("l/x")))
tree("link-to-dot-dot-then-file", [D("d"), L("d/l", ".."), F("x")], tar(d("d"), sym("d/l", ".."), f("d/l/x")))
tree("link-that-leads-nowhere-then-file", [L("l", "no/where"), D("no"), D("no/where"), F("no/where/x")],
     tar(sym("l", "no/where"), f("l/x")))
tree("link-to-proc", [D("proc"), D("proc/self"), D("proc/self/root"), F("proc/self/root/x"), L("p", "/proc/self/root")],
     tar(sym("p", "/proc/self/root"), f("p/x")))
tree("link-to-a-descriptor", [D("proc"), D("proc/self"), D("proc/self/fd"), D("proc/self/fd/3"), F("proc/self/fd/3/x"),
                              L("p", "/proc/self/fd/3")], tar(sym("p", "/proc/self/fd/3"), f("p/x")))
refused("links-in-a-circle", "is a link to itself", tar(sym("a", "b"), sym("b", "a"), f("a/x")))
refused("link-below-itself", "is a link to itself|too long", tar(sym("a", "a/b"), f("a/x")))
refused("links-that-double", "is a link to itself, or one of more than 40|too long",
        tar(*[sym(f"l{i}", f"/l{i + 1}/../l{i + 1}") for i in range(30)], d("l30"), f("l0/x")))
refused("too-many-links", "is a link to itself, or one of more than 40",
        tar(*[sym(f"l{i}", f"l{i + 1}") for i in range(50)], f("l0/x")))
tree("forty-links", [*[L(f"l{i}", f"l{i + 1}") for i in range(40)], D("l40"), F("l40/x")],
     tar(*[sym(f"l{i}", f"l{i + 1}") for i in range(40)], f("l0/x")))

about("CVE-2021-29136: the root stays a directory")
refused("root-as-a-link", "'\\./': is a symbolic link in the place of the root", tar(sym("./", OUT), f("victim")))
refused("root-as-a-file", "'/': is a file in the place of the root", tar(f("/")))
refused("root-as-a-fifo", "'\\.': is a fifo in the place of the root", tar(entry(".", "6")))
refused("root-as-a-device", "'//': is a device in the place of the root", tar(entry("//", "4", device=(8, 0))))
refused("root-as-a-hard-link", "'/': is a hard link in the place of the root", tar(f("f"), hard("/", "f")))
refused("root-as-a-link-by-dot-dot", "'a/\\.\\.': is a symbolic link in the place", tar(sym("a/..", OUT)))
tree("root-as-a-directory", [D(".", 0o700, owner="1:2"), F("f")], tar(d("../", 0o700, uid=1, gid=2), f("f")))

about("CVE-2021-32760: nothing is changed through a link")
tree("chmod-does-not-follow-a-link", [F("l", mode=0o4777)], tar(sym("l", OUT + "/victim"), f("l", mode=0o4777)))
tree("file-over-a-link-replaces-the-link", [F("victim")], tar(sym("victim", OUT + "/victim")), tar(f("victim")))
tree("directory-over-a-link-replaces-the-link", [D("l", 0o700)], tar(sym("l", OUT)), tar(d("l", 0o700)))
tree("device-over-a-link-replaces-the-link", [N("c", "l", device=(1, 3))],
     tar(sym("l", OUT + "/victim")), tar(entry("l", "3", device=(1, 3))))
tree("fifo-over-a-link-replaces-the-link", [N("p", "l")], tar(sym("l", OUT + "/victim"), entry("l", "6")))
tree("link-over-a-link-replaces-the-link", [L("l", "elsewhere")], tar(sym("l", OUT), sym("l", "elsewhere")))
tree("owner-of-a-link-is-its-own", [L("l", OUT + "/victim", owner="7:8")],
     tar(entry("l", "2", link=OUT + "/victim", mode=0o777, uid=7, gid=8)))

about("hard links: inside the image, and to files")
refused("hard-link-out-by-dot-dot", "'h': its target .*: is not in the image", tar(hard("h", UP + "/victim")))
refused("hard-link-out-absolute", "'h': its target .*: is not in the image", tar(hard("h", OUT + "/victim")))
refused("hard-link-out-through-a-link", "'h': its target .*: is not in the image", tar(sym("l", OUT), hard("h", "l/victim")))
refused("hard-link-to-proc", "'h': its target '/proc/self/exe': is not in the image", tar(hard("h", "/proc/self/exe")))
refused("hard-link-to-the-root", "'h': is a hard link to the root directory", tar(hard("h", "/")))
refused("hard-link-to-a-directory", "'h': its target 'd': is a directory", tar(d("d"), hard("h", "d")))
refused("hard-link-to-a-directory-below", "'h': its target 'd': is a directory", tar(d("d")), tar(hard("h", "d")))
refused("hard-link-to-what-comes-later", "'h': its target 'f': is not in the image", tar(hard("h", "f"), f("f")))
refused("hard-link-to-nothing-but-itself", "'h': its target 'h': is not in the image", tar(hard("h", "h")))
refused("hard-link-to-what-was-removed", "'h': its target 'f': is not in the image",
        tar(f("f")), tar(f(".wh.f", "")), tar(hard("h", "f")))
refused("hard-link-in-the-place-of-its-target", "its target 'd/f' is replaced by the link itself",
        tar(d("d"), f("d/f"), hard("d", "d/f")))
refused("hard-link-without-a-target", "the link's target is empty", tar(entry("h", "1")))
tree("hard-link-to-itself", [F("f")], tar(f("f"), hard("f", "f")))
tree("hard-link-to-a-link-is-a-link", [L("h", OUT + "/victim"), L("l", OUT + "/victim", links="h")],
     tar(sym("l", OUT + "/victim"), hard("h", "l")))
tree("hard-link-to-a-link-then-file", [*CANARY, L("h", OUT), L("l", OUT, links="h")], tar(sym("l", OUT), hard("h", "l"), f("h/victim")))
tree("hard-link-to-a-link-below", [L("h", OUT), L("l", OUT, links="h")], tar(sym("l", OUT)), tar(hard("h", "l")))
tree("hard-link-to-a-file-below", [F("a", "below"), F("h", "below", links="a")], tar(f("a", "below")), tar(hard("h", "a")))
tree("hard-link-absolute-is-below-the-root", [D("d"), F("d/a"), F("h", links="d/a")], tar(d("d"), f("d/a"), hard("h", "/d/a")))
tree("hard-link-to-a-fifo-and-a-device", [N("c", "c", device=(1, 3)), N("c", "hc", device=(1, 3), links="c"), N("p", "hp"), N("p", "p", links="hp")],
     tar(entry("p", "6"), entry("c", "3", device=(1, 3)), hard("hp", "p"), hard("hc", "c")))
tree("hard-link-over-a-full-directory", [F("a"), F("d", links="a")], tar(f("a"), d("d"), f("d/x"), hard("d", "a")))
tree("file-over-a-hard-link-leaves-the-other", [F("a", "old"), F("h", "new")], tar(f("a", "old"), hard("h", "a"), f("h", "new")))

about("image-spec: an entry over another type replaces it")
tree("file-where-a-directory-was", [F("d")], tar(d("d"), f("d/below")), tar(f("d")))
tree("directory-where-a-file-was", [D("d"), F("d/new")], tar(f("d")), tar(d("d"), f("d/new")))
tree("link-where-a-directory-was", [L("d", OUT)], tar(d("d"), f("d/below")), tar(sym("d", OUT)))
tree("directory-where-a-link-was", [D("d"), F("d/new"), D("e"), F("e/kept")],
     tar(d("e"), f("e/kept"), sym("d", "e")), tar(d("d"), f("d/new")))
tree("directory-file-directory", [D("d"), F("d/new")], tar(d("d"), f("d/old")), tar(f("d")), tar(d("d"), f("d/new")))
tree("directory-link-directory", [D("d"), F("d/new")], tar(d("d"), f("d/old")), tar(sym("d", OUT)), tar(d("d"), f("d/new")))
tree("file-fifo-device-link-file", [F("a", "last")],
     tar(f("a")), tar(entry("a", "6")), tar(entry("a", "4", device=(7, 0))), tar(sym("a", OUT)), tar(f("a", "last")))
tree("all-types-in-one-layer", [F("a", "last")],
     tar(d("a"), f("a/x"), sym("a", OUT), entry("a", "6"), d("a"), entry("a", "3", device=(1, 5)), f("a", "last")))
tree("parent-that-is-a-file-below", [D("a"), F("a/x")], tar(f("a")), tar(f("a/x")))
tree("parent-that-is-a-file-of-this-layer", [D("a"), F("a/x")], tar(f("a"), f("a/x")))
tree("parent-that-is-a-device", [D("a"), F("a/x")], tar(entry("a", "3", device=(1, 5))), tar(f("a/x")))
tree("same-file-twice", [F("a", "second")], tar(f("a", "first is longer"), f("a", "second")))
tree("same-directory-twice", [D("d", 0o711, owner="3:4"), F("d/x")], tar(d("d"), f("d/x"), d("d", 0o711, uid=3, gid=4)))
tree("directory-over-directory-keeps-what-is-in-it", [D("d", 0o700), F("d/x")], tar(d("d"), f("d/x")), tar(d("d", 0o700)))
tree("usr-merge", [D("usr"), D("usr/lib"), F("usr/lib/a"), F("usr/lib/b"), L("lib", "usr/lib")],
     tar(d("usr"), d("usr/lib"), f("usr/lib/a"), sym("lib", "usr/lib")), tar(f("lib/b")))
tree("usr-merge-far-below", [D("usr"), D("usr/lib"), F("usr/lib/b"), L("lib", "usr/lib"), F("other")],
     tar(d("usr"), d("usr/lib"), sym("lib", "usr/lib")), tar(f("other")), tar(f("lib/b")))
tree("link-becomes-a-directory-between-entries", [D("l"), F("l/b"), D("x"), F("x/a")],
     tar(d("x"), sym("l", "x"), f("l/a"), d("l"), f("l/b")))

about("names are bytes")
tree("names-that-are-no-utf-8", [F(b"\xff\xfe", ""), F(b"caf\xe9", "")], tar(f(b"\xff\xfe", ""), f(b"caf\xe9", "")))
tree("names-with-control-characters", [F("a\x1b[2Jb\nc\rd", ""), F(" ", ""), F("-rf", "")],
     tar(f("a\x1b[2Jb\nc\rd", ""), f(" ", ""), f("-rf", "")))
tree("names-that-differ-by-case", [F("A", "1"), F("a", "2")], tar(f("A", "1"), f("a", "2")))
tree("names-that-unicode-calls-equal", [F("é", "1"), F("e\u0301", "2")], tar(f("é", "1"), f("e\u0301", "2")))
tree("name-of-255-bytes", [F("n" * 255)], tar(records([("path", "n" * 255)]), f("f")))
refused("name-of-256-bytes", "File name too long", tar(records([("path", "n" * 256)]), f("f")))
tree("path-of-3600-bytes", [*[D("/".join(["n" * 199] * i)) for i in range(1, 18)], F("/".join(["n" * 199] * 18))],
     tar(records([("path", "/".join(["n" * 199] * 18))]), f("f")))
refused("name-of-5000-bytes", "is longer than 4095 bytes", tar(records([("path", "n/" * 2500)]), f("f")))
refused("name-that-is-empty", "the name is empty", tar(f("")))
tree("name-behind-a-nul", [F("a")], tar(f("a\0b")))
tree("link-to-4095-bytes", [L("l", "t" * 4095)], tar(sym("l", "t" * 4095)))
refused("link-to-4096-bytes", "the link's target 't+…' is longer than 4095 bytes", tar(sym("l", "t" * 4096)))
refused("link-to-nothing", "the link's target is empty", tar(entry("l", "2")))
refused("two-thousand-directories", "is nested deeper than 512 directories", tar(records([("path", "n/" * 2000)]), d("x")))
refused("deeper-step-by-step", "is nested deeper than 512 directories",
        tar(*[records([("path", "n/" * i)]) + d("x") for i in range(500, 600)]))
refused("deep-by-its-links", "is nested deeper than 512 directories|too long",
        tar(records([("path", "n/" * 400)]), d("x"), sym("l", "n/" * 400), records([("path", "l/" + "n/" * 400)]), d("x")))
tree("five-hundred-directories", [D("/".join("n" * i)) for i in range(1, 501)], tar(records([("path", "n/" * 500)]), d("x")))
