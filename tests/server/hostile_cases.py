"""Hostile archives by name, each with the code of the fault that it must be refused for."""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

from peopleparse.server.manifest import Manifest
from tests.server.hostile import Entry, build, change, chunk, header, png, raster

SIZES = {"a": (16, 12), "b": (7, 5), "c": (40, 30), "d": (16, 12)}
LIP = Manifest("lip", "lip", 1, "map", SIZES)
Case = tuple[str, bytes, str]


def labels_of(name: str, most: int = 19) -> np.ndarray:
    """Return a label map of an image, the same each time."""
    width, height = SIZES[name]
    rng = np.random.default_rng(ord(name))
    return rng.integers(0, most + 1, (height, width), np.uint8)


def good_entries() -> list[Entry]:
    """Return the files of a right archive."""
    return [Entry(f"{name}.png".encode(), png(labels_of(name))) for name in SIZES]


def with_first(**values: object) -> bytes:
    """Return an archive whose first file is other than right."""
    first, *rest = good_entries()
    return build([change(first, **values), *rest])


def with_more(entry: Entry) -> bytes:
    """Return an archive with a file more."""
    return build([*good_entries(), entry])


def all_cases() -> list[Case]:
    """Return name, bytes and code of every hostile archive for LIP."""
    return [*path_cases(), *type_cases(), *size_cases(), *structure_cases(), *png_cases()]


def path_cases() -> Iterator[Case]:
    """Names."""
    names = {
        "parent": b"../a.png", "deep parent": b"x/../../a.png", "absolute": b"/a.png",
        "backslash": b"..\\a.png", "drive": b"C:a.png", "drive path": b"C:\\a.png",
        "dot": b"./a.png", "double slash": b"x//a.png", "nul": b"a.png\0.exe",
        "newline": b"a\n.png", "delete": b"a\x7f.png", "no name": b"",
        "long": b"a" * 60_000, "deep": b"x/" * 3_000 + b"a.png", "not utf-8": b"\xff\xfe.png",
        "right to left": "a\u202egnp.png".encode(), "zero width": "a\u200b.png".encode(),
        "parent alone": b"..", "unc": b"\\\\host\\a.png", "stream": b"a.png:x",
    }  # fmt: skip
    for what, name in names.items():
        yield f"path {what}", with_first(name=name), "path"
    for what, name in {
        "other": b"z.png", "ending": b"a.jpg", "upper ending": b"z.PNG", "no ending": b"a",
        "readme": b"README.md", "two endings": b"a.png.png", "space": b" a.png",
        "html": b"index.html", "nested": b"sub/a.png", "look-alike": "\u0430.png".encode(),
    }.items():  # fmt: skip
        yield f"name {what}", with_more(Entry(name, b"x")), "name"
    yield "name case twice", with_more(Entry(b"A.PNG", b"x")), "name-case"
    yield "folder without files", with_more(Entry(b"empty/")), "name"
    inside = [change(entry, name=b"results/" + entry.name) for entry in good_entries()]
    yield "folder inside", build(inside), "folder-inside"
    deeper = [change(entry, name=b"x/y/" + entry.name) for entry in good_entries()]
    yield "folder in folder", build([Entry(b"x/"), Entry(b"x/y/"), *deeper]), "folder-inside"
    for name in (b"__MACOSX/._a.png", b".DS_Store", b"._a.png", b"Thumbs.db"):
        yield f"system file {name!r}", with_more(Entry(name, b"x")), "system-files"
    extra = struct.pack("<2HBI", 0x7075, 10, 1, zlib.crc32(b"a.png")) + b"b.png"
    yield "second name in a field", with_first(central={"extra": extra}), "path"


