"""Whiteouts, and what files have beside their names: owners, modes, devices, times, extended attributes."""
import struct

from writer import d, entry, f, pax, record, records, sym, xattr
from corpus import OUT, D, F, L, N, about, refused, tar, tree

BELOW = tar(d("d"), f("d/a"), f("d/b"))

about("image-spec, layer.md: whiteouts")
refused("whiteout-of-nothing-named", "'\\.wh\\.': is a whiteout that names no file", tar(f(".wh.")))
refused("whiteout-of-dot", "'\\.wh\\.\\.': is a whiteout that names no file", tar(f(".wh..")))
refused("whiteout-of-dot-dot", "'d/\\.wh\\.\\.\\.': is a whiteout that names no file", tar(f("d/.wh...")))
refused("file-below-a-whiteout", "'\\.wh\\.d/x': lies below a whiteout", tar(f(".wh.d/x")))
tree("whiteout-of-what-is-not-there", [], tar(f(".wh.gone", "")))
tree("whiteout-in-what-is-not-there", [], tar(f("gone/.wh.x", "")))
tree("whiteout-with-content", [], tar(f("a")), tar(f(".wh.a", "y" * 700)))
tree("whiteout-that-is-a-directory", [D("d"), F("d/b")], BELOW, tar(d("d/.wh.a")))
tree("whiteout-that-is-a-link", [D("d"), F("d/b")], BELOW, tar(sym("d/.wh.a", OUT)))
tree("whiteout-of-a-directory", [], BELOW, tar(f(".wh.d", "")))
tree("whiteout-behind-what-it-names", [F("a", "new")], tar(f("a", "old")), tar(f("a", "new"), f(".wh.a", "")))
tree("whiteout-in-front-of-what-it-names", [F("a", "new")], tar(f("a", "old")), tar(f(".wh.a", ""), f("a", "new")))
tree("whiteout-of-the-parent-then-file", [D("d"), F("d/c")], BELOW, tar(f(".wh.d", ""), f("d/c")))
tree("file-then-whiteout-of-the-parent", [D("d"), F("d/c")], BELOW, tar(d("d"), f("d/c"), f(".wh.d", "")))
tree("whiteout-does-not-follow-the-last-link", [], tar(sym("l", OUT)), tar(f(".wh.l", "")))
tree("whiteout-through-a-link-stays-inside", [L("l", OUT)], tar(sym("l", OUT)), tar(f("l/.wh.victim", "")))
tree("whiteout-through-a-link", [D("d"), F("d/b"), L("l", "d")], tar(d("d"), f("d/a"), f("d/b"), sym("l", "d")), tar(f("l/.wh.a", "")))
tree("whiteout-of-a-link-then-file-below-its-name", [D("l"), F("l/x")], tar(sym("l", OUT)), tar(f(".wh.l", ""), f("l/x")))
tree("whiteout-by-dot-dot", [D("d"), F("d/a"), F("d/b")], tar(d("d"), f("d/a"), f("d/b"), f("x")), tar(f("d/../../.wh.x", "")))
tree("opaque-through-a-link-stays-inside", [L("l", OUT)], tar(sym("l", OUT)), tar(f("l/.wh..wh..opq", "")))
tree("opaque-directory", [D("d"), F("d/c")], BELOW, tar(d("d"), f("d/.wh..wh..opq", ""), f("d/c")))
tree("opaque-behind-its-siblings", [D("d"), F("d/c")], BELOW, tar(d("d"), f("d/c"), f("d/.wh..wh..opq", "")))
tree("opaque-root", [F("new")], BELOW, tar(f(".wh..wh..opq", ""), f("new")))
tree("opaque-where-nothing-was", [], tar(f("gone/.wh..wh..opq", "")))
tree("opaque-twice", [D("d")], BELOW, tar(f("d/.wh..wh..opq", ""), f("d/.wh..wh..opq", "")))
tree("aufs-directories", [], tar(d(".wh..wh.plnk"), f(".wh..wh.aufs"), f(".wh..wh.plnk/1.2"), d(".wh..wh.orph")))
tree("file-comes-back-after-its-whiteout", [D("d"), F("d/a", "again"), F("d/b")], BELOW, tar(f("d/.wh.a", "")), tar(f("d/a", "again")))
tree("directory-comes-back-empty", [D("d")], BELOW, tar(f(".wh.d", "")), tar(d("d")))

