"""Sections of the report page about single images: the worst, the missing and the faulty."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import InputError, suggest
from peopleparse.evaluation.report_figures import draw_mark
from peopleparse.evaluation.report_html import Html, note, section, tag, void
from peopleparse.evaluation.report_scores import Report, names_of
from peopleparse.evaluation.report_words import (
    FIRST,
    name_first,
    percent,
    say_extra,
    say_faults,
    say_missing,
)
from peopleparse.viz.save import encode_image

Picture = Path | bytes | NDArray[np.uint8]
Overlays = Mapping[str, Sequence[Picture]]
_MAGIC = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


def make_worst(report: Report, overlays: Overlays) -> Html:
    """Return the worst images of each system, with their overlays where there are some.

    Raises:
        InputError: overlays are of an unknown system, not one a worst image, or no images.
    """
    names, parts = names_of(report), []
    for name in overlays:
        if name not in names:
            raise InputError(
                f"overlays must be of a system of the report, got '{name}'.{suggest(name, names)}"
            )
    for n, system in enumerate(report.get("systems", [])):
        worst, pictures = system.get("worst", []), overlays.get(system["name"], ())
        if len(pictures) > len(worst):
            raise InputError(
                f"overlays must be at most one a worst image, got {len(pictures)} for "
                f"{len(worst)} images, at system '{system['name']}'. Give them in its order."
            )
        figures = [
            _make_figure(entry, pictures[k] if k < len(pictures) else None, system["name"])
            for k, entry in enumerate(worst)
        ]
        if figures:
            parts.append(tag("h3", draw_mark(n), system["name"]))
            parts.append(tag("div", *figures, class_="worst"))
    words = note("The images with the lowest scores, the lowest first.") if parts else None
    return section("worst", "Worst images", words, *parts)


def _make_figure(entry: Mapping[str, Any], picture: Picture | None, name: str) -> Html:
    score = percent(entry.get("score"), 1)
    words = tag("figcaption", entry["image_id"], " ", tag("b", score.replace("-", "\u2013")))
    if picture is None:
        return tag("figure", words)
    alt = f"{entry['image_id']}: truth, prediction of {name} and wrong pixels"
    return tag("figure", void("img", src=_encode(picture), alt=alt), words)


def _encode(picture: Picture) -> str:
    if isinstance(picture, np.ndarray):
        data = encode_image(Image.fromarray(picture), "JPEG", quality=88, subsampling=0)
    elif isinstance(picture, Path):
        data = _read(picture)
    else:
        data = picture
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return f"data:image/{kind};base64,{b64encode(data).decode()}"
    at = f", at {picture}" if isinstance(picture, Path) else ""
    raise InputError(
        f"overlay must be a PNG or JPEG, got bytes that begin {data[:8]!r}{at}. "
        "Give what draw_worst made."
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"overlay must be a file that can be read, got '{error.strerror}', at {path}. "
            "Draw it again."
        ) from error


def make_gaps(report: Report) -> Html:
    """Return images without a prediction, and files that could not be read."""
    parts: list[Html] = []
    for n, system in enumerate(report.get("systems", [])):
        missing, faults = system.get("missing", []), system.get("faults", [])
        extra = system.get("extra_images")
        if not missing and not faults and not extra:
            continue
        parts.append(tag("h3", draw_mark(n), system["name"]))
        if missing:
            words = f"{say_missing(len(missing))} and are scored as missed: {name_first(missing)}"
            parts.append(tag("p", words, class_="names"))
        if faults:
            items = [
                tag("li", tag("b", fault["image_id"]), " ", fault["message"])
                for fault in faults[:FIRST]
            ]
            parts.append(tag("p", f"{say_faults(len(faults))}:", class_="names"))
            parts.append(tag("ul", *items, class_="names"))
            if len(faults) > FIRST:
                parts.append(note(f"and {len(faults) - FIRST:,} more"))
        if extra:
            parts.append(tag("p", f"{say_extra(extra)}.", class_="names"))
    return section("gaps", "Missing and faulty", *parts)
