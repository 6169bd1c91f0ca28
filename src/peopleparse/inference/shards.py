"""Results in shards: one file for many photos, as Parquet or as WebDataset, byte for byte the same.

A row is what was found in one photo, as plain values; masks are COCO's compressed run lengths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.inference.shard_files import ENDINGS, decode_rows, encode_rows
from peopleparse.structures import ParsedPeople
from peopleparse.viz.part_runs import encode_parts
from peopleparse.viz.rle import encode_rle

PLAN_NAME = "people.json"
SHARD_FORMATS = tuple(ENDINGS)


@dataclass(frozen=True)
class Shard:
    """Photos whose results make one file.

    Attributes:
        index: 0 to count - 1.
        count: shards in all.
        photos: their paths, in order.
    """

    index: int
    count: int
    photos: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Name of the file without its ending.

        >>> Shard(12, 345, ()).stem
        'people-00012-of-00345'
        """
        return f"people-{self.index:05}-of-{self.count:05}"


def plan_shards(photos: Sequence[str], size: int) -> list[Shard]:
    """Divide photos into shards, in order; the same photos give the same plan.

    Args:
        photos: paths.
        size: photos a shard; the last may have fewer.

    Raises:
        InputError: the size is below 1.

    >>> [shard.photos for shard in plan_shards(["a", "b", "c"], 2)]
    [('a', 'b'), ('c',)]
    """
    if size < 1:
        raise InputError(f"shard size must be at least 1 photo, got {size}. 1000 is usual.")
    starts = range(0, len(photos), size)
    return [
        Shard(index, len(starts), tuple(photos[start : start + size]))
        for index, start in enumerate(starts)
    ]


def make_row(result: ParsedPeople | None, photo: str, error: str | None) -> dict[str, Any]:
    """Return what is kept of a photo as plain values for JSON.

    Args:
        result: what was found; None where the photo could not be parsed.
        photo: its path, the name under which the row is looked up.
        error: why it could not be parsed, else None.

    Returns:
        photo, error, width, height, scheme, persons (score, box, face_box and parts, each with
        label_id, name and rle) and ignored, the run lengths of pixels marked to be ignored, None
        where there are none. Without a result all but photo and error is None or empty.
    """
    # Names of files may hold bytes that are no text; what reads shards wants text.
    photo = photo.encode("utf-8", "backslashreplace").decode("utf-8")
    row: dict[str, Any] = {"photo": photo, "error": error, "width": None, "height": None}
    row |= {"scheme": None, "persons": [], "ignored": None}
    if result is None:
        return row
    height, width = result.size
    row |= {"width": width, "height": height, "scheme": result.scheme.name}
    ignored = result.parsing == result.scheme.ignore_id
    if ignored.any():
        row["ignored"] = encode_rle(ignored)
    for person, found in encode_parts(result):
        face = person.face_box
        parts = [
            {"label_id": label.id, "name": label.name, "rle": mask.rle} for label, mask in found
        ]
        row["persons"].append(
            {
                "score": float(person.score),
                "box": [float(v) for v in person.box],
                "face_box": None if face is None else [float(v) for v in face],
                "parts": parts,
            }
        )
    return row


def row_to_people(row: Mapping[str, Any]) -> ParsedPeople:
    """Return the result that a row was made of, without photo and confidence.

    Raises:
        InputError: the photo of the row could not be parsed, or the row is damaged.
    """
    if row["error"] is not None or row["width"] is None:
        raise InputError(
            f"row must hold a result, got the error '{row['error']}', at photo {row['photo']}. "
            "Pass over rows whose `error` is set."
        )
    place = f"photo {row['photo']}"
    size = row["height"], row["width"]
    parsing, instances = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    if row["ignored"] is not None:
        parsing[decode_rle(row["ignored"], size, place)] = 255
    for number, person in enumerate(row["persons"], 1):
        for part in person["parts"]:
            mask = decode_rle(part["rle"], size, place)
            parsing[mask], instances[mask] = part["label_id"], number
    faces = [person["face_box"] for person in row["persons"]]
    return ParsedPeople.from_maps(
        parsing,
        instances,
        scores=[person["score"] for person in row["persons"]],
        face_boxes=[None if face is None else np.array(face, np.float32) for face in faces],
        scheme=row["scheme"],
        source=row["photo"],
    )


