"""A label PNG from bytes that nobody vouches for: its header is believed only where it is expected.

The header must have the public size before anything is inflated, only chunks of a short list are
taken, and the pixels must inflate to exactly the bytes that the header asks for.

Source: PNG specification, third edition, sections 5, 7.2, 9, 10 and 11.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.server.fault_list import FaultList, show

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">2I5B")
_GREY, _INDEXED = 0, 3
_KINDS = {0: "grey", 2: "RGB", 3: "indexed", 4: "grey with alpha", 6: "RGBA"}
# Chunks that change no id, with the most bytes of each.
_CHUNKS = {
    b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"sRGB": 1, b"cHRM": 32, b"sBIT": 4, b"bKGD": 6,
    b"pHYs": 9, b"tIME": 7, b"hIST": 512, b"tEXt": 1024, b"eXIf": 1024,
}  # fmt: skip
_MOST_CHUNKS = 24  # but for pixels
_ANIMATED = (b"acTL", b"fcTL", b"fdAT")
_JPEG = b"\xff\xd8\xff"
# Not a row of a filter that numbers of numpy undo: Pillow does it.
_PLAIN_FILTERS = (0, 2)


@dataclass(frozen=True)
class MapRules:
    """What a map must be.

    Attributes:
        size: (width, height).
        most: greatest number of a pixel.
        deep: whether 16-bit grey is allowed, for numbers of persons and regions.
        code: of the fault where a pixel is greater.
        what: what a pixel is, for that fault.
    """

    size: tuple[int, int]
    most: int
    deep: bool = False
    code: str = "label-id"
    what: str = "label ids"


def most_bytes(size: tuple[int, int], deep: bool) -> int:
    """Return the most bytes that a PNG file of a size can need, packed badly."""
    raster = size[1] * (size[0] * (2 if deep else 1) + 1)
    return raster + raster // 50 + (1 << 16)


def check_png(
    data: bytes, rules: MapRules, file: str, faults: FaultList
) -> NDArray[np.integer[Any]] | None:
    """Return the (H, W) numbers of a map, uint8 or uint16; None where something is wrong.

    Args:
        data: bytes of the file.
        rules: what it must be.
        file: name, for faults.
        faults: takes what is wrong.
    """
    depth = _check_header(data, rules, file, faults)
    if depth is None:
        return None
    bits, color = depth
    packed = _collect_pixels(data, color, file, faults)
    if packed is None:
        return None
    stride = (rules.size[0] * bits + 7) // 8 + 1
    raster = _inflate(packed, stride * rules.size[1], file, faults)
    if raster is None:
        return None
    numbers = _undo_filters(raster, data, bits, rules.size, file, faults)
    if numbers is None:
        return None
    top = int(numbers.max())
    if top > rules.most:
        present = np.flatnonzero(np.bincount(numbers.ravel()))
        stray = present[present > rules.most][:5].tolist()
        faults.add(rules.code, file, f"{rules.what} 0 to {rules.most}", f"{stray}")
        return None
    return numbers


def _check_header(
    data: bytes, rules: MapRules, file: str, faults: FaultList
) -> tuple[int, int] | None:
    """Return bit depth and colour type of a header that is as expected."""
    if not data.startswith(_SIGNATURE):
        found = "a JPEG" if data.startswith(_JPEG) else f"bytes that begin with {data[:8]!r}"
        faults.add("png-signature", file, "a PNG", found if data else "an empty file")
        return None
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR":
        faults.add("png-header", file, "a PNG header", f"{data[8:16]!r}")
        return None
    width, height, depth, color, packing, filters, interlace = _HEADER.unpack_from(data, 16)
    if (width, height) != rules.size:
        expected = f"{rules.size[0]} x {rules.size[1]} pixels, as the photo"
        faults.add("png-size", file, expected, f"{width} x {height}")
        return None
    allowed = {(8, _GREY), *((bits, _INDEXED) for bits in (1, 2, 4, 8))}
    allowed |= {(16, _GREY)} if rules.deep else set()
    if (depth, color) not in allowed:
        expected = f"8-bit grey or indexed pixels{', or 16-bit grey' if rules.deep else ''}"
        found = f"{depth}-bit {_KINDS.get(color, f'colour type {color}')}"
        faults.add("png-kind", file, f"{expected}: numbers, not colours", found)
        return None
    if interlace or packing or filters:
        code = "png-interlace" if interlace else "png-header"
        faults.add(code, file, "a PNG that is not interlaced", f"{interlace}, {packing}, {filters}")
        return None
    return depth, color


def _collect_pixels(data: bytes, color: int, file: str, faults: FaultList) -> bytes | None:
    """Return the joined IDAT chunks of a file whose chunks are as expected."""
    view, at, seen = memoryview(data), 8, list[bytes]()
    parts: list[memoryview] = []
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        body = view[at + 8 : end - 4]
        problem = _check_chunk(name, body, seen, color)
        if problem is not None:
            faults.add(problem[0], file, problem[1], problem[2])
            return None
        if zlib.crc32(view[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            faults.add("png-crc", file, f"chunk {show(name)} with its checksum", "other bytes")
            return None
        if name == b"IDAT":
            parts.append(body)
        if not (name == b"IDAT" and seen[-1] == name):
            seen.append(name)
        at = end
        if name == b"IEND":
            break
    if not seen or seen[-1] != b"IEND":
        faults.add("png-truncated", file, "a whole PNG", f"one that ends after {at} bytes")
        return None
    if at != len(data):
        faults.add("png-trailing", file, "nothing behind the PNG", f"{len(data) - at} bytes")
        return None
    return b"".join(parts)


def _check_chunk(
    name: bytes, body: memoryview, seen: list[bytes], color: int
) -> tuple[str, str, str] | None:
    """Return code, expected and found of what is wrong with a chunk, None where nothing is."""
    if name == b"IHDR" and not seen:
        return None
    if name == b"IDAT":
        if color == _INDEXED and b"PLTE" not in seen:
            return "png-chunk", "a palette before the pixels", "none"
        if b"IDAT" in seen and seen[-1] != b"IDAT":
            return "png-chunk", "pixels in one piece", "pixels again behind other chunks"
        return None
    if name == b"IEND":
        good = not len(body) and b"IDAT" in seen
        return None if good else ("png-chunk", "an empty end behind the pixels", "another")
    shown = show(name)
    if name in _ANIMATED:
        return "png-animated", "a still image", f"chunk {shown}"
    if name not in _CHUNKS:
        allowed = ", ".join(sorted(chunk.decode() for chunk in _CHUNKS))
        return "png-chunk", f"none but needed chunks ({allowed})", f"chunk {shown}"
    if len(body) > _CHUNKS[name]:
        return "png-chunk", f"{shown} of at most {_CHUNKS[name]} bytes", f"{len(body)} bytes"
    if len(seen) > _MOST_CHUNKS:
        return "png-chunk", f"at most {_MOST_CHUNKS} chunks beside the pixels", "more"
    if name != b"tEXt" and name in seen:
        return "png-chunk", f"{shown} once", "it again"
    if name == b"PLTE" and (len(body) % 3 or not len(body) or b"IDAT" in seen):
        return "png-chunk", "a palette of whole colours before the pixels", f"{len(body)} bytes"
    return None


def _inflate(packed: bytes, length: int, file: str, faults: FaultList) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        raster = inflater.decompress(packed, length + 1)
    except zlib.error as error:
        faults.add("png-data", file, "pixels that can be inflated", f"{error}")
        return None
    if len(raster) > length:
        faults.add("png-data", file, f"{length} bytes of pixels", "more")
        return None
    if len(raster) < length or not inflater.eof:
        faults.add("png-data", file, f"{length} bytes of pixels and their end", f"{len(raster)}")
        return None
    if inflater.unused_data:
        found = f"{len(inflater.unused_data)} bytes"
        faults.add("png-trailing", file, "nothing behind the pixels", found)
        return None
    return raster


def _undo_filters(
    raster: bytes, data: bytes, bits: int, size: tuple[int, int], file: str, faults: FaultList
) -> NDArray[np.integer[Any]] | None:
    rows = np.frombuffer(raster, np.uint8).reshape(size[1], -1)
    filters = rows[:, 0]
    if filters.max() > 4:
        faults.add("png-data", file, "rows of filter 0 to 4", f"{int(filters.max())}")
        return None
    if bits == 8 and not filters.any():
        return np.ascontiguousarray(rows[:, 1:])
    if bits == 8 and np.isin(filters, _PLAIN_FILTERS).all():
        return _undo_up(rows)
    # The chunks were looked at above: nothing but pixels and palette reaches the decoder.
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            found = np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        faults.add("png-data", file, "a PNG that can be read", f"{error}")
        return None
    return found.astype(np.uint8 if bits <= 8 else np.uint16)


def _undo_up(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels of rows that are plain, or differences to the row above."""
    found = rows[:, 1:].copy()
    plain = np.flatnonzero(rows[:, 0] == 0).tolist()
    starts = plain if plain and plain[0] == 0 else [0, *plain]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        np.cumsum(found[start:end], axis=0, dtype=np.uint8, out=found[start:end])
    return found
