"""Where the directory of a zip archive lies: its end records, read strictly.

Source: PKWARE APPNOTE 6.3, sections 4.3.14 to 4.3.16. Differs: whatever two readers could read in
two ways is refused: bytes before, between or behind the parts, a second end record, several disks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from peopleparse.server.fault_list import FaultList

ReadAt = Callable[[int, int], bytes]  # place, length
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_END_MARK, _LOCATOR_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_LOCAL_MARK = b"PK\x03\x04"
_MOST_COMMENT = 0xFFFF
_WHOLE = "one whole zip archive, from its first byte to its last"
# What people upload instead, by its first bytes.
_OTHERS = (
    (b"<!", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x80", "a pickle"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True)
class Directory:
    """Where the central directory lies.

    Attributes:
        start, end: its first byte and the one behind its last.
        count: entries.
    """

    start: int
    end: int
    count: int


def find_directory(read: ReadAt, size: int, faults: FaultList) -> Directory | None:
    """Return where the directory lies; None where a fault was found.

    Args:
        read: returns bytes of the file.
        size: bytes of the file.
        faults: takes what is wrong.
    """
    head = read(0, 8)
    tail_start = max(0, size - _END.size - _MOST_COMMENT)
    tail = read(tail_start, size - tail_start)
    place = _find_end(tail, tail_start, head, faults)
    if place is None:
        return None
    found = _END.unpack_from(tail, place - tail_start)
    disk, first_disk, here, count, length, start = found[1:7]
    end = place
    if place >= _LOCATOR.size and read(place - _LOCATOR.size, 4) == _LOCATOR_MARK:
        wide = _read_end64(read, place, faults)
        if wide is None:
            return None
        short = (disk, first_disk, here, count, length, start)
        limits = (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2
        pairs = zip(short, wide[1:], limits, strict=True)
        if any(value not in (other, most) for value, other, most in pairs):
            faults.add("zip64", "", "the same numbers in both end records", "two that differ")
            return None
        end, disk, first_disk, here, count, length, start = wide
    elif 0xFFFFFFFF in (length, start):
        faults.add("zip64", "", "a ZIP64 end record for numbers above 32 bits", "none")
        return None
    if disk or first_disk or here != count:
        faults.add("zip-split", "", "an archive in one piece", "a part of a split one")
        return None
    if start + length != end:
        _explain_gap(head, start, length, end, faults)
        return None
    if not count:
        faults.add("zip-empty", "", "predictions", "an archive without files")
        return None
    if head[:4] != _LOCAL_MARK:
        faults.add("zip-prefix", "", _WHOLE, f"bytes before it: {head!r}")
        return None
    return Directory(start, end, count)


def _find_end(tail: bytes, offset: int, head: bytes, faults: FaultList) -> int | None:
    """Return the place of the one end record that reaches to the end of the file."""
    fitting, last = [], tail.rfind(_END_MARK)
    at = last
    while at >= 0:
        if at + _END.size <= len(tail):
            comment = struct.unpack_from("<H", tail, at + _END.size - 2)[0]
            if at + _END.size + comment == len(tail):
                fitting.append(at)
        at = tail.rfind(_END_MARK, 0, at)
    if len(fitting) == 1:
        return offset + fitting[0]
    if fitting:
        faults.add("zip-second-end", "", "one end record", f"{len(fitting)} that could be it")
    elif last >= 0 and last + _END.size <= len(tail):
        comment = struct.unpack_from("<H", tail, last + _END.size - 2)[0]
        behind = len(tail) - last - _END.size - comment
        code, what = ("zip-trailing", "more") if behind > 0 else ("zip-truncated", "fewer")
        faults.add(code, "", _WHOLE, f"{abs(behind)} bytes {what} than its end record says")
    elif head[:4] == _LOCAL_MARK:
        faults.add("zip-truncated", "", _WHOLE, "the start of one: its directory is missing")
    else:
        low = head.lower()
        kind = next((what for start, what in _OTHERS if low.startswith(start.lower())), "")
        found = kind or (f"bytes that begin with {head!r}" if head else "an empty file")
        faults.add("not-a-zip", "", "a zip archive", found)
    return None


def _read_end64(read: ReadAt, place: int, faults: FaultList) -> tuple[int, ...] | None:
    """Return where the ZIP64 record begins, then disks, counts, length and start."""
    _, disk, start, disks = _LOCATOR.unpack(read(place - _LOCATOR.size, _LOCATOR.size))
    data = read(start, _END64.size) if start < place else b""
    if len(data) < _END64.size or data[:4] != _END64_MARK:
        faults.add("zip64", "", "a ZIP64 end record where its locator says", "other bytes")
        return None
    found = _END64.unpack(data)
    # Some writers count several disks as 0; a record that is longer holds what nobody reads.
    if disk or disks > 1 or found[1] != _END64.size - 12 or start + _END64.size + 20 != place:
        faults.add("zip64", "", "one ZIP64 end record of 56 bytes before its locator", "another")
        return None
    return (start, *found[4:])


def _explain_gap(head: bytes, start: int, length: int, end: int, faults: FaultList) -> None:
    between = end - start - length
    if between < 0 or start < 0:
        faults.add("zip-directory", "", "a directory inside the file", "one that reaches beyond it")
    elif head[:4] != _LOCAL_MARK:
        faults.add("zip-prefix", "", _WHOLE, f"bytes before it: {head!r}")
    else:
        found = f"{between} bytes between its directory and its end"
        faults.add("zip-gap", "", _WHOLE, found)
