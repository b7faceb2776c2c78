"""Archives that are damaged, old, strange, or larger than they look."""
from writer import (BLOCK, END, base256, d, entry, f, gnu, hard, packed, pax, record, records, signed_sum, sparse_00,
                     sparse_01, sparse_10, sparse_old, sym)
from corpus import GZIP, D, F, L, Layer, about, refused, sha256, tar, tree

PLAIN = f("f", "content") + END

about("tar: old and other forms")
tree("tar-of-v7", [D("d"), F("d/f")], tar(entry("d/", "\0", mode=0o755, magic=b""), entry("d/f", "\0", b"x", magic=b"")))
tree("tar-of-gnu", [F("f")], tar(f("f", magic=b"ustar  \0")))
tree("tar-of-star", [D("p"), F("p/f")], tar(f("f", fields={345: b"p", 508: b"tar\0"})))
tree("name-with-a-prefix", [D("p"), D("p/q"), F("p/q/f")], tar(f("f", fields={345: b"p/q"})))
tree("prefix-that-climbs", [F("f")], tar(f("f", fields={345: b"../.."})))
tree("name-of-100-bytes-without-a-nul", [F("n" * 100)], tar(f("n" * 100)))
tree("contiguous-file", [F("f")], tar(entry("f", "7", b"x")))
tree("volume-label-is-skipped", [F("f")], tar(entry("label", "V", b"y" * 600), f("f")))
tree("checksum-of-signed-bytes", [F(b"\xe9")], tar(f(b"\xe9", checksum=signed_sum)))
tree("numbers-in-blanks", [F("f")], tar(f("f", fields={108: b"   0  \0 ", 116: b"\0" * 8})))
tree("archive-without-an-end", [F("f")], Layer(f("f")))
tree("archive-with-one-zero-block", [F("f")], Layer(f("f") + bytes(BLOCK)))
tree("archive-and-garbage-behind-its-end", [F("f", "content")], Layer(PLAIN + b"garbage"))
tree("archive-behind-an-archive-is-not-read", [F("f", "content")], Layer(PLAIN + f("g") + END))
tree("archive-of-zeros", [], Layer(bytes(10240)))
tree("archive-of-nothing", [], Layer(b""))
tree("layers-that-are-all-empty", [], *[Layer(bytes(1024 * i)) for i in range(20)])
for kind, name in ("D", "directory-dump"), ("M", "continued-file"), ("N", "old-long-names"), ("A", "unknown"), ("X", "solaris"), ("\x1b", "escape"):
    refused(f"entry-of-type-{name}", "'f': has the type '", tar(entry("f", kind)))

about("tar: damage")
refused("archive-goes-on-behind-one-zero-block", "goes on behind a single zero block", Layer(f("f") + bytes(BLOCK) + f("g") + END))
refused("checksum-wrong", "the checksum does not hold", Layer(b"g" + PLAIN[1:]))
refused("checksum-missing", "the checksum does not hold", Layer(PLAIN[:148] + bytes(8) + PLAIN[156:]))
for name, data in (("text", b"#!/bin/sh\n" * 200), ("elf", b"\x7fELF\2\1\1" + bytes(2041)), ("zip", b"PK\3\4" + b"z" * 2044),
                   ("cpio", b"070701" + b"0" * 2042), ("html", b"<!DOCTYPE html><html>" + b" " * 1003)):
    refused(f"archive-that-is-{name}", "the checksum does not hold|ends in the middle", Layer(data))
WHOLE = records([("path", "long/name")]) + f("f", "y" * 600) + f("g")
for at, where in ((100, "ends in the middle"), (BLOCK + 5, "ends in the middle"), (BLOCK + 100, "ends in the middle"),
                  (2 * BLOCK, "ends behind an extended header"), (2 * BLOCK + 77, "ends in the middle"),
                  (3 * BLOCK, "ends in the middle of 'long/name'"), (3 * BLOCK + 599, "ends in the middle of 'long/name'"),
                  (3 * BLOCK + 700, "ends in the middle"), (5 * BLOCK + 511, "ends in the middle")):
    refused(f"archive-cut-at-{at}", where, Layer(WHOLE[:at]))
refused("hard-link-with-content", "the checksum does not hold", tar(f("f"), entry("h", "1", b"y" * 600, link="f")))
refused("directory-with-content", "the checksum does not hold", tar(entry("d", "5", b"y" * 600)))