about("overlayfs's marks: of ours only, and a copy has none")
refused("device-that-is-a-whiteout", "'w': is the device 0:0", tar(entry("w", "3")))
tree("block-device-that-looks-like-one", [N("b", "w", device=(0, 0))], tar(entry("w", "4")))
for space in "trusted", "user":
    mark = space + ".overlay."
    tree(f"opaque-attribute-of-{space}", [D("d"), F("d/below")],
         tar(d("d"), f("d/below")), tar(xattr(mark + "opaque", "y"), d("d")))
    tree(f"redirect-attribute-of-{space}", [D("a"), F("a/x"), D("b")],
         tar(d("a"), f("a/x"), d("b")), tar(xattr(mark + "redirect", "/a"), d("b")))
    tree(f"metacopy-attribute-of-{space}", [F("f", "")],
         tar(f("f", "long content")), tar(xattr(mark + "metacopy", b"\0"), f("f", "")))
    tree(f"whiteout-attribute-of-{space}", [F("f", "")],
         tar(f("f")), tar(xattr(mark + "whiteout", "y"), f("f", "")))
tree("escaped-attribute", [D("d"), F("d/below")],
     tar(d("d"), f("d/below")), tar(xattr("trusted.overlay.overlay.opaque", "y"), d("d")))

about("devices, modes, times")
tree("devices", [N("b", "b", 0o660, device=(8, 1)), N("c", "c", 0o666, device=(1, 3)), N("p", "p", 0o600)],
     tar(entry("b", "4", mode=0o660, device=(8, 1)), entry("c", "3", mode=0o666, device=(1, 3)), entry("p", "6", mode=0o600)))
refused("device-number-too-large", "is larger than 4095:1048575", tar(entry("w", "3", device=(4096, 0))))
refused("device-number-negative", "the device number is not a number", tar(entry("w", "3", device=(-1, 3))))
tree("setuid-setgid-sticky", [F("s", mode=0o6755), D("t", 0o1777), F("u", mode=0o4711, owner="1000:1000")],
     tar(f("s", mode=0o6755), d("t", 0o1777), f("u", mode=0o4711, uid=1000, gid=1000)))
tree("setgid-is-not-inherited", [D("d", 0o2755, owner="0:5"), D("d/e"), F("d/f")], tar(d("d", 0o2755, gid=5), d("d/e"), f("d/f")))
tree("mode-with-the-type-in-it", [F("f", mode=0o755)], tar(f("f", mode=0o100755)))
tree("mode-zero", [D("d", 0), F("d/x"), F("f", mode=0)], tar(d("d", 0), f("d/x"), f("f", mode=0)))
refused("mode-negative", "the mode is not a number from 0", tar(f("f", mode=-1)))
tree("times-before-1970", [F("f", mtime=-1000)], tar(f("f", mtime=-1000)))
tree("times-by-pax", [F("f", mtime=-13), F("g", mtime=5)],
     tar(records([("mtime", "-12.5")]), f("f"), records([("mtime", "5." + "9" * 400)]), f("g")))
refused("time-that-is-no-number", "'mtime' is 'nan', which is not a time", tar(records([("mtime", "nan")]), f("f")))
refused("time-beyond-64-bits", "'mtime' is '9+', which is not a time", tar(records([("mtime", "9" * 20)]), f("f")))
refused("time-beyond-63-bits-by-header", "the time is not a number", tar(f("f", mtime=2**80)))

