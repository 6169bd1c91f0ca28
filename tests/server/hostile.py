"""Archives and PNGs made byte by byte, so that they can be wrong in ways that no writer allows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes = b"", crc: int | None = None) -> bytes:
    """Return a PNG chunk."""
    value = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", value)


def header(
    width: int, height: int, depth: int = 8, color: int = 0, last: bytes = b"\0\0\0"
) -> bytes:
    """Return an IHDR chunk; `last` is compression, filter and interlace method."""
    return chunk(b"IHDR", struct.pack(">2I2B", width, height, depth, color) + last)


def raster(labels: NDArray[np.integer], filter: int = 0) -> bytes:
    """Return rows with their filter byte; 16-bit numbers are big-endian."""
    rows = labels.astype(">u2") if labels.dtype.itemsize == 2 else labels
    return b"".join(bytes([filter]) + row.tobytes() for row in rows)


def png(
    labels: NDArray[np.integer],
    *,
    head: bytes | None = None,
    before: bytes = b"",
    pixels: bytes | None = None,
    packed: bytes | None = None,
    after: bytes = b"",
    end: bytes | None = None,
    tail: bytes = b"",
    depth: int = 8,
    color: int = 0,
) -> bytes:
    """Return a PNG; any of its parts may be given instead of the right one."""
    height, width = labels.shape
    pixels = raster(labels) if pixels is None else pixels
    packed = zlib.compress(pixels) if packed is None else packed
    head = header(width, height, depth, color) if head is None else head
    end = chunk(b"IEND") if end is None else end
    return SIGNATURE + head + before + chunk(b"IDAT", packed) + after + end + tail


@dataclass
class Entry:
    """A file of an archive; what is None is made right.

    Attributes:
        name, data: of the file.
        method: 8 deflates, 0 stores; others are written without changing the bytes.
        packed: the bytes in the archive.
        flags, attributes, system, disk: as in the directory.
        central, local: fields that lie: name, crc, packed_size, size, flags, method, offset, extra.
        descriptor: bytes behind the data.
        shares: lies where the entry of this number does, and has no bytes of its own.
    """

    name: bytes
    data: bytes = b""
    method: int = 8
    packed: bytes | None = None
    flags: int = 0
    attributes: int = 0
    system: int = 3
    disk: int = 0
    central: dict = field(default_factory=dict)
    local: dict = field(default_factory=dict)
    descriptor: bytes = b""
    shares: int | None = None

    def body(self) -> bytes:
        """Return the bytes in the archive."""
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.data
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()

    def fields(self, lies: dict) -> dict:
        """Return the fields of one of its two headers."""
        right = {
            "name": self.name,
            "crc": zlib.crc32(self.data),
            "packed_size": len(self.body()),
            "size": len(self.data),
            "flags": self.flags,
            "method": self.method,
            "extra": b"",
        }
        return right | lies


def local_header(entry: Entry) -> bytes:
    """Return the header before the bytes."""
    f = entry.fields(entry.local)
    numbers = (f["crc"], f["packed_size"], f["size"], len(f["name"]), len(f["extra"]))
    head = struct.pack("<4s5H", b"PK\3\4", 20, f["flags"], f["method"], 0, 33)
    return head + struct.pack("<3I2H", *numbers) + f["name"] + f["extra"]


def central_header(entry: Entry, offset: int) -> bytes:
    """Return the entry of the directory."""
    f = {"offset": offset, "comment": b"", **entry.fields(entry.central)}
    versions = (20 | entry.system << 8, 20)
    head = struct.pack("<4s6H", b"PK\1\2", *versions, f["flags"], f["method"], 0, 33)
    lengths = (len(f["name"]), len(f["extra"]), len(f["comment"]))
    numbers = struct.pack("<3I5H", f["crc"], f["packed_size"], f["size"], *lengths, entry.disk, 0)
    place = struct.pack("<2I", entry.attributes, f["offset"])
    return head + numbers + place + f["name"] + f["extra"] + f["comment"]


def build(
    entries: Sequence[Entry],
    *,
    prefix: bytes = b"",
    gap: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    suffix: bytes = b"",
    end: dict | None = None,
    wide: dict | None = None,
    shift: int | None = None,
) -> bytes:
    """Return an archive.

    Args:
        entries: its files.
        prefix, gap, before_end, suffix: bytes before all, between the files and the directory,
            between that and the end record, and behind it.
        comment: of the end record.
        end: fields of the end record that lie: disk, first_disk, here, count, length, start, said
            (bytes of the comment).
        wide: write a ZIP64 end record and locator, with these fields other than they are.
        shift: what the prefix adds to the places; default: its length.
    """
    data, offsets = bytearray(prefix), list[int]()
    base = len(prefix) if shift is None else shift
    for entry in entries:
        if entry.shares is not None:
            offsets.append(offsets[entry.shares])
            continue
        offsets.append(len(data) - len(prefix) + base)
        data += local_header(entry) + entry.body() + entry.descriptor
    data += gap
    start = len(data) - len(prefix) + base
    directory = b"".join(central_header(*pair) for pair in zip(entries, offsets, strict=True))
    data += directory + before_end
    right = {"disk": 0, "first_disk": 0, "here": len(entries), "count": len(entries)}
    right |= {"length": len(directory), "start": start, "said": len(comment)}
    if wide is not None:
        data += _wide_end(right | wide, len(data))
        right |= {"here": 0xFFFF, "count": 0xFFFF, "length": 0xFFFFFFFF, "start": 0xFFFFFFFF}
    f = right | (end or {})
    numbers = (f["disk"], f["first_disk"], f["here"], f["count"], f["length"], f["start"])
    data += struct.pack("<4s4H2IH", b"PK\5\6", *numbers, f["said"]) + comment
    return bytes(data) + suffix


def _wide_end(f: dict, place: int) -> bytes:
    counts = (f["disk"], f["first_disk"], f["here"], f["count"], f["length"], f["start"])
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", f.get("record", 44), 45, 45, *counts)
    disks = (f.get("locator_disk", 0), f.get("place", place), f.get("disks", 1))
    return record + struct.pack("<4sIQI", b"PK\6\7", *disks)


def change(entry: Entry, **values: object) -> Entry:
    """Return an entry that differs in some fields."""
    return replace(entry, **values)  # type: ignore[arg-type]