about("tar: numbers")
refused("size-of-an-exbibyte", "is larger than 8796093022208 bytes", tar(f("f", size=2**60)))
refused("size-of-a-tebibyte-that-does-not-come", "ends in the middle of 'f'", Layer(f("f", size=2**40)))
refused("size-beyond-63-bits", "the size is not a number from 0 to 2\\^63-1", tar(f("f", size=2**64)))
refused("size-of-2-to-the-63", "the size is not a number from 0 to 2\\^63-1", tar(f("f", size=2**63)))
refused("size-negative", "the size is not a number from 0 to 2\\^63-1", tar(f("f", size=-BLOCK)))
refused("size-of-digits-that-are-none", "the size is not a number", tar(f("f", fields={124: b"0000000009\0 "})))
refused("size-with-a-sign", "the size is not a number", tar(f("f", fields={124: b"-0000000001\0"})))
refused("size-of-a-long-name-negative", "the size is not a number", tar(entry("L", "L", size=-1), f("f")))
tree("size-by-base-256", [F("f", "abc")], tar(f("f", "abc", fields={124: base256(3, 12)})))

about("tar: GNU's long names")
tree("long-name", [F("n" * 200)], tar(gnu("L", "n" * 200 + "\0"), f("short")))
tree("long-name-without-a-nul", [F("n" * 200)], tar(gnu("L", "n" * 200), f("short")))
tree("long-name-and-more-behind-its-nul", [F("name")], tar(gnu("L", "name\0/../../x"), f("short")))
tree("long-names-one-after-the-other", [F("second")], tar(gnu("L", "first\0"), gnu("L", "second\0"), f("short")))
tree("long-name-beats-pax", [F("gnu")], tar(records([("path", "pax")]), gnu("L", "gnu\0"), f("short")))
tree("long-link", [L("l", "t" * 300)], tar(gnu("K", "t" * 300 + "\0"), entry("l", "2", link="short")))
tree("long-name-for-the-next-entry-only", [F("long"), F("short")], tar(gnu("L", "long\0"), f("x"), f("short")))
tree("long-name-that-climbs", [F("up")], tar(gnu("L", "../" * 300 + "up\0"), f("x")))
refused("long-name-that-is-empty", "the name is empty", tar(gnu("L", "\0"), f("short")))
refused("long-name-of-5000-bytes", "is longer than 4095 bytes", tar(gnu("L", "n" * 5000), f("short")))
refused("long-name-of-2-mebibytes", "an extended header of 2097152 bytes is larger than 1048576", tar(gnu("L", "n" * 2**21), f("short")))
refused("long-name-of-an-exbibyte", "is larger than 1048576", tar(entry("L", "L", size=2**60)))
refused("long-name-without-an-entry", "ends behind an extended header", tar(gnu("L", "name\0")))
refused("long-names-without-an-end", "ends behind an extended header", tar(*[gnu("L", "n" * 1000) for _ in range(2000)]))

about("tar: pax headers")
for name, text in (("too-long", b"99 path=a\n"), ("too-short", b"8 path=a\n"), ("zero", b"0 path=a\n"), ("negative", b"-10 path=a\n"),
                   ("beyond-64-bits", b"99999999999999999999999 path=a\n"), ("missing", b" path=a\n"), ("text", b"ten path=a\n"),
                   ("without-a-newline", b"10 path=abc"), ("without-a-blank", b"10path=abc\n"), ("and-nothing-else", b"3 \n")):
    refused(f"pax-record-length-{name}", "pax header: '.*' is not a record", tar(pax(text), f("f")))
refused("pax-record-without-a-value", "has no keyword", tar(pax(b"11 pathabc\n"), f("f")))
refused("pax-record-without-a-keyword", "has no keyword", tar(pax(record("", "value")), f("f")))
refused("pax-path-with-a-nul", "'path' contains a NUL", tar(records([("path", "a\0b")]), f("f")))
refused("pax-linkpath-with-a-nul", "'linkpath' contains a NUL", tar(records([("linkpath", "a\0b")]), sym("l", "x")))
refused("pax-header-of-2-mebibytes", "extended header of .* is larger than", tar(records([("comment", "c" * 2**21)]), f("f")))
refused("pax-header-without-an-entry", "ends behind an extended header", tar(records([("path", "a")])))
refused("pax-size-negative", "'size' is '-1'", tar(records([("size", "-1")]), f("f")))
refused("pax-size-beyond-63-bits", "'size' is '9223372036854775808'", tar(records([("size", str(2**63))]), f("f")))
refused("pax-size-smaller-than-what-comes", "the checksum does not hold", tar(records([("size", "1")]), f("f", "y" * 600), f("g")))
tree("pax-size-instead-of-the-header", [F("f", "abc"), F("g")], tar(records([("size", "3")]), f("f", "abc", size=0), f("g")))
tree("pax-keyword-twice", [F("second")], tar(records([("path", "first"), ("path", "second")]), f("f")))
tree("pax-value-that-is-empty", [F("f")], tar(records([("path", "")]), f("f")))
tree("pax-header-twice", [F("f", owner="5:0")], tar(records([("path", "first")]), records([("uid", "5")]), f("f")))
tree("pax-keywords-of-nobody", [F("f")], tar(records([("VENDOR.x", "y"), ("comment", "c" * 900000), ("hdrcharset", "BINARY")]), f("f")))
tree("pax-global-header", [F("a", owner="5:0"), F("b", owner="6:0"), F("c")],
     tar(records([("uid", "5")], "g"), f("a"), records([("uid", "6")]), f("b"), records([("uid", "")], "g"), f("c")))