about("R6: ids are from 0 to 4294967294")
tree("owners-at-the-end", [F("f", owner="4294967294:65534")], tar(f("f", uid=2**32 - 2, gid=65534)))
refused("owner-minus-one", "the owner 4294967295 is not an id", tar(f("f", uid=2**32 - 1, mode=0o4755)))
refused("owner-wraps-to-root", "the owner 4294967296 is not an id", tar(f("f", uid=2**32, mode=0o4755)))
refused("owner-wraps-to-root-by-pax", "the owner 4294967296 is not an id", tar(records([("uid", str(2**32))]), f("f", mode=0o4755)))
refused("owner-of-a-directory-wraps", "the owner 4294967296 is not an id", tar(d("d", uid=2**32)))
refused("owner-of-a-link-wraps", "the owner 4294967295 is not an id", tar(entry("l", "2", link="x", uid=2**32 - 1)))
refused("group-wraps-by-pax", "the group 4294967296 is not an id", tar(records([("gid", str(2**32))]), f("f")))
refused("group-negative-by-header", "the group is not a number from 0", tar(f("f", gid=-1)))
for name, text in ("negative", "-1"), ("signed", "+1"), ("blank", " 1"), ("hexadecimal", "0x10"), ("exponent", "1e3"), ("beyond-64-bits", "9" * 30):
    refused(f"owner-{name}-by-pax", "'uid' is '.*', which is not a number", tar(records([("uid", text)]), f("f")))
refused("owner-that-is-no-octal", "the owner is not a number", tar(f("f", fields={108: b"99999999"})))

about("extended attributes")
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep
tree("attributes", [F("f", attributes={"user.a": "1", "trusted.b": "2"})],
     tar(records([("SCHILY.xattr.user.a", "1"), ("SCHILY.xattr.trusted.b", "2")]), f("f")))
tree("attribute-of-libarchive", [F("f", attributes={"user.a b": "\0v"})], tar(records([("LIBARCHIVE.xattr.user.a%20b", "AHY")]), f("f")))
refused("attribute-of-libarchive-that-is-none", "is not encoded as libarchive does", tar(records([("LIBARCHIVE.xattr.user.a", "!!")]), f("f")))
tree("file-capability", [F("f", mode=0o755, attributes={"security.capability": CAPABILITY})],
     tar(xattr("security.capability", CAPABILITY), f("f", mode=0o755)))
tree("file-capability-goes-with-its-file", [F("f", "new")], tar(xattr("security.capability", CAPABILITY), f("f")), tar(f("f", "new")))
refused("file-capability-that-is-none", "'f': .*security\\.capability.*Invalid argument", tar(xattr("security.capability", "nonsense"), f("f")))
tree("labels-of-the-host-are-skipped", [F("f")],
     tar(records([("SCHILY.xattr.security.selinux", "system_u:object_r:etc_t:s0"), ("SCHILY.xattr.security.SMACK64", "_")]), f("f")))
tree("attribute-of-no-namespace-is-skipped", [F("f")], tar(xattr("nobody", "v"), f("f")))
tree("attributes-of-the-user-on-links-are-skipped", [L("l", "x"), N("p", "p")],
     tar(xattr("user.a", "v"), sym("l", "x"), xattr("user.a", "v"), entry("p", "6")))
tree("attributes-go-with-the-next-entry", [D("d")], tar(xattr("user.a", "v"), d("d")), tar(d("d")))
tree("attribute-taken-back", [F("f")], tar(records([("SCHILY.xattr.user.a", "v"), ("SCHILY.xattr.user.a", "")]), f("f")))
refused("attribute-with-a-nul-in-its-name", "is not the name of an extended attribute", tar(records([("SCHILY.xattr.user.a\0b", "v")]), f("f")))
refused("attribute-without-a-name", "is not the name of an extended attribute", tar(pax(record("SCHILY.xattr.", "v")), f("f")))
refused("attribute-with-a-name-of-300-bytes", "'f': .*extended attribute 'user\\.n+…' of 1 bytes", tar(xattr("user." + "n" * 300, "v"), f("f")))
refused("attribute-of-65537-bytes", "'f': .*extended attribute 'user\\.a' of 65537 bytes", tar(xattr("user.a", "v" * 65537), f("f")))
refused("too-many-attributes", "one extended attribute too many",
        tar(records([(f"SCHILY.xattr.user.{i}", "v") for i in range(2000)]), f("f")))
refused("global-attributes-add-up", "one extended attribute too many",
        tar(*[records([(f"SCHILY.xattr.user.{i}", "v" * 900000)], "g") for i in range(3)], f("f")))
