"""Write a result into a folder."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import InputError, suggest
from peopleparse.structures import ParsedPeople
from peopleparse.viz.coco import result_to_coco
from peopleparse.viz.files import make_folder, write_whole
from peopleparse.viz.overlay import draw_overlay
from peopleparse.viz.palette import person_palette
from peopleparse.viz.to_dict import result_to_dict

_QUALITY = 92
_UP, _INDEXED = 2, 3  # of the PNG standard: row filter, kind of colour


def save_result(
    result: ParsedPeople,
    folder: str | Path,
    stem: str | None = None,
    formats: Sequence[str] = ("overlay", "png", "json"),
) -> list[Path]:
    """Write a result and return its files.

    Formats:
        overlay: `<stem>_overlay.jpg`, the photo with its people drawn on it.
        png: `<stem>_parsing.png`, whose pixel values are label ids, and `<stem>_instances.png`,
            whose pixel values are person numbers (8 bit with colours, 16 bit above 255 persons).
        json: `<stem>.json`, people, parts, boxes, scores and run lengths.
        coco: `<stem>_coco.json`, the same as a COCO data set.

    Args:
        result: what to write.
        folder: made where it is not there.
        stem: start of the file names; None takes the name of `result.source`, or "photo".
        formats: which of the formats to write.

    Raises:
        InputError: a format is unknown, the stem is no file name, or the folder cannot be
            written to. Nothing is half written.
    """
    files = encode_result(result, _default_stem(result) if stem is None else stem, formats)
    made = make_folder(folder)
    return [write_whole(made / name, data) for name, data in files.items()]


def encode_result(
    result: ParsedPeople, stem: str, formats: Sequence[str] = ("overlay", "png", "json")
) -> dict[str, bytes]:
    """Return the files that `save_result` writes, name to bytes.

    Raises:
        InputError: a format is unknown, or the stem is no file name.
    """
    formats = [formats] if isinstance(formats, str) else list(formats)
    for name in formats:
        if name not in _WRITERS:
            raise InputError(f"format must be known, got '{name}'.{suggest(name, FORMATS)}")
    if not stem.strip(".") or Path(stem).name != stem:
        raise InputError(
            f"stem must be the start of a file name, got '{stem}'. Name folders in `folder`."
        )
    return {
        stem + ending: data
        for name in dict.fromkeys(formats)
        for ending, data in _WRITERS[name](result).items()
    }


def _default_stem(result: ParsedPeople) -> str:
    return (Path(result.source).stem if result.source else "") or "photo"


def encode_indexed(ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return a PNG whose pixel values are the ids and whose palette is only for looking.

    Args:
        ids: (H, W) uint8.
        palette: (256, 3) uint8.
    """
    height, width = ids.shape
    # Each row as its difference to the row above, then run lengths: for maps of large even areas
    # five times faster than what libraries do with palettes, and a tenth smaller.
    rows = np.full((height, width + 1), _UP, np.uint8)
    rows[0, 1:] = ids[0]
    np.subtract(ids[1:], ids[:-1], out=rows[1:, 1:])
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 8, zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 8, _INDEXED, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", packer.compress(rows.data) + packer.flush()),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def encode_image(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the bytes of an image file of a kind that Pillow knows."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _encode_overlay(result: ParsedPeople) -> dict[str, bytes]:
    picture = Image.fromarray(draw_overlay(result))
    # Full colour resolution: thin outlines and part colours smear otherwise.
    jpeg = encode_image(picture, "JPEG", quality=_QUALITY, subsampling=0)
    return {"_overlay.jpg": jpeg}


def _encode_png(result: ParsedPeople) -> dict[str, bytes]:
    parsing = encode_indexed(result.parsing, result.scheme.palette)
    if len(result) <= 255:
        colors = person_palette(255)
        instances = encode_indexed(result.instances.astype(np.uint8), colors)
    else:
        instances = encode_image(Image.fromarray(result.instances), "PNG")
    return {"_parsing.png": parsing, "_instances.png": instances}


def _encode_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


_WRITERS: dict[str, Callable[[ParsedPeople], dict[str, bytes]]] = {
    "overlay": _encode_overlay,
    "png": _encode_png,
    "json": lambda result: {".json": _encode_json(result_to_dict(result))},
    "coco": lambda result: {"_coco.json": _encode_json(result_to_coco(result))},
}
FORMATS = tuple(_WRITERS)
# Endings of the files of each format.
FORMAT_ENDINGS = {
    "overlay": ("_overlay.jpg",),
    "png": ("_parsing.png", "_instances.png"),
    "json": (".json",),
    "coco": ("_coco.json",),
}