def type_cases() -> Iterator[Case]:
    """Files that are none, or of another kind than their name says."""
    for what, mode in {
        "link": stat.S_IFLNK, "pipe": stat.S_IFIFO, "device": stat.S_IFBLK, "socket": stat.S_IFSOCK,
        "character device": stat.S_IFCHR, "folder": stat.S_IFDIR,
    }.items():  # fmt: skip
        yield f"type {what}", with_first(attributes=(mode | 0o777) << 16), "zip-type"
    dos = {"attributes": (stat.S_IFLNK | 0o777) << 16, "system": 0}
    yield "type link of another system", with_first(**dos), "zip-type"
    npy = io.BytesIO()
    np.save(npy, np.array([{}], object), allow_pickle=True)
    nested = build(good_entries())
    for what, data in {
        "nested zip": nested, "pickle": pickle.dumps([1]), "object array": npy.getvalue(),
        "script": b"#!/bin/sh\nrm -rf x\n", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n", "fits": b"SIMPLE  =                    T",
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF", "gif": b"GIF89a", "text": b"label", "nothing": b"",
        "webp": b"RIFF\0\0\0\0WEBP", "tiff": b"II*\0", "old mac png": b"\x89PNG\r\r\n\x1a",
    }.items():  # fmt: skip
        yield f"type {what} as png", with_first(data=data), "png-signature"


def size_cases() -> Iterator[Case]:
    """Little that becomes much."""
    zeros = bytes(20 << 20)
    yield "deflate bomb", with_first(data=zeros), "file-size"
    lie = {"size": 1000}
    yield "size lie", with_first(data=zeros, central=lie, local=lie), "zip-size"
    for what, method, pack in (("bzip2", 12, bz2.compress), ("lzma", 14, lzma.compress)):
        bomb = {"data": zeros, "method": method, "packed": pack(zeros)}
        yield f"{what} bomb", with_first(**bomb), "zip-method"
    for method in (1, 6, 9, 93, 95, 98, 99):
        yield f"method {method}", with_first(method=method, packed=b"x"), "zip-method"
    many = [Entry(f"{n}.png".encode()) for n in range(20_000)]
    yield "many empty files", build(many), "too-many-files"
    yield (
        "count lie",
        build(good_entries(), end={"here": 60_000, "count": 60_000}),
        "too-many-files",
    )
    whole = [good_entries()[2], *(Entry(f"{name}.png".encode(), shares=0) for name in "abd")]
    kernel = whole[0].fields({})
    lies = {key: kernel[key] for key in ("crc", "packed_size", "size")}
    full = [whole[0], *(change(entry, central=lies) for entry in whole[1:])]
    yield "full overlap", build(full), "zip-overlap"
    first = good_entries()[0]
    quoted = change(first, central={"packed_size": len(first.body()) + 40})
    yield "quoted overlap", build([quoted, *good_entries()[1:]]), "zip-overlap"
    yield "stored size lie", with_first(method=0, central={"size": 10}), "zip-size"
    yield "4 GB said", with_first(central={"size": 0xFFFFFFFE}), "file-size"
    yield "huge zip64 size", with_first(central=_wide(2**63, None)), "file-size"
    yield "packed far beyond", with_first(central={"packed_size": 1 << 30}), "zip-directory"
    padded = change(first, method=0, data=first.data + bytes(1 << 18))
    yield "padded png", build([padded, *good_entries()[1:]]), "file-size"
    junk = Entry(b"a.png", first.data, packed=first.body() + b"\0" * 100)
    yield "bytes behind the deflated ones", build([junk, *good_entries()[1:]]), "zip-size"


def _wide(size: int | None, packed: int | None) -> dict:
    body = b"".join(struct.pack("<Q", value) for value in (size, packed) if value is not None)
    found: dict = {"extra": struct.pack("<2H", 1, len(body)) + body}
    if size is not None:
        found["size"] = 0xFFFFFFFF
    if packed is not None:
        found["packed_size"] = 0xFFFFFFFF
    return found


