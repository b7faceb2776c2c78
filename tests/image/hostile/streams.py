"""Compressed streams: damaged, endless, of another kind than their media type says, or of several parts."""
import struct
import zlib

from writer import (END, entry, f, member, packed, zstd_frame, zstd_run, zstd_skippable, zstd_window)
from corpus import GZIP, TAR, ZST, F, Layer, about, refused, sha256_of, tree

PLAIN = f("f", "content") + END
PACKED = packed(PLAIN)
ZEROS = sha256_of([entry("zeros", size=5 << 28), *[bytes(1 << 20)] * (5 << 8), END])
CONTENT = [F("f", "content")]


def gz(name, why, blob):
    refused("gzip-" + name, why, Layer(PLAIN, blob, GZIP))


def zst(name, why, blob):
    refused("zstd-" + name, why, Layer(PLAIN, blob, ZST))


about("gzip: RFC 1952, read to its end")
tree("gzip-of-two-members", CONTENT, Layer(PLAIN, packed(PLAIN[:700]) + packed(PLAIN[700:]), GZIP))
tree("gzip-of-a-member-for-each-byte", CONTENT, Layer(PLAIN, b"".join(packed(PLAIN[i : i + 1]) for i in range(len(PLAIN))), GZIP))
tree("gzip-with-empty-members", CONTENT, Layer(PLAIN, packed(b"") * 3000 + PACKED + packed(b"") * 3000, GZIP))
tree("gzip-padded-with-zeros", CONTENT, Layer(PLAIN, PACKED + bytes(512), GZIP))
tree("gzip-of-stored-blocks", CONTENT, Layer(PLAIN, member(PLAIN, level=0), GZIP))
tree("gzip-with-all-header-fields", CONTENT,
     Layer(PLAIN, member(PLAIN, 4 | 8 | 16, struct.pack("<H", 60000) + b"e" * 60000 + b"../../name\0comment\0"), GZIP))
tree("gzip-with-a-checksum-of-its-header", CONTENT,
     Layer(PLAIN, member(PLAIN, 2, struct.pack("<H", zlib.crc32(member(PLAIN, 2)[:10]) & 0xFFFF)), GZIP))
tree("gzip-of-nothing", [], Layer(b"", packed(b""), GZIP))
gz("truncated", "ends in the middle", PACKED[:-9])
gz("truncated-in-its-header", "ends in the middle", PACKED[:5])
gz("without-its-checksum", "ends in the middle", PACKED[:-8])
gz("with-half-its-checksum", "ends in the middle", PACKED[:-4])
gz("second-member-truncated", "ends in the middle", packed(PLAIN[:700]) + packed(PLAIN[700:])[:-3])
gz("wrong-checksum", "its checksum or length does not hold", PACKED[:-8] + b"abcd" + PACKED[-4:])
gz("wrong-length", "its checksum or length does not hold", PACKED[:-4] + b"abcd")
gz("and-garbage", "something else behind its end", PACKED + b"garbage behind it")
gz("and-zeros-and-garbage", "something else behind its end", PACKED + bytes(100) + b"garbage")
gz("and-zeros-and-a-member", "something else behind its end", packed(PLAIN[:700]) + bytes(100) + packed(PLAIN[700:]))
gz("and-half-a-magic-number", "ends in the middle", PACKED + b"\x1f")
gz("of-another-method", "its method is not deflate", member(PLAIN, method=9))
gz("with-reserved-flags", "flags that mean nothing yet", member(PLAIN, flags=0x80))
gz("with-a-wrong-checksum-of-its-header", "the checksum of its header does not hold", member(PLAIN, 2, b"zz"))
gz("with-a-name-without-end", "the header of a member is larger than 262144 bytes", member(PLAIN, 8, b"n" * 300000))
gz("with-an-invalid-block", "damaged", PACKED[:10] + b"\x07" + PACKED[11:])
gz("with-a-distance-before-its-start", "damaged", member(b"", tail=b"")[:10] + bytes([0x4B, 0x04, 0x12, 0, 0]) + bytes(8))
gz("in-gzip", "the checksum does not hold|ends in the middle", packed(PACKED))
gz("of-nothing-but-zeros", "it is not gzip", bytes(1024))
refused("gzip-empty", "it is empty", Layer(b"", b"", GZIP))

about("zstd: RFC 8878, read to its end")
tree("zstd-of-one-frame", CONTENT, Layer(PLAIN, zstd_frame(PLAIN), ZST))
tree("zstd-of-two-frames", CONTENT, Layer(PLAIN, zstd_frame(PLAIN[:700]) + zstd_frame(PLAIN[700:]), ZST))
tree("zstd-with-skippable-frames", CONTENT,
     Layer(PLAIN, zstd_skippable() + zstd_frame(PLAIN) + zstd_skippable(b"s" * 100000, number=15) * 20, ZST))
