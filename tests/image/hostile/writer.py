"""Bytes of archives and compressed streams, field by field, as no tool writes them."""
import gzip
import struct
import zlib

BLOCK = 512
END = bytes(2 * BLOCK)


# ---- tar ----


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    return (value % 256**width | 0x80 << 8 * (width - 1)).to_bytes(width, "big")


def number(value, width):
    return octal(value, width) if 0 <= value < 8 ** (width - 1) else base256(value, width)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def raw(text):
    return text if isinstance(text, bytes) else text.encode()


def entry(name, kind="0", data=b"", link="", mode=0o644, uid=0, gid=0, size=None, mtime=0, device=(0, 0),
          magic=b"ustar\x0000", fields=None, checksum=sum):
    """`fields`: offset -> bytes that are put over everything else, before the checksum."""
    block = bytearray(BLOCK)

    def put(at, text):
        block[at : at + len(text)] = text

    put(0, raw(name)[:100])
    put(100, number(mode, 8) + number(uid, 8) + number(gid, 8))
    put(124, number(len(data) if size is None else size, 12) + number(mtime, 12) + b" " * 8 + kind.encode())
    put(157, raw(link)[:100])
    put(257, magic)
    if magic:
        put(329, number(device[0], 8) + number(device[1], 8))
    for at, text in (fields or {}).items():
        put(at, text)
    put(148, b"%06o\0 " % checksum(block))
    return bytes(block) + padded(data)


def signed_sum(block):
    return sum(byte - 256 if byte > 127 else byte for byte in block)


def record(key, value):
    """One record of a pax header, its length included in itself."""
    text = b" " + raw(key) + b"=" + raw(value) + b"\n"
    length = len(text)
    while len(b"%d" % length) + len(text) != length:
        length = len(b"%d" % length) + len(text)
    return b"%d" % length + text


def pax(text, kind="x"):
    return entry("pax", kind, text)


def records(pairs, kind="x"):
    return pax(b"".join(record(key, value) for key, value in pairs), kind)


def gnu(kind, text):
    """A GNU long name ('L') or long link ('K')."""
    return entry("././@LongLink", kind, raw(text), magic=b"ustar  \0")


def d(name, mode=0o755, **more):
    return entry(name, "5", mode=mode, **more)


def f(name, data=b"x", **more):
    return entry(name, "0", raw(data), **more)


def sym(name, to):
    if len(raw(to)) <= 100:
        return entry(name, "2", link=to, mode=0o777)
    return records([("linkpath", to)]) + entry(name, "2", link="long", mode=0o777)


def hard(name, to):
    if len(raw(to)) <= 100:
        return entry(name, "1", link=to)
    return records([("linkpath", to)]) + entry(name, "1", link="long")


def xattr(name, value):
    return records([("SCHILY.xattr." + name, value)])


def sparse_01(name, size, pieces, data=b""):
    """GNU's form 0.1: the map in the pax header."""
    return records([("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1"), ("GNU.sparse.size", str(size)),
                    ("GNU.sparse.numblocks", str(len(pieces))),
                    ("GNU.sparse.map", ",".join(f"{at},{length}" for at, length in pieces))]) + f(name, data)


def sparse_00(name, size, pieces, data=b""):
    """GNU's form 0.0: pieces one by one in the pax header."""
    pairs = [("GNU.sparse.size", str(size)), ("GNU.sparse.numblocks", str(len(pieces)))]
    for at, length in pieces:
        pairs += [("GNU.sparse.offset", str(at)), ("GNU.sparse.numbytes", str(length))]
    return records(pairs) + f(name, data)


def sparse_10(name, size, pieces, data=b"", text=None):
    """GNU's form 1.0: the map in front of the content."""
    numbers = [len(pieces)] + [n for piece in pieces for n in piece]
    text = raw("".join(f"{n}\n" for n in numbers) if text is None else text)
    return records([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", name),
                    ("GNU.sparse.realsize", str(size))]) + f("GNUSparseFile.0/x", padded(text) + data)


def sparse_old(name, size, pieces, data=b"", more=()):
    """GNU's old form 'S': four pieces in the header, `more` in blocks of up to 21."""
    def table(rows, width):
        text = b"".join(number(at, 12) + number(length, 12) for at, length in rows)
        return text + bytes(width - len(text))
    fields = {386: table(pieces, 96), 482: b"\1" if more else b"\0", 483: number(size, 12)}
    head = entry(name, "S", magic=b"ustar  \0", size=len(data), fields=fields)
    blocks = b"".join(table(rows, 504) + (b"\1" if i + 1 < len(more) else b"\0") + bytes(7)
                      for i, rows in enumerate(more))
    return head + blocks + padded(data)


# ---- gzip ----


def member(plain, flags=0, extra=b"", method=8, tail=None, level=9):
    """One gzip member; `extra`: what follows the ten fixed bytes; `tail`: instead of checksum and length."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = packer.compress(plain) + packer.flush()
    end = struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF) if tail is None else tail
    return struct.pack("<HBBIBB", 0x8B1F, method, flags, 0, 0, 255) + extra + body + end


def packed(plain):
    return gzip.compress(plain, mtime=0)


# ---- zstd: raw and RLE blocks, for which no compressor is needed ----

ZSTD = 0xFD2FB528


def zstd_frame(plain, descriptor=0b10100000, head=b"", size=None, tail=b"", magic=ZSTD):
    """Raw blocks in a single segment with a content size of four bytes; other `descriptor`s bring their `head`."""
    out = struct.pack("<IB", magic, descriptor) + head
    if descriptor & 0xC0 == 0x80:
        out += struct.pack("<I", len(plain) if size is None else size)
    pieces = [plain[i : i + 65536] for i in range(0, len(plain), 65536)] or [b""]
    for i, piece in enumerate(pieces):
        out += struct.pack("<I", (i + 1 == len(pieces)) | len(piece) << 3)[:3] + piece
    return out + tail


def zstd_window(log, mantissa=0):
    """The byte that announces a window of 2^log bytes."""
    return bytes([log - 10 << 3 | mantissa])


def zstd_run(size, byte=b"\0"):
    """`size` times the byte in RLE blocks of 128 KiB, four bytes each."""
    blocks = size >> 17
    rows = [struct.pack("<I", (i + 1 == blocks) | 1 << 1 | (1 << 17) << 3)[:3] + byte for i in range(blocks)]
    return struct.pack("<IB", ZSTD, 0) + zstd_window(20) + b"".join(rows)


def zstd_skippable(text=b"skip", size=None, number=0):
    return struct.pack("<II", 0x184D2A50 + number, len(text) if size is None else size) + text