tree("pax-global-path", [F("same", "second")], tar(records([("path", "same")], "g"), f("a", "first"), f("b", "second")))
tree("pax-global-path-that-climbs", [F("up")], tar(records([("path", "../../up")], "g"), f("a")))
tree("pax-header-of-nothing", [F("f")], tar(pax(b""), f("f")))

about("tar: sparse files")
MAP = [(0, 1), (8191, 1)]
HOLES = 8192
for form, make in ("0.0", sparse_00), ("0.1", sparse_01), ("1.0", sparse_10), ("old", sparse_old):
    tree(f"sparse-{form}", [F("s", HOLES)], tar(make("s", HOLES, MAP, b"ab")))
    tree(f"sparse-{form}-of-holes-alone", [F("s", HOLES)], tar(make("s", HOLES, [(HOLES, 0)])))
    tree(f"sparse-{form}-of-a-tebibyte", [F("s", 2**40)], tar(make("s", 2**40, [(2**40, 0)])))
    refused(f"sparse-{form}-of-an-exbibyte", "'s': is larger than 8796093022208 bytes", tar(make("s", 2**60, [(2**60, 0)])))
    refused(f"sparse-{form}-pieces-overlap", "'s': the sparse map is not in order", tar(make("s", 9, [(0, 2), (1, 1)], b"abc")))
    refused(f"sparse-{form}-pieces-unsorted", "'s': the sparse map is not in order", tar(make("s", 9, [(5, 1), (0, 1)], b"ab")))
    refused(f"sparse-{form}-piece-overflows", "'s': the sparse map is not in order", tar(make("s", 9, [(4, 2**63 - 1)], b"abc")))
    refused(f"sparse-{form}-leaves-the-file", "'s': the sparse map is not in order", tar(make("s", 9, [(8, 2)], b"ab")))
    refused(f"sparse-{form}-of-less-than-it-says", "'s': the sparse map covers 4 bytes, and 2 are stored", tar(make("s", 9, [(0, 4)], b"ab")))
tree("sparse-of-a-tebibyte-linked-from-the-next-layer", [F("link", 2**40), F("s", 2**40, links="link")],
     tar(sparse_01("s", 2**40, [(0, 1)], b"x")), tar(hard("link", "s")))
tree("sparse-of-a-tebibyte-in-a-volume", [D("v"), F("v/s", 2**40)], tar(d("v"), sparse_01("v/s", 2**40, [(0, 1)], b"x")),
     process={"Volumes": {"/v": {}}})
tree("sparse-old-goes-on-in-blocks", [F("s", 2**20)],
     tar(sparse_old("s", 2**20, [(i * 4096, 1) for i in range(4)], b"y" * 25, [[(i * 4096, 1) for i in range(4, 25)]])))
refused("sparse-without-its-size", "a sparse file without its size", tar(records([("GNU.sparse.map", "0,1")]), f("s")))
refused("sparse-of-form-2", "sparse files of the form 2\\.7 are not known",
        tar(records([("GNU.sparse.major", "2"), ("GNU.sparse.minor", "7"), ("GNU.sparse.size", "1")]), f("s")))
refused("sparse-offset-without-its-size", "comes without its numbytes", tar(records([("GNU.sparse.size", "1"), ("GNU.sparse.offset", "0")]), f("s")))
refused("sparse-map-with-half-a-piece", "has an offset without a size", tar(records([("GNU.sparse.size", "1"), ("GNU.sparse.map", "0,1,2")]), f("s")))
for name, text in ("text", "one\n"), ("negative", "-1\n"), ("too-many", f"{2**40}\n"), ("without-an-end", "1" * 4 * BLOCK):
    refused(f"sparse-1.0-map-{name}", "the sparse map is damaged", tar(sparse_10("s", 9, [], text=text)))
refused("sparse-1.0-map-longer-than-the-content", "'s': the sparse map is longer than the content", tar(sparse_10("s", 9, [], text="9\n0\n1\n")))
refused("sparse-old-cut-in-its-map", "ends in the middle of 's'", Layer(sparse_old("s", 9, [(0, 1)], b"x", [[(1, 1)]])[: BLOCK + 100]))

about("R9: numbers of entries, and what lies behind the end")
SAME = b"".join(d("d") for _ in range(2048)) * 490
tree("a-million-entries-of-one-name", [D("d")], Layer(SAME, packed(SAME[: 2048 * BLOCK]) * 490, GZIP))
tree("a-mebibyte-of-padding", [F("f", "content")], Layer(PLAIN + bytes(1 << 20)))
refused("padding-without-an-end", "goes on for more than 67108864 bytes behind its end",
        Layer(b"", packed(bytes(1 << 20)) * 65 + packed(END), GZIP, diff=sha256(b"")))