tree("zstd-with-empty-frames", CONTENT, Layer(PLAIN, zstd_frame(b"") * 3000 + zstd_frame(PLAIN) + zstd_frame(b"") * 3000, ZST))
tree("zstd-with-a-window-of-128-mebibytes", CONTENT, Layer(PLAIN, zstd_frame(PLAIN, 0, zstd_window(27)), ZST))
zst("with-a-window-of-144-mebibytes", "damaged: zstd: Frame requires too much memory", zstd_frame(PLAIN, 0, zstd_window(27, 1)))
zst("with-a-window-of-two-tebibytes", "damaged: zstd: Frame requires too much memory", zstd_frame(PLAIN, 0, zstd_window(41)))
zst("with-a-dictionary", "damaged: zstd: Dictionary mismatch", zstd_frame(PLAIN, 0xA1, b"\x07"))
zst("with-a-reserved-bit", "damaged: zstd: Unsupported frame parameter", zstd_frame(PLAIN, 0xA8))
zst("of-another-length-than-it-says", "damaged: zstd", zstd_frame(PLAIN, size=len(PLAIN) + 1))
zst("with-a-wrong-checksum", "damaged: zstd: .*checksum", zstd_frame(PLAIN, 0xA4, tail=b"abcd"))
zst("with-a-reserved-block", "damaged: zstd", zstd_frame(b"")[:-3] + b"\x07\0\0")
zst("truncated", "ends in the middle", zstd_frame(PLAIN)[:-3])
zst("truncated-in-its-header", "ends in the middle", zstd_frame(PLAIN)[:6])
zst("second-frame-truncated", "ends in the middle", zstd_frame(PLAIN[:700]) + zstd_frame(PLAIN[700:])[:-1])
zst("skippable-frame-truncated", "ends in the middle", zstd_frame(PLAIN) + zstd_skippable(size=4096))
zst("skippable-frame-of-4-gibibytes", "ends in the middle", zstd_frame(PLAIN) + zstd_skippable(size=2**32 - 1))
zst("and-garbage", "damaged: zstd", zstd_frame(PLAIN) + b"garbage")
zst("and-zeros", "damaged: zstd|ends in the middle", zstd_frame(PLAIN) + bytes(512))
zst("of-version-0.1", "damaged: zstd", zstd_frame(PLAIN, magic=0xFD2FB51E))
refused("zstd-empty", "it is empty", Layer(b"", b"", ZST))
tree("zstd-of-skippable-frames-alone", [], Layer(b"", zstd_skippable() * 3, ZST))

about("the media type says how a layer is packed")
refused("gzip-that-is-none", "it is not gzip", Layer(PLAIN, PLAIN, GZIP))
refused("gzip-that-is-zlib", "it is not gzip", Layer(PLAIN, zlib.compress(PLAIN), GZIP))
refused("gzip-that-is-zstd", "it is not gzip", Layer(PLAIN, zstd_frame(PLAIN), GZIP))
refused("gzip-that-is-xz", "it is not gzip", Layer(PLAIN, b"\xfd7zXZ\0" + bytes(100), GZIP))
refused("gzip-that-is-bzip2", "it is not gzip", Layer(PLAIN, b"BZh91AY&SY" + bytes(100), GZIP))
refused("zstd-that-is-gzip", "damaged: zstd", Layer(PLAIN, PACKED, ZST))
refused("tar-that-is-gzip", "the checksum does not hold|ends in the middle", Layer(PLAIN, PACKED, TAR))
tree("layer-of-docker", CONTENT, Layer(PLAIN, PACKED, "application/vnd.docker.image.rootfs.diff.tar.gzip"))
tree("layer-that-is-foreign", CONTENT, Layer(PLAIN, PACKED, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))
tree("layer-that-is-not-distributable", CONTENT, Layer(PLAIN, PACKED, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"))

about("R9: bombs")
refused("ratio-bomb", "goes on for more than 67108864 bytes behind its end", Layer(b"", zstd_run(1 << 20) * 20000, ZST))
refused("ratio-bomb-of-gzip", "goes on for more than 67108864 bytes behind its end", Layer(b"", packed(bytes(1 << 20)) * 20000, GZIP))


def many(size, byte):
    """So many of a byte in the fewest, for either kind, and what may come before and behind them."""
    return (("zstd", zstd_frame, zstd_run(size, byte), ZST), ("gzip", packed, packed(byte * (1 << 20)) * (size >> 20), GZIP))


# Content counts: it would be on the disk, and what nobody keeps still takes its time.
for kind, pack, body, media in many(4 << 30, b"A"):
    refused(f"ratio-bomb-of-content-in-{kind}", "unpacks to more than 200 times its [0-9]+ bytes: .*with --max-ratio$",
            Layer(b"", pack(entry(".wh.f", size=4 << 30)) + body, media))
# Zeros do not, for they take no room; deflate packs them to a thousandth.
for kind, pack, body, media in many(5 << 28, b"\0"):
    tree(f"a-file-of-zeros-in-{kind}", [F("zeros", 5 << 28)], Layer(b"", pack(entry("zeros", size=5 << 28)) + body + pack(END), media, ZEROS))