def structure_cases() -> Iterator[Case]:
    """What two readers would read in two ways, or none."""
    entries, right = good_entries(), build(good_entries())
    first, *rest = entries
    for flag in (1, 1 | 1 << 6, 1 << 13):
        yield f"encrypted {flag}", with_first(flags=flag), "zip-encrypted"
    for flag in (1 << 4, 1 << 5, 1 << 14):
        yield f"flag {flag}", with_first(flags=flag), "zip-flags"
    yield "crc", with_first(central={"crc": 1}, local={"crc": 1}), "zip-crc"
    yield "not deflated", with_first(packed=b"\xff" * 40), "zip-data"
    yield "deflate cut off", with_first(packed=first.body()[:-4]), "zip-size"
    for length in (1, 30, len(right) // 2, len(right) - 23):
        yield f"cut at {length}", right[:length], "zip-truncated" if length > 3 else "not-a-zip"
    yield "cut in its end", right[:-3], "zip-truncated"
    yield "html before", build(entries, prefix=b"<html></html>"), "zip-prefix"
    yield "html before, not said", build(entries, prefix=b"<html></html>", shift=0), "zip-prefix"
    yield "zip before", build(entries, prefix=right, shift=0), "zip-gap"
    yield "bytes behind", right + b"tail", "zip-trailing"
    yield "zip behind", right + build([Entry(b"z.png", b"x")]), "zip-gap"
    yield "end twice", right + right[-22:], "zip-gap"
    yield "end in the comment", build(entries, comment=right[-22:]), "zip-second-end"
    empty_end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
    yield "empty end in the comment", build(entries, comment=empty_end), "zip-second-end"
    yield "empty end behind", right + empty_end, "zip-gap"
    yield "gap before the directory", build(entries, gap=b"hidden file"), "zip-gap"
    yield "gap before the end", build(entries, before_end=b"hidden"), "zip-gap"
    unlisted = change(first, name=b"hidden.png")
    listed = build([unlisted, *entries], end={"here": 4, "count": 4})
    yield "entry not counted", listed, "zip-directory"
    yield "too few entries", build(entries, end={"here": 5, "count": 5}), "zip-directory"
    yield "two names", with_first(local={"name": b"b.png"}), "zip-local"
    yield "two methods", with_first(local={"method": 0}), "zip-local"
    yield "two sizes", with_first(local={"size": 5}), "zip-local"
    yield "two checksums", with_first(local={"crc": 5}), "zip-local"
    yield "two flags", with_first(local={"flags": 1 << 3}), "zip-local"
    yield "long name in the header", with_first(local={"name": b"a.png" + b"x" * 500}), "zip-local"
    yield "wrong place", with_first(central={"offset": 7}), "zip-prefix"
    yield "place behind all", with_first(central={"offset": 1 << 30}), "zip-directory"
    yield "twice the same name", build([*entries, first]), "zip-duplicate"
    yield "several disks", build(entries, end={"disk": 1}), "zip-split"
    yield "part of a set", build(entries, end={"here": 3}), "zip-split"
    yield "file on another disk", with_first(disk=2), "zip-split"
    yield "no files", build([]), "zip-empty"
    yield "no bytes", b"", "not-a-zip"
    for start in (b"<!DOCTYPE html><html>", b"\x1f\x8b\x08", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\7"):
        yield f"not a zip {start[:4]!r}", start + bytes(100), "not-a-zip"
    descriptor = change(first, flags=8, descriptor=b"PK\7\x08" + bytes(12))
    yield "wrong descriptor", build([descriptor, *rest]), "zip-gap"
    yield "descriptor not said", with_first(descriptor=b"PK\7\x08" + bytes(12)), "zip-gap"
    yield "numbers of zip64 missing", with_first(central={"size": 0xFFFFFFFF}), "zip64"
    twice = {"size": 0xFFFFFFFF, "extra": 2 * _wide(5, None)["extra"]}
    yield "numbers of zip64 twice", with_first(central=twice), "zip64"
    yield "zip64 end elsewhere", build(entries, wide={"place": 3}), "zip64"
    yield "zip64 end too long", build(entries, wide={"record": 60}), "zip64"
    yield "zip64 end that differs", build(entries, wide={}, end={"count": 3}), "zip64"
    yield "zip64 end missing", build(entries, end={"start": 0xFFFFFFFF}), "zip64"
    yield "zip64 places beyond", build(entries, wide={"start": 2**62}), "zip-directory"
    mark = right.rindex(b"PK\1\2")
    yield "entry without its mark", right[:mark] + b"PK\1\3" + right[mark + 4 :], "zip-directory"
    yield "header without its mark", b"PK\3\4".join([b"", right[4:]]).replace(
        b"PK\3\4", b"PK\3\5"
    ), "zip-prefix"  # fmt: skip


def png_cases() -> Iterator[Case]:
    """Label maps."""
    for what, data, code in _png_files():
        yield f"png {what}", with_first(data=data), code


def _png_files() -> Iterator[Case]:
    labels = labels_of("a")
    right = png(labels)
    height, width = labels.shape
    pixels = raster(labels)
    palette = chunk(b"PLTE", bytes(range(60)))
    yield "60,000 wide", png(labels, head=header(60_000, 60_000)), "png-size"
    yield "turned", png(np.ascontiguousarray(labels.T)), "png-size"
    yield "one row more", png(np.vstack([labels, labels[:1]])), "png-size"
    yield "no width", png(labels, head=header(0, height)), "png-size"
    yield "wide bomb", png(labels, head=header(13_000, 13_000), pixels=bytes(1 << 20)), "png-size"
    for what, depth, color in (
        ("16-bit", 16, 0), ("1-bit grey", 1, 0), ("4-bit grey", 4, 0), ("RGB", 8, 2),
        ("RGBA", 8, 6), ("grey and alpha", 8, 4), ("16-bit RGB", 16, 2), ("unknown", 8, 9),
        ("no depth", 0, 0), ("16-bit indexed", 16, 3),
    ):  # fmt: skip
        yield what, png(labels, depth=depth, color=color), "png-kind"
    yield "interlaced", png(labels, head=header(width, height, last=b"\0\0\1")), "png-interlace"
    yield "packing 1", png(labels, head=header(width, height, last=b"\1\0\0")), "png-header"
    yield "filter 1", png(labels, head=header(width, height, last=b"\0\1\0")), "png-header"
    yield "no header", png(labels, head=b""), "png-header"
    yield "header later", png(labels, head=chunk(b"gAMA", bytes(4))), "png-header"
    yield "two headers", png(labels, before=header(width, height)), "png-chunk"
    text = chunk(b"tEXt", b"a\0b")
    for what, chunks in {
        "zTXt bomb": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20))),
        "iCCP": chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1 << 20))),
        "iTXt": chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(1 << 16))),
        "500 texts": 500 * text, "long text": chunk(b"tEXt", b"a\0" + bytes(2000)),
        "unknown chunk": chunk(b"CaBX", b"x"), "unknown small": chunk(b"prVt", b"x"),
        "two palettes": 2 * palette, "half a colour": chunk(b"PLTE", b"12"),
        "long palette": chunk(b"PLTE", bytes(771)), "long gamma": chunk(b"gAMA", bytes(5)),
        "no name": chunk(b"\0\0\0\0", b""),
    }.items():  # fmt: skip
        yield what, png(labels, before=chunks), "png-chunk"
    for name in (b"acTL", b"fcTL", b"fdAT"):
        yield name.decode(), png(labels, before=chunk(name, bytes(8))), "png-animated"
    yield "palette missing", png(labels, color=3), "png-chunk"
    yield "palette late", png(labels, color=3, before=palette, after=palette), "png-chunk"
    yield "pixels in two pieces", png(labels, after=text + chunk(b"IDAT", b"")), "png-chunk"
    yield "no pixels", SIGNATURES + header(width, height) + chunk(b"IEND"), "png-chunk"
    yield "end with bytes", png(labels, end=chunk(b"IEND", b"x")), "png-chunk"
    yield "no end", png(labels, end=b""), "png-truncated"
    yield "cut", right[:-20], "png-truncated"
    yield "long chunk", png(labels, before=struct.pack(">I4s", 1 << 31, b"gAMA")), "png-truncated"
    yield "behind its end", png(labels, tail=b"more"), "png-trailing"
    yield "second picture", right + right, "png-trailing"
    yield "checksum", png(labels, before=chunk(b"gAMA", bytes(4), crc=1)), "png-crc"
    yield "header checksum", right[:29] + b"\0\0\0\0" + right[33:], "png-crc"
    yield "not inflated", png(labels, packed=b"\xff" * 30), "png-data"
    yield "cut pixels", png(labels, packed=zlib.compress(pixels)[:-5]), "png-data"
    yield "wrong sum", png(labels, packed=zlib.compress(pixels)[:-4] + b"\0\0\0\0"), "png-data"
    yield "row too few", png(labels, pixels=pixels[: -width - 1]), "png-data"
    yield "row more", png(labels, pixels=pixels + bytes(width + 1)), "png-data"
    yield "tail of 5 MB", png(labels, pixels=pixels + bytes(5 << 20)), "png-data"
    yield "behind the pixels", png(labels, packed=zlib.compress(pixels) + b"more"), "png-trailing"
    yield "filter 7", png(labels, pixels=raster(labels, filter=7)), "png-data"
    for value in (20, 250, 255):
        yield f"label {value}", png(np.full_like(labels, value)), "label-id"
    shallow = chunk(b"PLTE", bytes(3))
    yield "8-bit indexed label 20", png(labels + 20, color=3, before=shallow), "label-id"


