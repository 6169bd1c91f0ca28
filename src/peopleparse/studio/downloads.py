"""Files of one item to take away; all hold the label ids exactly but the two for looking."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.gps import mask_name
from peopleparse.data.png import encode_label_png
from peopleparse.structures import ParsedPeople
from peopleparse.studio.shown import Shown
from peopleparse.viz import draw_overlay, result_to_coco, result_to_dict
from peopleparse.web.problems import Problem

Ids = NDArray[np.uint8]
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def make_download(kind: str, shown: Shown, name: str) -> tuple[bytes, str, str]:
    """Return a file, its media type and its name.

    Args:
        kind: one of `KINDS`.
        shown: what the item shows.
        name: of the photo.

    Raises:
        Problem: there is no such kind.
    """
    if kind not in _MAKERS:
        raise Problem(
            404, "no-download", f"download must be one of {', '.join(KINDS)}, got another."
        )
    make, media_type = _MAKERS[kind]
    stem = safe_stem(name)
    return make(shown, stem), media_type, f"{stem}_{kind}"


def safe_stem(name: str) -> str:
    """Return a file name's stem that is a file name everywhere.

    >>> safe_stem("../a b<c>.jpg"), safe_stem("con.png"), safe_stem("...")
    ('a_b_c_', '_con', 'photo')
    """
    stem = re.sub(r"[^\w.-]", "_", PurePosixPath(name.replace("\\", "/")).stem).lstrip(".")[:80]
    if stem.split(".")[0].lower() in {"con", "prn", "aux", "nul"}:
        return f"_{stem}"
    return stem or "photo"


def flatten(shown: Shown) -> tuple[Ids, NDArray[np.uint16]]:
    """Return (parsing, instances); where persons share pixels, the lower number wins."""
    parsing = shown.results[0].parsing.copy()
    instances = shown.results[0].instances.copy()
    for result in shown.results[1:]:
        own = (result.instances > 0) & ((instances == 0) | (result.instances < instances))
        parsing[own], instances[own] = result.parsing[own], result.instances[own]
    return parsing, instances


def whole_result(shown: Shown) -> ParsedPeople:
    """Return all persons in one result, flattened, with the photo."""
    parsing, instances = flatten(shown)
    people = [person for _, person in shown.people]
    first = shown.results[0]
    photo = None if shown.photo is None else shown.photo.decode()
    return ParsedPeople(parsing, instances, people, shown.scheme, photo, first.source)


def _indexed(shown: Shown, stem: str) -> bytes:
    return encode_label_png(flatten(shown)[0], shown.scheme.palette)


def _colored(shown: Shown, stem: str) -> bytes:
    return _encode_rgb(shown.scheme.palette[flatten(shown)[0]])


def _overlay(shown: Shown, stem: str) -> bytes:
    return _encode_rgb(draw_overlay(whole_result(shown)))


def _encode_rgb(pixels: Ids) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _persons(shown: Shown, stem: str) -> bytes:
    buffer, people = io.BytesIO(), shown.people
    with zipfile.ZipFile(buffer, "w") as archive:  # PNGs are packed already
        for number, (result, person) in enumerate(people, 1):
            labels = np.zeros(shown.size, np.uint8)
            x1, y1, x2, y2 = (int(v) for v in person.box)
            own = result.instances[y1:y2, x1:x2] == person.index
            labels[y1:y2, x1:x2][own] = result.parsing[y1:y2, x1:x2][own]
            member = zipfile.ZipInfo(mask_name(stem, len(people), number), _ZIP_TIME)
            archive.writestr(member, encode_label_png(labels, shown.scheme.palette))
    return buffer.getvalue()


def _coco(shown: Shown, stem: str) -> bytes:
    sets = [result_to_coco(_visible(result)) for result in shown.results]
    whole = sets[0]
    found = [entry for one in sets for entry in one["annotations"]]
    found.sort(key=lambda entry: entry["group_id"])  # parts of a person keep their order
    for number, entry in enumerate(found, 1):
        entry["id"] = number
        if not shown.has_scores:
            del entry["score"]
    return _encode_json(whole | {"annotations": found})


def _people(shown: Shown, stem: str) -> bytes:
    sets = [result_to_dict(_visible(result)) for result in shown.results]
    people = [person for one in sets for person in one["people"]]
    return _encode_json(sets[0] | {"people": sorted(people, key=lambda one: one["index"])})


def _visible(result: ParsedPeople) -> ParsedPeople:
    """Return a result without the persons of whom nothing is visible."""
    people = [person for person in result.people if person.box[2] > person.box[0]]
    return ParsedPeople(
        result.parsing, result.instances, people, result.scheme, source=result.source
    )


def _encode_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


_MAKERS: dict[str, tuple[Callable[[Shown, str], bytes], str]] = {
    "indexed.png": (_indexed, "image/png"),
    "colored.png": (_colored, "image/png"),
    "overlay.png": (_overlay, "image/png"),
    "persons.zip": (_persons, "application/zip"),
    "coco.json": (_coco, "application/json"),
    "people.json": (_people, "application/json"),
}
KINDS = tuple(_MAKERS)
