"""Write a result into a folder."""

from __future__ import annotations

import json
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
    formats = [formats] if isinstance(formats, str) else list(formats)
    for name in formats:
        if name not in _WRITERS:
            raise InputError(f"format must be known, got '{name}'.{suggest(name, FORMATS)}")
    stem = _default_stem(result) if stem is None else stem
    if not stem.strip(".") or Path(stem).name != stem:
        raise InputError(
            f"stem must be the start of a file name, got '{stem}'. Name folders in `folder`."
        )
    # Everything is encoded before the first file is written: a failure leaves no half set.
    files = {
        stem + ending: data
        for name in dict.fromkeys(formats)
        for ending, data in _WRITERS[name](result).items()
    }
    folder = make_folder(folder)
    return [write_whole(folder / name, data) for name, data in files.items()]


def _default_stem(result: ParsedPeople) -> str:
    return (Path(result.source).stem if result.source else "") or "photo"


def encode_indexed(ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return a PNG whose pixel values are the ids and whose palette is only for looking.

    Args:
        ids: (H, W) uint8.
        palette: (256, 3) uint8.
    """
    picture = Image.fromarray(np.ascontiguousarray(ids))
    picture.putpalette(palette.tobytes())
    return encode_image(picture, "PNG")


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