SIGNATURES = b"\x89PNG\r\n\x1a\n"


def writers(entries: list[Entry]) -> Iterator[tuple[str, bytes]]:
    """Return right archives as writers of all kinds make them."""
    files = [(entry.name.decode(), entry.data) for entry in entries]
    for what, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, data in files:
                archive.writestr(name, data)
        yield f"zipfile {what}", buffer.getvalue()
        yield f"zipfile {what} to a pipe", _streamed(files, method)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, data in files:
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(data)
        yield f"zipfile {what} with ZIP64", buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (name, data) in enumerate(files):
            archive.writestr(name, data, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[number % 2])
        archive.comment = b"made by hand"
    yield "zipfile with a comment", buffer.getvalue()
    yield "ZIP64 end", build(entries, wide={})
    yield "by bytes", build(entries)
    yield "from Windows", build([change(e, system=0, attributes=0x20) for e in entries])
    yield "from macOS", build([change(e, system=19, attributes=0o100644 << 16) for e in entries])
    seven = [change(e, system=0, attributes=0x8020 | 0o100644 << 16) for e in entries]
    yield "from 7-Zip", build(seven)
    stamp = struct.pack("<2HBI", 0x5455, 5, 1, 0)
    times = [change(e, central={"extra": stamp}, local={"extra": stamp + stamp}) for e in entries]
    yield "with times", build(times)
    for signed in (b"", b"PK\7\x08"):
        late = []
        for entry in entries:
            numbers = (zlib.crc32(entry.data), len(entry.body()), len(entry.data))
            behind = signed + struct.pack("<3I", *numbers)
            before = {"crc": 0, "packed_size": 0, "size": 0}
            late.append(change(entry, flags=8, local=before, descriptor=behind))
        yield f"descriptors {signed!r}", build(late)
    yield "hardest deflate", build([change(e, flags=2) for e in entries])
    yield "UTF-8 names", build([change(e, flags=1 << 11) for e in entries])
    yield "in another order", build(entries[::-1])


class _Pipe(io.RawIOBase):
    """A file that cannot be sought in."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.data += piece
        return len(piece)


def _streamed(files: list[tuple[str, bytes]], method: int) -> bytes:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:  # type: ignore[arg-type]
        for name, data in files:
            archive.writestr(name, data)
    return bytes(pipe.data)
