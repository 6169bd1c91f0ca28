"""One HTML page that shows results: everything inside, nothing loaded from anywhere."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople
from peopleparse.viz.contours import smooth_contours, svg_path
from peopleparse.viz.files import make_folder, write_whole
from peopleparse.viz.overlay import NO_PHOTO
from peopleparse.viz.palette import person_color, text_color
from peopleparse.viz.regions import head_point, part_areas, part_regions, person_region
from peopleparse.viz.save import encode_image

_MAX_SIDE = 1600  # larger photos are reduced for the page; ids stay ids


def write_page(
    results: Sequence[ParsedPeople],
    folder: str | Path,
    title: str,
    notes: Sequence[str] | None = None,
    timings: Sequence[Mapping[str, float]] | None = None,
) -> Path:
    """Write `index.html`: each photo with its people, parts by hovering, and a legend.

    The page needs no server and makes no request: style, script, photos and maps are inside it.

    Args:
        results: what to show, one section each.
        folder: made where it is not there.
        title: heading of the page.
        notes: one line of text a result, for example who took the photo.
        timings: seconds by step, one mapping a result.

    Returns:
        The file.

    Raises:
        InputError: notes or timings are not one a result, or the folder cannot be written to.
    """
    for name, given in (("notes", notes), ("timings", timings)):
        if given is not None and len(given) != len(results):
            raise InputError(
                f"{name} must be one a result, got {len(given)} for {len(results)} results. "
                "Give None for a page without."
            )
    sections = [
        _make_section(
            result,
            notes[n] if notes is not None else "",
            timings[n] if timings is not None else {},
        )
        for n, result in enumerate(results)
    ]
    html = _fill_page(title, sections, [_describe(result) for result in results])
    return write_whole(make_folder(folder) / "index.html", html.encode("utf-8", "replace"))


def _fill_page(title: str, sections: list[str], views: list[dict[str, Any]]) -> str:
    page, style, script = (_read_asset(name) for name in ("page.html", "page.css", "page.js"))
    # Inside a script block only "<" could end it; the escape means the same in JSON.
    data = json.dumps(views, separators=(",", ":")).replace("<", "\\u003c")
    return Template(page).substitute(
        title=escape(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        sections="\n".join(sections) or "<p>No photos.</p>",
        data=data,
    )


def _make_section(result: ParsedPeople, note: str, timing: Mapping[str, float]) -> str:
    height, width = result.size
    photo = np.full((*result.size, 3), NO_PHOTO, np.uint8) if result.image is None else result.image
    small = _page_size(result.size)
    if small != result.size:
        photo = np.asarray(cv2.resize(photo, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    jpeg = encode_image(Image.fromarray(photo), "JPEG", quality=90, subsampling=0)
    name = Path(result.source).name if result.source else "photo"
    count = "1 person" if len(result) == 1 else f"{len(result)} people"
    facts = [count, f"{width} \u00d7 {height}"]
    facts += [f"{step} {seconds:.2f} s" for step, seconds in timing.items()]
    return Template(_read_asset("section.html")).substitute(
        name=escape(name),
        facts=escape(" \u00b7 ".join(facts)),
        note=f'<p class="note">{escape(note)}</p>' if note else "",
        photo=_data_uri("jpeg", jpeg),
        width=width,
        height=height,
        outlines=_make_outlines(result),
        alt=escape(f"{name}: {count}"),
    )


def _make_outlines(result: ParsedPeople) -> str:
    # All rims lie below all cores, as in the overlay.
    tolerance = max(1.0, max(result.size) / _MAX_SIDE) * 0.25
    paths = {
        person.index: svg_path(smooth_contours(person_region(result, person), tolerance))
        for person in result.people
    }
    return "".join(
        f'<path class="{kind}" data-person="{index}" d="{path}"/>'
        for kind in ("rim", "core")
        for index, path in paths.items()
    )


def _describe(result: ParsedPeople) -> dict[str, Any]:
    """Return what the page's script needs to know; shares are of the full-size photo."""
    height, width = result.size
    pixels = height * width
    rows, columns = (
        ((np.arange(small) + 0.5) * full / small).astype(int)
        for small, full in zip(_page_size(result.size), result.size, strict=True)
    )
    grid = np.ix_(rows, columns)
    people = []
    for person in result.people:
        x, y = head_point(result, person)
        color = person_color(person.index)
        area = person_region(result, person).area
        parts = {label.id: region.area / area for label, region in part_regions(result, person)}
        people.append(
            {
                "index": person.index,
                "score": round(person.score, 4),
                "color": color,
                "ink": text_color(color),
                "share": area / pixels,
                "head": [x / width, y / height],
                "parts": parts,
            }
        )
    labels = [
        {"id": label.id, "name": label.name, "color": label.color, "share": area / pixels}
        for label, area in part_areas(result)
    ]
    maps = encode_map(result.parsing[grid], result.instances[grid])
    return {"map": _data_uri("png", maps), "labels": labels, "people": people}


def encode_map(parsing: NDArray[np.uint8], instances: NDArray[np.uint16]) -> bytes:
    """Return a PNG that holds both maps: red is the label id, green + 256 blue the person.

    Colour and not grey or palette, because a browser hands exactly these bytes back.
    """
    low, high = (instances & 255).astype(np.uint8), (instances >> 8).astype(np.uint8)
    return encode_image(Image.fromarray(np.stack([parsing, low, high], axis=-1)), "PNG")


def _page_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, _MAX_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def _read_asset(name: str) -> str:
    return files("peopleparse.viz").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