def decode_rle(rle: Mapping[str, Any], size: tuple[int, int], place: str) -> NDArray[np.bool_]:
    """Return the mask of COCO's compressed run lengths, (H, W) bool.

    Args:
        rle: `size` and `counts`; see `peopleparse.viz.rle`.
        size: (height, width) that it must have.
        place: where it is, for the error.

    Raises:
        InputError: the run lengths do not fill the size.
    """
    runs = _decompress(str(rle["counts"]))
    if runs is None or list(rle["size"]) != list(size) or runs.sum() != size[0] * size[1]:
        raise InputError(
            f"run lengths must fill {size[0]} x {size[1]} pixels, got size {list(rle['size'])} "
            f"and {str(rle['counts'])[:40]!r}, at {place}. The shard is damaged: write it again."
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(size[1], size[0]).T)


def encode_shard(rows: Sequence[Mapping[str, Any]], format: str) -> bytes:
    """Return the bytes of a shard; the same rows give the same bytes.

    Args:
        rows: see `make_row`.
        format: "parquet", or "webdataset": a tar with one JSON file a photo.

    Raises:
        InputError: the format is unknown, or pyarrow is not installed.
    """
    check_shard_format(format)
    return encode_rows(rows, format)


def read_shard(source: str | Path | bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard, in order, whatever its format.

    Args:
        source: path or bytes of a file that `encode_shard` made.

    Raises:
        InputError: the file is missing, damaged or no shard, or pyarrow is not installed.
    """
    return decode_rows(source)


def check_shard_format(format: str) -> None:
    """Check that shards can be written in a format.

    Raises:
        InputError: it is unknown, or the library that it needs is not installed.
    """
    if format not in ENDINGS:
        raise InputError(
            f"shard format must be known, got '{format}'.{suggest(format, SHARD_FORMATS)}"
        )
    if format == "parquet" and find_spec("pyarrow") is None:
        raise InputError(
            "pyarrow must be installed for Parquet, got none. "
            "Install it: pip install 'peopleparse[scale]', or write webdataset."
        )


def shard_name(shard: Shard, format: str) -> str:
    """Return the file name of a shard in a format.

    >>> shard_name(Shard(0, 2, ()), "webdataset")
    'people-00000-of-00002.tar'
    """
    return shard.stem + ENDINGS[format]


def make_plan(
    shards: Sequence[Shard], format: str, identity: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what `people.json` beside the shards says: how they were made, and of what."""
    names = hashlib.sha256()
    for shard in shards:
        for photo in shard.photos:
            names.update(json.dumps(photo).encode() + b"\n")
    return {
        "kind": "peopleparse shards",
        "format": format,
        "photos": sum(len(shard.photos) for shard in shards),
        "photos_sha256": names.hexdigest(),
        "shards": len(shards),
        "shard_size": len(shards[0].photos) if shards else 0,
        "identity": dict(identity or {}),
    }


def check_plan(found: Mapping[str, Any], wanted: Mapping[str, Any], place: str) -> None:
    """Check that shards which are there belong to the run that is asked for.

    Args:
        found: what `people.json` says.
        wanted: see `make_plan`.
        place: the folder, for the error.

    Raises:
        InputError: they were made of other photos, or in another way.
    """
    wanted = json.loads(json.dumps(wanted))  # as it looks when it is read back
    for name, what in (
        ("format", "format"),
        ("identity", "options"),
        ("photos_sha256", "photos"),
        ("shard_size", "shard size"),
    ):
        if found.get(name) != wanted[name]:
            said = _difference(found.get(name), wanted[name])
            raise InputError(
                f"shards must be made with the same {what} as those already there, got {said}, "
                f"at {place}. Choose another folder, or do all of it again with --again."
            )


def _difference(found: Any, wanted: Any) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        key = next(key for key in {**found, **wanted} if found.get(key) != wanted.get(key))
        return f"{key} {wanted.get(key)!r} and not {found.get(key)!r}"
    return f"{str(wanted)[:20]} and not {str(found)[:20]}"


def _decompress(text: str) -> NDArray[np.int64] | None:
    """Return the run lengths of COCO's compressed form, None where the text is not of it."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) - 48
    more = (codes & 32) > 0
    if not len(codes) or ((codes < 0) | (codes > 63)).any() or more[-1]:
        return None
    ends = np.flatnonzero(~more)
    starts = np.append(0, ends[:-1] + 1)
    digits = ends - starts + 1
    if digits.max() > 10:
        return None
    places = np.arange(len(codes)) - np.repeat(starts, digits)
    values = np.add.reduceat((codes & 31) << (5 * places), starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (5 * digits), 0)
    # From the fourth run on, the difference to the run two before is stored.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values if (values >= 0).all() else None
