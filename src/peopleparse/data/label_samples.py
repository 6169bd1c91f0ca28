"""Images of a label source as results that can be drawn, with their photo where it lies nearby."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from peopleparse.data.gps_labels import GpsLabels
from peopleparse.data.image_labels import ImageLabels, size_of
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError
from peopleparse.labels import Scheme, scheme_names
from peopleparse.structures import Annotation, ParsedPeople

_PHOTO_SUFFIXES = (".jpg", ".jpeg")
_PHOTO_FOLDERS = ("images", "image", "photos", "jpegimages")


def choose_samples(ids: Sequence[str], count: int) -> list[str]:
    """Return ids at even distances, the same each time; all of them where there are fewer.

    >>> choose_samples("abcdefgh", 2)
    ['c', 'g']
    """
    count = min(count, len(ids))
    return [ids[(2 * n + 1) * len(ids) // (2 * count)] for n in range(count)]


def read_sample(source: FileLabels, image_id: str) -> ParsedPeople:
    """Read one image for drawing; where persons share pixels, the left one is drawn.

    Where persons are not told apart, the result has labels and no people. The photo is looked for
    beside the labels, by its name; one of another size is left out.

    Raises:
        DataError: the labels are missing or broken.
    """
    labels = source.read(image_id)
    size, scheme = size_of(labels), source.scheme
    photo = _find_photo(source, image_id, size)
    parsing, instances = _flatten(labels, scheme, image_id)
    if labels.persons is None or scheme.name not in scheme_names():
        return ParsedPeople(parsing, instances, (), scheme, photo, image_id)
    return ParsedPeople.from_maps(
        parsing, instances, scheme=scheme.name, image=photo, source=image_id
    )


def _flatten(
    labels: ImageLabels, scheme: Scheme, image_id: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    if isinstance(labels.persons, tuple):
        return labels.persons
    if labels.persons is not None:
        parsing, instances, _ = Annotation(labels.persons, scheme, image_id).flatten()
        return parsing, instances
    empty = np.zeros(size_of(labels), np.uint16)
    return (empty.astype(np.uint8) if labels.parsing is None else labels.parsing), empty


def _find_photo(
    source: FileLabels, image_id: str, size: tuple[int, int]
) -> NDArray[np.uint8] | None:
    name = _photo_name(source, image_id)
    if name is None:
        return None
    try:
        with Image.open(io.BytesIO(source.files.read(name))) as image:
            photo = np.array(image.convert("RGB"))
    except (DataError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None  # a sample without its photo is still a sample
    return photo if photo.shape[:2] == size else None


def _photo_name(source: FileLabels, image_id: str) -> str | None:
    if isinstance(source, GpsLabels):
        return str(source.record_of(image_id)["image"]["file"])
    return next((name for name in source.files.names if _is_photo(name, image_id)), None)


def _is_photo(name: str, image_id: str) -> bool:
    path = PurePosixPath(name)
    if path.stem != image_id:
        return False
    if path.suffix.lower() in _PHOTO_SUFFIXES:
        return True
    # A PNG may be a label map, unless its folder says that it is none.
    return path.suffix.lower() == ".png" and path.parent.name.lower() in _PHOTO_FOLDERS
